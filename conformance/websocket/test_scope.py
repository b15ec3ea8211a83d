"""What the application is told when a WebSocket is asked for: www.rst, Websocket Connection Scope."""

import pytest

from asgi_conformance.fixtures.application import Fields
from asgi_conformance.fixtures.checks import case, configured, inapplicable, requires
from asgi_conformance.fixtures.instance import LIFESPAN_STATE
from asgi_conformance.fixtures.values import header_values, is_a, items, kind
from asgi_conformance.fixtures.websocket import WebSockets, close, connected, text

MOUNT = "/mount"


def optional(scope: Fields, key: str) -> None:
    """End the check as inapplicable where an optional key is missing or None."""
    if scope.get(key) is None:
        inapplicable(f"the scope has no {key}, which is optional")


# --- its life ---------------------------------------------------------------------------------------------------------


@requires("websocket.scope-per-connection.single")
async def test_application_is_called_once_for_a_socket(websocket: WebSockets) -> None:
    """The application is called once, and that call lasts for every message of the socket."""
    peer, application = await websocket.open()
    for number in range(3):
        peer.send(f"message {number}")
        assert (await application.receive())["text"] == f"message {number}"
        await application.send(text(f"answer {number}"))
        assert await peer.message() == f"answer {number}"
    await websocket.exchange()
    assert len(peer.applications) == 1
    assert not application.over


@requires("websocket.scope-per-connection.separate")
async def test_each_socket_has_its_own_scope(websocket: WebSockets) -> None:
    """What one application puts into its scope shows in no other socket's."""
    _, first = await websocket.open("/first", [(b"x-first", b"1")])
    await first.assign(["left"], "by the first socket")
    _, second = await websocket.open("/second")
    assert second.scope["path"] == "/second"
    assert header_values(second.scope, b"x-first") == []
    assert "left" not in second.scope


# --- types and plain values -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        case("type", "type", "str", requires="websocket.scope.type.type"),
        case("path", "path", "str", requires="websocket.scope.path.type"),
        case("http_version", "http_version", "str", requires="websocket.scope.http-version.type"),
        case("scheme", "scheme", "str", requires="websocket.scope.scheme.type"),
        case("raw_path", "raw_path", "bytes", requires="websocket.scope.raw-path.type"),
        case("query_string", "query_string", "bytes", requires="websocket.scope.query-string.type"),
        case("root_path", "root_path", "str", requires="websocket.scope.root-path.type"),
    ],
)
@requires()
async def test_type_of_key(websocket: WebSockets, key: str, expected: str) -> None:
    """The key, where it is there, has exactly the type that the specification names."""
    scope = await websocket.scope("/path?query")
    if key not in ("type", "path"):
        optional(scope, key)
    assert kind(scope[key]) == expected


@requires("websocket.scope.type.value")
async def test_type_is_websocket(websocket: WebSockets) -> None:
    """`type` is "websocket"."""
    assert (await websocket.scope())["type"] == "websocket"


@requires("websocket.scope.asgi-version.type")
async def test_type_of_version(websocket: WebSockets) -> None:
    """`asgi["version"]` is exactly a str."""
    assert kind((await websocket.scope())["asgi"]["version"]) == "str"


@requires("websocket.scope.spec-version.type")
async def test_type_of_spec_version(websocket: WebSockets) -> None:
    """`asgi["spec_version"]`, where it is there, is exactly a str."""
    asgi = (await websocket.scope())["asgi"]
    optional(asgi, "spec_version")
    assert kind(asgi["spec_version"]) == "str"


@requires("websocket.scope.spec-version.value")
async def test_spec_version_is_one_of_this_specification(websocket: WebSockets) -> None:
    """`asgi["spec_version"]` is a version that the HTTP and WebSocket specification has had."""
    asgi = (await websocket.scope())["asgi"]
    optional(asgi, "spec_version")
    assert asgi["spec_version"] in ("2.0", "2.1", "2.2", "2.3", "2.4", "2.5")


@requires("websocket.scope.http-version.value", "websocket.scope.http-version.default")
async def test_http_version_is_that_of_the_handshake(websocket: WebSockets) -> None:
    """`http_version`, or its default, is the version that the handshake was made in."""
    assert (await websocket.scope()).get("http_version", "1.1") == "1.1"


@requires("websocket.scope.scheme.value", "websocket.scope.scheme.default")
async def test_scheme_is_that_of_the_connection(websocket: WebSockets) -> None:
    """`scheme`, or its default, is "ws" for a connection in clear, and "wss" for one over TLS."""
    scope = await websocket.scope()
    assert scope.get("scheme", "ws") == ("wss" if websocket.is_secure else "ws")


@requires("websocket.scope.scheme.not-empty")
async def test_scheme_is_not_empty(websocket: WebSockets) -> None:
    """`scheme`, where it is there, is not empty."""
    assert (await websocket.scope()).get("scheme", "ws")


@pytest.mark.parametrize(
    "key",
    [
        case("spec_version", "spec_version", requires="websocket.scope.spec-version.default"),
        case("raw_path", "raw_path", requires="websocket.scope.raw-path.default"),
        case("client", "client", requires="websocket.scope.client.default"),
        case("server", "server", requires="websocket.scope.server.default"),
        case("state", "state", requires="websocket.scope.state.default"),
    ],
)
@requires()
async def test_optional_key(websocket: WebSockets, key: str) -> None:
    """Whether the optional key is there is the server's choice."""
    scope = await websocket.scope()
    there = scope["asgi"] if key == "spec_version" else scope
    websocket.observe(f"{key} is {'missing' if key not in there else 'None' if there[key] is None else 'there'}")


# --- the request target -----------------------------------------------------------------------------------------------


@requires("websocket.scope.path.present")
async def test_path_is_always_there(websocket: WebSockets) -> None:
    """`path` is there, also for the shortest target."""
    assert (await websocket.scope("/"))["path"] == "/"


@pytest.mark.parametrize(
    ("target", "path"),
    [
        case("space", "/a%20b", "/a b", requires="websocket.scope.path.decoded"),
        case("lower-case-digits", "/a%2ab", "/a*b", requires="websocket.scope.path.decoded"),
        case("question-mark", "/a%3Fb", "/a?b", requires="websocket.scope.path.decoded"),
        case("plus-is-no-space", "/a+b", "/a+b", requires="websocket.scope.path.decoded"),
        case("only-once", "/a%252Fb", "/a%2Fb", requires="websocket.scope.path.decoded"),
        case("encoded-slash", "/a%2Fb/c%2fd", "/a/b/c/d", requires="websocket.scope.path.encoded-slash"),
        case("two-octets", "/caf%C3%A9", "/café", requires="websocket.scope.path.utf8"),
        case("three-octets", "/%E2%82%AC", "/€", requires="websocket.scope.path.utf8"),
        case("four-octets", "/%F0%9F%90%8D", "/🐍", requires="websocket.scope.path.utf8"),
        case("query", "/path?a=b", "/path", requires="websocket.scope.path.without-query"),
        case("empty-query", "/path?", "/path", requires="websocket.scope.path.without-query"),
        case("second-question-mark", "/path?a?b", "/path", requires="websocket.scope.path.without-query"),
        case("empty-segment", "/a//b", "/a//b", requires="websocket.scope.path.segments"),
        case("leading-empty-segment", "//a", "//a", requires="websocket.scope.path.segments"),
        case("dot-segments", "/a/./b/../c/", "/a/./b/../c/", requires="websocket.scope.path.segments"),
        case("sub-delimiters", "/!$&'()*,=;:@", "/!$&'()*,=;:@", requires="websocket.scope.path.segments"),
    ],
)
@requires()
async def test_path_is_the_decoded_path_of_the_target(websocket: WebSockets, target: str, path: str) -> None:
    """`path` is the path of the request target, decoded once and otherwise left as it is."""
    assert (await websocket.scope(target))["path"] == path


@pytest.mark.parametrize(("target", "path"), [case("nul", "/a%00b", "/a\0b"), case("line-feed", "/a%0Ab", "/a\nb")])
@requires("websocket.scope.path.encoded-control")
async def test_encoded_control_character_is_decoded(websocket: WebSockets, target: str, path: str) -> None:
    """`path` has an encoded control character decoded, unless the server refuses the handshake with a 4xx."""
    peer = await websocket.handshake(target)
    application = await peer.called_or_refused()
    if application is None:
        assert 400 <= (await peer.response()).status < 500
        websocket.observe(f"refused: {peer.outcome}")
        return
    await application.send(close())
    await application.finish()
    assert application.scope["path"] == path
    await peer.response()


@pytest.mark.parametrize(
    "target", [case("lone-continuation", "/%80"), case("overlong", "/%C0%AF"), case("surrogate", "/%ED%A0%80")]
)
@requires("websocket.scope.path.not-utf8")
async def test_path_that_is_not_utf8_does_no_harm(websocket: WebSockets, target: str) -> None:
    """A path whose octets are not UTF-8 is answered, and so is the next request."""
    peer = await websocket.handshake(target)
    application = await peer.called_or_refused()
    if application is not None:
        await connected(application)
        await application.send(close())
        await application.finish()
        websocket.observe(f"path is {application.scope['path']!a}")
        await peer.response()
    else:
        websocket.observe(f"the application was not called: {peer.outcome}")
    assert (await websocket.exchange()).status == 204


@requires("websocket.scope.path.target-forms")
async def test_absolute_form_of_the_request_target(websocket: WebSockets) -> None:
    """What `path` is for a target in absolute form is the server's choice."""
    peer = await websocket.handshake(b"http://target.test/absolute?query")
    application = await peer.called_or_refused()
    if application is None:
        websocket.observe(f"the application was not called: {peer.outcome}")
        return
    await application.send(close())
    await application.finish()
    websocket.observe(f"path is {application.scope['path']!r}")
    await peer.response()


@pytest.mark.parametrize(
    ("target", "raw_path"),
    [
        case("plain", "/plain", b"/plain"),
        case("encoded", "/a%20b%2Fc", b"/a%20b%2Fc"),
        case("case-of-digits", "/%c3%A9", b"/%c3%A9"),
        case("query", "/path?a=b%20c", b"/path"),
        case("segments", "//a/./b/../c/", b"//a/./b/../c/"),
    ],
)
@requires("websocket.scope.raw-path.value")
async def test_raw_path_is_what_the_client_sent(websocket: WebSockets, target: str, raw_path: bytes) -> None:
    """`raw_path`, where it is offered, is the path of the request target, octet for octet, without the query."""
    scope = await websocket.scope(target)
    optional(scope, "raw_path")
    assert scope["raw_path"] == raw_path


@pytest.mark.parametrize(
    ("target", "query_string"),
    [
        case("pairs", "/?a=b&c=d&a=e", b"a=b&c=d&a=e", requires="websocket.scope.query-string.value"),
        case("second-question-mark", "/?a?b", b"a?b", requires="websocket.scope.query-string.value"),
        case("long", "/?" + "q" * 4000, b"q" * 4000, requires="websocket.scope.query-string.value"),
        case("encoded", "/?a%20b=%C3%A9", b"a%20b=%C3%A9", requires="websocket.scope.query-string.raw"),
        case("plus", "/?a+b", b"a+b", requires="websocket.scope.query-string.raw"),
        case("not-utf8", "/?%FF%fe", b"%FF%fe", requires="websocket.scope.query-string.raw"),
        case("missing-only-if-empty", "/?a", b"a", requires="websocket.scope.query-string.default"),
        case("none", "/", b"", requires="websocket.scope.query-string.default"),
    ],
)
@requires()
async def test_query_string_is_what_follows_the_question_mark(
    websocket: WebSockets, target: str, query_string: bytes
) -> None:
    """`query_string`, or its default, is all that follows the first question mark, still encoded."""
    assert ((await websocket.scope(target)).get("query_string") or b"") == query_string


@requires("websocket.scope.root-path.value", "websocket.scope.root-path.default")
async def test_root_path_is_empty_without_one(websocket: WebSockets) -> None:
    """`root_path`, or its default, is empty where the server was told none."""
    assert (await websocket.scope()).get("root_path", "") == ""


@requires("websocket.scope.root-path.value", "websocket.scope.root-path.default")
@configured(root_path=MOUNT)
async def test_root_path_is_the_one_configured(websocket: WebSockets) -> None:
    """`root_path` is the one that the server was told."""
    assert (await websocket.scope(_mounted(websocket, "/path"))).get("root_path", "") == MOUNT


@requires("websocket.scope.root-path.prefix-of-path")
@configured(root_path=MOUNT)
async def test_path_begins_with_the_root_path(websocket: WebSockets) -> None:
    """`path` is the full path, which begins with `root_path`."""
    assert (await websocket.scope(_mounted(websocket, "/path")))["path"] == MOUNT + "/path"


@requires("websocket.scope.raw-path.root-path")
@configured(root_path=MOUNT)
async def test_raw_path_is_as_received_under_a_root_path(websocket: WebSockets) -> None:
    """`raw_path`, where it is offered, is what the client sent, whatever the server puts before `path`."""
    target = _mounted(websocket, "/path")
    scope = await websocket.scope(target)
    optional(scope, "raw_path")
    assert scope["raw_path"] == target.encode()


def _mounted(websocket: WebSockets, path: str) -> str:
    """Return the target that a client, or the proxy before the server, sends for a path of the mounted application."""
    return path if websocket.instance.launch.server.root_path_is_prepended else MOUNT + path


# --- headers ----------------------------------------------------------------------------------------------------------


@requires("websocket.scope.headers.present")
async def test_headers_are_those_of_the_handshake(websocket: WebSockets) -> None:
    """`headers` is there, and holds those that make the handshake."""
    scope = await websocket.scope()
    assert header_values(scope, b"sec-websocket-version") == [b"13"]
    assert [value.lower() for value in header_values(scope, b"upgrade")] == [b"websocket"]


@pytest.mark.parametrize(
    "character",
    [
        case("vertical-tab", b"\x0b"),
        case("form-feed", b"\x0c"),
        case("file-separator", b"\x1c"),
        case("group-separator", b"\x1d"),
        case("record-separator", b"\x1e"),
        case("next-line", b"\x85"),
    ],
)
@requires("websocket.scope.headers.exact")
async def test_value_is_not_cut_into_headers(websocket: WebSockets, character: bytes) -> None:
    """A character that ends a line in Unicode, and not in HTTP, does not make a header of what follows it in a value."""
    peer = await websocket.by_hand(
        b"GET / HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
        b"Sec-WebSocket-Version: 13\r\nX-Probe: a" + character + b"X-Injected: yes\r\n\r\n"
    )
    application = await peer.called_or_refused()
    if application is not None:
        assert header_values(application.scope, b"x-injected") == []
    else:
        await websocket.exchange()


@requires("websocket.scope.headers.type")
async def test_headers_are_pairs_of_byte_strings(websocket: WebSockets) -> None:
    """`headers` is an iterable of two-item iterables of exactly bytes."""
    for header in items((await websocket.scope(headers=[(b"x-probe", b"value")]))["headers"]):
        assert [kind(part) for part in items(header)] == ["bytes", "bytes"], f"the header {header!r}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        case("plain", b"x-probe", b"value"),
        case("token-characters", b"x-!#$%&'*+-.^`|~0a", b"value"),
        case("inner-white-space", b"x-probe", b"a  b\tc"),
        case("delimiters", b"x-probe", b'(a), "b"; <c>=[d]{e}?@\\'),
        case("empty", b"x-probe", b""),
        case("long", b"x-probe", b"v" * 3000),
        case("origin", b"origin", b"https://example.test"),
        case("cookie", b"cookie", b'a=b; c="d e"'),
    ],
)
@requires("websocket.scope.headers.exact")
async def test_header_is_what_the_client_sent(websocket: WebSockets, name: bytes, value: bytes) -> None:
    """A header of the handshake is in `headers`, its value octet for octet."""
    assert header_values(await websocket.scope(headers=[(name, value)]), name) == [value]


@pytest.mark.parametrize("value", [case("latin-1", "café".encode("latin-1")), case("utf-8", "café €".encode())])
@requires("websocket.scope.headers.non-ascii")
async def test_octets_above_127_are_left_as_they_are(websocket: WebSockets, value: bytes) -> None:
    """A value with octets above 127 reaches the application as it came, unless the handshake is refused."""
    peer = await websocket.handshake(headers=[(b"x-probe", value)])
    application = await peer.called_or_refused()
    if application is None:
        inapplicable(f"the server refuses such a handshake: {peer.outcome}")
    await application.send(close())
    await application.finish()
    assert header_values(application.scope, b"x-probe") == [value]
    await peer.response()


@requires("websocket.scope.headers.order")
async def test_order_of_values_is_kept(websocket: WebSockets) -> None:
    """The values of one name are in the order in which the client sent them, whatever stands between them."""
    sent = [(b"x-probe", b"1"), (b"x-other", b"a"), (b"x-probe", b"2"), (b"x-other", b"b")]
    scope = await websocket.scope(headers=sent)
    assert b",".join(header_values(scope, b"x-probe")).replace(b" ", b"") == b"1,2"
    assert b",".join(header_values(scope, b"x-other")).replace(b" ", b"") == b"a,b"


@requires("websocket.scope.headers.duplicates")
async def test_duplicates_are_kept_apart(websocket: WebSockets) -> None:
    """Headers of one name are neither joined nor dropped."""
    scope = await websocket.scope(headers=[(b"x-probe", b"1"), (b"X-Probe", b"2"), (b"x-probe", b"1")])
    assert header_values(scope, b"x-probe") == [b"1", b"2", b"1"]


@requires("websocket.scope.headers.lowercase")
async def test_names_are_in_lower_case(websocket: WebSockets) -> None:
    """The names of headers are in lower case."""
    scope = await websocket.scope(headers=[(b"X-Probe", b"value"), (b"ACCEPT", b"*/*")])
    names = [items(header)[0] for header in items(scope["headers"])]
    assert names == [name.lower() for name in names]


# --- the two ends -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    [
        case("client", "client", requires="websocket.scope.client.type"),
        case("server", "server", requires="websocket.scope.server.type"),
    ],
)
@requires()
async def test_end_is_a_pair_of_host_and_port(websocket: WebSockets, key: str) -> None:
    """`client` and `server`, where they are there, are two-item iterables of a str and an int."""
    scope = await websocket.scope()
    optional(scope, key)
    assert [kind(part) for part in items(scope[key])] == ["str", "int"]


@requires("websocket.scope.client.host")
async def test_client_host_is_the_address_of_the_connection(websocket: WebSockets) -> None:
    """The host of `client` is the address that the client connected from."""
    scope = await websocket.scope()
    optional(scope, "client")
    assert items(scope["client"])[0] == websocket.instance.host


@requires("websocket.scope.client.port")
async def test_client_port_is_the_port_of_the_connection(websocket: WebSockets) -> None:
    """The port of `client` is the port that the client connected from, as an integer."""
    connection = await websocket.connect()
    scope = await websocket.scope(connection=connection)
    optional(scope, "client")
    assert items(scope["client"])[1] == connection.local_port


@requires("websocket.scope.server.host")
async def test_server_host_is_the_listening_address(websocket: WebSockets) -> None:
    """The host of `server` is the address that the server listens on."""
    scope = await websocket.scope()
    optional(scope, "server")
    assert items(scope["server"])[0] == websocket.instance.host


@requires("websocket.scope.server.port")
async def test_server_port_is_the_listening_port(websocket: WebSockets) -> None:
    """The port of `server` is the port that the server listens on, as an integer."""
    scope = await websocket.scope()
    optional(scope, "server")
    assert items(scope["server"])[1] == websocket.instance.port


@requires("websocket.scope.server.unix")
@configured(unix=True)
async def test_server_is_the_path_of_the_unix_socket(websocket: WebSockets) -> None:
    """`server`, where it is there, is the path of the Unix socket that the server listens on, and None."""
    scope = await websocket.scope()
    optional(scope, "server")
    assert items(scope["server"]) == [websocket.instance.socket_path, None]


# --- subprotocols -----------------------------------------------------------------------------------------------------


@requires("websocket.scope.subprotocols.type")
async def test_subprotocols_are_texts(websocket: WebSockets) -> None:
    """`subprotocols` is an iterable of exactly str."""
    scope = await websocket.scope(subprotocols=[b"one", b"two"])
    assert [kind(name) for name in items(scope["subprotocols"])] == ["str", "str"]


@pytest.mark.parametrize(
    ("headers", "names"),
    [
        case("one", [b"chat"], {"chat"}),
        case("several", [b"chat, superchat"], {"chat", "superchat"}),
        case("without-white-space", [b"chat,superchat"], {"chat", "superchat"}),
        case("more-white-space", [b"chat  ,\tsuperchat"], {"chat", "superchat"}),
        case("several-headers", [b"chat", b"superchat, v2.example"], {"chat", "superchat", "v2.example"}),
    ],
)
@requires("websocket.scope.subprotocols.value")
async def test_subprotocols_are_those_that_the_client_advertised(
    websocket: WebSockets, headers: list[bytes], names: set[str]
) -> None:
    """`subprotocols` are the names that the client advertised, from every header, and nothing else."""
    scope = await websocket.scope(headers=[(b"Sec-WebSocket-Protocol", value) for value in headers])
    assert sorted(items(scope["subprotocols"])) == sorted(names)


@requires("websocket.scope.subprotocols.order")
async def test_subprotocols_are_in_the_clients_order(websocket: WebSockets) -> None:
    """`subprotocols` are in the order of the client's preference."""
    scope = await websocket.scope(subprotocols=[b"zebra", b"apple", b"mango"])
    assert items(scope["subprotocols"]) == ["zebra", "apple", "mango"]


@requires("websocket.scope.subprotocols.default")
async def test_subprotocols_without_any(websocket: WebSockets) -> None:
    """`subprotocols`, where it is there, is empty when the client advertised none."""
    assert items((await websocket.scope()).get("subprotocols", [])) == []


# --- state ------------------------------------------------------------------------------------------------------------


@requires("websocket.scope.state.type")
async def test_state_is_a_dict_with_str_keys(websocket: WebSockets) -> None:
    """`state`, where it is there, is a dict whose keys are exactly str."""
    scope = await websocket.scope()
    optional(scope, "state")
    assert is_a(scope["state"], "dict")
    assert {kind(key) for key in items(scope["state"])} <= {"str"}


@requires("websocket.scope.state.value")
async def test_state_holds_what_the_lifespan_put_there(websocket: WebSockets) -> None:
    """`state` holds what the application put into it during the lifespan's startup."""
    scope = await websocket.scope()
    optional(scope, "state")
    assert scope["state"] == {**scope["state"], **LIFESPAN_STATE}


@requires("websocket.scope.state.value")
async def test_objects_in_state_are_shared(websocket: WebSockets) -> None:
    """The copy of `state` is shallow: two sockets find the same object under one key."""
    identities = []
    for _ in range(2):
        _, application = await websocket.open()
        optional(application.scope, "state")
        identities.append((application.process_id, await application.identify(["state", "shared"])))
    if identities[0][0] != identities[1][0]:
        inapplicable("the two sockets were served by different processes")
    assert identities[0] == identities[1]


@requires("websocket.scope.state.copy")
async def test_what_one_call_sets_in_state_shows_in_no_other(websocket: WebSockets) -> None:
    """A key that one socket's application sets in `state` is in no other call's."""
    _, application = await websocket.open()
    optional(application.scope, "state")
    await application.assign(["state", "left"], "by a socket")
    assert "left" not in (await websocket.scope())["state"]
