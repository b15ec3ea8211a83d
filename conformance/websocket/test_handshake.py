"""The opening handshake, line by line: RFC 6455, sections 4.2, 4.4, 9.1 and 11.3."""

import base64
import re
from typing import Any

import pytest

from asgi_conformance.fixtures.application import Application, Event
from asgi_conformance.fixtures.checks import case, inapplicable, requires
from asgi_conformance.fixtures.frames import TEXT, frame
from asgi_conformance.fixtures.http import Header, Response
from asgi_conformance.fixtures.http1 import connection_options
from asgi_conformance.fixtures.values import items
from asgi_conformance.fixtures.websocket import WebSocket, WebSockets, accept, accept_of, close, connected, text

CLEAR_ONLY = True  # it is about bytes

LINES = {
    "host": b"Host: {host}",
    "upgrade": b"Upgrade: websocket",
    "connection": b"Connection: Upgrade",
    "key": b"Sec-WebSocket-Key: {key}",
    "version": b"Sec-WebSocket-Version: 13",
}
GET = b"GET / HTTP/1.1"
SAMPLE_KEY, SAMPLE_ACCEPT = b"dGhlIHNhbXBsZSBub25jZQ==", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # section 1.3
EXTENSIONS = b"sec-websocket-extensions"
PROTOCOL = b"sec-websocket-protocol"
DEFLATE = b"permessage-deflate"
REGISTERED = {DEFLATE, b"bbf-usp-protocol"}  # IANA, WebSocket Extension Name Registry
STATUS_LINE = re.compile(rb"HTTP/1\.1 101 [\t\x20-\x7e\x80-\xff]*")
FIELD_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*")


def handshake(*further: bytes, line: bytes = GET, order: tuple[str, ...] = (), **instead: bytes | None) -> bytes:
    """Return a handshake with ``further`` lines, with others ``instead`` of those named (``None``: without that one)."""
    lines = {**LINES, **instead}
    chosen = [lines[name] for name in order or lines]
    return b"\r\n".join([line, *(field for field in chosen if field is not None), *further]) + b"\r\n\r\n"


async def tried(websocket: WebSockets, data: bytes) -> WebSocket:
    """Send what may be a handshake to an application that accepts any; return it when it is answered, or complete.

    An application that is called for an ordinary request answers with 204: the server has ignored the Upgrade field.
    """
    peer = await websocket.by_hand(data)
    await websocket.stage.until(
        lambda: peer.applications or peer.over, "a call of the application, or an answer to the handshake"
    )
    if peer.applications and not peer.over:
        application = await peer.called()
        if application.scope["type"] != "http":
            await take(peer, application)
        else:
            await application.respond()
            await application.finish()
    await websocket.stage.until(lambda: peer.upgraded or peer.over, "an answer to the handshake")
    return peer


async def take(peer: WebSocket, application: Application) -> None:
    """Have the application accept; one whose `send` raises lets that out."""
    await connected(application)
    if await application.attempt(accept()) is not None:
        await application.raise_error("again")


async def judge_refused(websocket: WebSockets, data: bytes) -> Response:
    """Make sure that the handshake gets an error code, and that the server goes on; return the response."""
    peer = await tried(websocket, data)
    assert peer.upgraded is None, "the handshake was completed"
    response = await peer.response()
    assert 400 <= response.status < 600, peer.outcome
    assert (await websocket.exchange()).status == 204
    return response


async def judge_no_handshake(websocket: WebSockets, data: bytes) -> None:
    """Make sure that the request is answered, but not with 101, and that the server goes on."""
    peer = await tried(websocket, data)
    assert peer.upgraded is None, "the handshake was completed"
    await peer.response()
    assert (await websocket.exchange()).status == 204


async def judge_accepted(websocket: WebSockets, data: bytes) -> WebSocket:
    """Make sure that the application is called for a WebSocket, and that accepting it completes the handshake."""
    peer = await websocket.by_hand(data)
    application = await peer.called()
    assert application.scope["type"] != "http", "the application was called for an ordinary request"
    await connected(application)
    await application.send(accept())
    await peer.accepted()
    return peer


# --- what makes a handshake -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        case("version-with-a-letter", handshake(version=b"Sec-WebSocket-Version: 13a")),
        case("version-with-a-leading-zero", handshake(version=b"Sec-WebSocket-Version: 013")),
        case("version-in-hexadecimal", handshake(version=b"Sec-WebSocket-Version: 0xD")),
        case("version-negative", handshake(version=b"Sec-WebSocket-Version: -13")),
        case("subprotocol-with-a-space", handshake(b"Sec-WebSocket-Protocol: a b")),
        case("subprotocol-with-a-slash", handshake(b"Sec-WebSocket-Protocol: chat/1")),
        case("subprotocol-quoted", handshake(b'Sec-WebSocket-Protocol: "chat"')),
        case("subprotocol-in-parentheses", handshake(b"Sec-WebSocket-Protocol: chat (1)")),
        case("subprotocols-with-semicolon", handshake(b"Sec-WebSocket-Protocol: chat; superchat")),
    ],
)
@requires("rfc6455.handshake.invalid.refused")
async def test_malformed_handshake_is_refused(websocket: WebSockets, data: bytes) -> None:
    """A handshake with a field that the grammar does not allow gets an error code."""
    await judge_refused(websocket, data)


@pytest.mark.parametrize(
    "order",
    [
        case("reversed", ("version", "key", "connection", "upgrade", "host")),
        case("key-first", ("key", "version", "host", "upgrade", "connection")),
        case("connection-before-upgrade", ("host", "connection", "upgrade", "version", "key")),
        case("upgrade-last", ("host", "version", "key", "connection", "upgrade")),
    ],
)
@requires("rfc6455.handshake.order")
async def test_order_of_fields_does_not_matter(websocket: WebSockets, order: tuple[str, ...]) -> None:
    """A handshake with its fields in another order is accepted."""
    await judge_accepted(websocket, handshake(order=order))


@pytest.mark.parametrize(
    "data",
    [
        case("post", handshake(line=b"POST / HTTP/1.1"), requires="rfc6455.handshake.method"),
        case("put", handshake(line=b"PUT / HTTP/1.1"), requires="rfc6455.handshake.method"),
        case("options", handshake(line=b"OPTIONS / HTTP/1.1"), requires="rfc6455.handshake.method"),
        case("delete", handshake(line=b"DELETE / HTTP/1.1"), requires="rfc6455.handshake.method"),
        case("unknown-method", handshake(line=b"PROBE / HTTP/1.1"), requires="rfc6455.handshake.method"),
        case("http-1.0", handshake(line=b"GET / HTTP/1.0"), requires="rfc6455.handshake.http-version"),
        case("no-upgrade", handshake(upgrade=None), requires="rfc6455.handshake.upgrade.required"),
        case("empty-upgrade", handshake(upgrade=b"Upgrade:"), requires="rfc6455.handshake.upgrade.required"),
        case("other-upgrade", handshake(upgrade=b"Upgrade: x-probe"), requires="rfc6455.handshake.upgrade.required"),
        case(
            "longer-upgrade", handshake(upgrade=b"Upgrade: websockets"), requires="rfc6455.handshake.upgrade.required"
        ),
        case("shorter-upgrade", handshake(upgrade=b"Upgrade: websock"), requires="rfc6455.handshake.upgrade.required"),
        case("no-connection", handshake(connection=None), requires="rfc6455.handshake.connection.required"),
        case(
            "connection-without-the-token",
            handshake(connection=b"Connection: keep-alive"),
            requires="rfc6455.handshake.connection.required",
        ),
        case(
            "connection-with-a-longer-token",
            handshake(connection=b"Connection: x-upgrade"),
            requires="rfc6455.handshake.connection.required",
        ),
    ],
)
@requires()
async def test_request_that_is_no_handshake(websocket: WebSockets, data: bytes) -> None:
    """A request that lacks what makes a handshake is answered, but not with 101."""
    await judge_no_handshake(websocket, data)


@requires("rfc6455.handshake.absolute-form")
async def test_target_in_absolute_form(websocket: WebSockets) -> None:
    """A handshake whose target is in absolute form is accepted."""
    await judge_accepted(websocket, handshake(line=b"GET http://{host}/ HTTP/1.1"))


@pytest.mark.parametrize(
    "data",
    [
        case("no-host", handshake(host=None), requires="rfc6455.handshake.host"),
        case("no-key", handshake(key=None), requires="rfc6455.handshake.key.required"),
        case("empty-key", handshake(key=b"Sec-WebSocket-Key:"), requires="rfc6455.handshake.key.required"),
        case("no-version", handshake(version=None), requires="rfc6455.handshake.version.required"),
    ],
)
@requires()
async def test_handshake_without_a_field_is_refused(websocket: WebSockets, data: bytes) -> None:
    """A handshake that lacks a field which every handshake has gets an error code."""
    await judge_refused(websocket, data)


def key_line(value: bytes) -> bytes:
    return b"Sec-WebSocket-Key: " + value


@pytest.mark.parametrize(
    "data",
    [
        case(
            "short-key", handshake(key=key_line(base64.b64encode(b"k" * 15))), requires="rfc6455.handshake.key.length"
        ),
        case("long-key", handshake(key=key_line(base64.b64encode(b"k" * 17))), requires="rfc6455.handshake.key.length"),
        case("tiny-key", handshake(key=key_line(base64.b64encode(b"k"))), requires="rfc6455.handshake.key.length"),
        case(
            "key-twice-as-long",
            handshake(key=key_line(base64.b64encode(b"k" * 32))),
            requires="rfc6455.handshake.key.length",
        ),
        case(
            "key-of-other-characters",
            handshake(key=key_line(b"!" * 22 + b"==")),
            requires="rfc6455.handshake.key.base64",
        ),
        case(
            "key-in-the-alphabet-of-urls",
            handshake(key=key_line(b"-_" * 11 + b"==")),
            requires="rfc6455.handshake.key.base64",
        ),
        case("key-without-padding", handshake(key=key_line(SAMPLE_KEY[:-2])), requires="rfc6455.handshake.key.base64"),
        case("same-key-twice", handshake(LINES["key"]), requires="rfc6455.handshake.key.once"),
        case("two-keys", handshake(key_line(SAMPLE_KEY)), requires="rfc6455.handshake.key.once"),
        case("same-version-twice", handshake(LINES["version"]), requires="rfc6455.handshake.version.once"),
        case("two-versions", handshake(b"Sec-WebSocket-Version: 8"), requires="rfc6455.handshake.version.once"),
    ],
)
@requires()
async def test_key_or_version_that_should_not_pass(websocket: WebSockets, data: bytes) -> None:
    """A handshake whose key is not 16 bytes in base64, or with two keys or versions, gets an error code."""
    await judge_refused(websocket, data)


@pytest.mark.parametrize(
    "data",
    [
        case("mixed-case", handshake(upgrade=b"Upgrade: WebSocket"), requires="rfc6455.handshake.upgrade.case"),
        case("upper-case", handshake(upgrade=b"Upgrade: WEBSOCKET"), requires="rfc6455.handshake.upgrade.case"),
        case(
            "first-of-several",
            handshake(upgrade=b"Upgrade: websocket, x-probe"),
            requires="rfc6455.handshake.upgrade.list",
        ),
        case(
            "last-of-several",
            handshake(upgrade=b"Upgrade: x-probe, websocket"),
            requires="rfc6455.handshake.upgrade.list",
        ),
        case("field-of-its-own", handshake(b"Upgrade: x-probe"), requires="rfc6455.handshake.upgrade.list"),
    ],
)
@requires()
async def test_upgrade_names_websocket(websocket: WebSockets, data: bytes) -> None:
    """A handshake whose Upgrade field contains "websocket", in whatever case, is accepted."""
    await judge_accepted(websocket, data)


@pytest.mark.parametrize(
    "data",
    [
        case("lower-case", handshake(connection=b"Connection: upgrade"), requires="rfc6455.handshake.connection.case"),
        case("upper-case", handshake(connection=b"Connection: UPGRADE"), requires="rfc6455.handshake.connection.case"),
        case(
            "last",
            handshake(connection=b"Connection: keep-alive, Upgrade"),
            requires="rfc6455.handshake.connection.list",
        ),
        case(
            "first",
            handshake(connection=b"Connection: Upgrade, keep-alive"),
            requires="rfc6455.handshake.connection.list",
        ),
        case(
            "without-white-space",
            handshake(connection=b"Connection: x-probe,Upgrade,keep-alive"),
            requires="rfc6455.handshake.connection.list",
        ),
        case(
            "last-field",
            handshake(connection=b"Connection: keep-alive\r\nConnection: Upgrade"),
            requires="rfc6455.handshake.connection.list",
        ),
        case("first-field", handshake(b"Connection: keep-alive"), requires="rfc6455.handshake.connection.list"),
    ],
)
@requires()
async def test_connection_has_the_token(websocket: WebSockets, data: bytes) -> None:
    """A handshake whose Connection field has the token "Upgrade", in whatever case, is accepted."""
    await judge_accepted(websocket, data)


@pytest.mark.parametrize(
    "further",
    [
        case("none", []),
        case("of-another-host", [b"Origin: https://elsewhere.test"]),
        case("null", [b"Origin: null"]),
    ],
)
@requires("rfc6455.handshake.origin.optional")
async def test_origin_is_optional(websocket: WebSockets, further: list[bytes]) -> None:
    """A handshake is accepted with an origin as well as without one."""
    peer = await tried(websocket, handshake(*further))
    if further and peer.upgraded is None and (await peer.response()).status == 403:
        inapplicable("the server refuses this origin, which it may")
    await peer.accepted()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        case("plain", b"x-probe", b"value"),
        case("of-the-same-family", b"sec-websocket-probe", b"value"),
        case("of-an-older-protocol", b"sec-websocket-key1", b"4 @1  46546xW%0l 1 5"),
        case("empty", b"x-probe", b""),
    ],
)
@requires("rfc6455.handshake.unknown-headers")
async def test_unknown_field_is_ignored(websocket: WebSockets, name: bytes, value: bytes) -> None:
    """A handshake with a field that nobody knows is accepted, and the application sees it."""
    peer = await judge_accepted(websocket, handshake(name + b": " + value))
    headers = map(items, items(peer.applications[0].scope["headers"]))
    assert value in [header[1] for header in headers if header[0].lower() == name]


@requires("rfc6455.handshake.data-after")
async def test_data_follows_the_handshake(websocket: WebSockets) -> None:
    """A message that the application sends right after accepting arrives, and so does one from the client."""
    peer, application = await websocket.call()
    await connected(application)
    await application.send(accept())
    await application.send(text("at once"))
    await peer.accepted()
    assert await peer.message() == "at once"
    peer.connection.write(frame(TEXT, b"from the client"))
    assert (await application.receive())["text"] == "from the client"


@pytest.mark.parametrize("origin", [case("other-host", b"https://elsewhere.test"), case("other-scheme", b"file://")])
@requires("rfc6455.origin.not-validated")
async def test_origin_of_others(websocket: WebSockets, origin: bytes) -> None:
    """Whether a server refuses an origin that is not its own is its choice."""
    peer = await tried(websocket, handshake(b"Origin: " + origin))
    await websocket.exchange()
    websocket.observe("the handshake is completed" if peer.upgraded else f"refused: {peer.outcome}")


# --- another version --------------------------------------------------------------------------------------------------

VERSIONS = [case("next", b"14"), case("far-off", b"99"), case("highest", b"255")]


@pytest.mark.parametrize("version", VERSIONS)
@requires("rfc6455.version.unsupported.refused")
async def test_unknown_version_is_refused(websocket: WebSockets, version: bytes) -> None:
    """A handshake of a version that does not exist gets an error code."""
    await judge_refused(websocket, handshake(version=b"Sec-WebSocket-Version: " + version))


@pytest.mark.parametrize("version", VERSIONS)
@requires("rfc6455.version.unsupported.header")
async def test_client_is_told_the_version(websocket: WebSockets, version: bytes) -> None:
    """The answer to a handshake of an unknown version says that the server speaks version 13."""
    response = await judge_refused(websocket, handshake(version=b"Sec-WebSocket-Version: " + version))
    assert b"13" in members(response, b"sec-websocket-version")


@requires("rfc6455.version.unsupported.426")
async def test_status_for_an_unknown_version(websocket: WebSockets) -> None:
    """Which error code an unknown version gets is the server's choice."""
    peer = await tried(websocket, handshake(version=b"Sec-WebSocket-Version: 14"))
    await websocket.exchange()
    websocket.observe("the handshake is completed" if peer.upgraded else peer.outcome)


def members(response: Response, name: bytes) -> list[bytes]:
    """Return the members of a list that one or several fields of a response hold."""
    parts = b",".join(response.values(name)).split(b",")
    return [part.strip() for part in parts if part.strip()]


# --- the answer -------------------------------------------------------------------------------------------------------


async def answer(websocket: WebSockets, event: Event, *further: bytes, **instead: bytes | None) -> Response:
    """Return the response that completes a handshake which the application accepts with this event."""
    peer = await websocket.by_hand(handshake(*further, **instead))  # type: ignore[arg-type]
    application = await peer.called()
    await connected(application)
    await application.send(event)
    return await peer.accepted()


async def answer_if_any(websocket: WebSockets, event: Event, *further: bytes) -> Response | None:
    """Return the response that completes a handshake, where the server may also refuse the application's event."""
    peer = await websocket.by_hand(handshake(*further))
    application = await peer.called()
    await connected(application)
    await application.conclude(event)
    await websocket.stage.until(lambda: peer.upgraded or peer.over, "an answer to the handshake")
    return peer.upgraded


async def judge_answer(websocket: WebSockets, headers: list[Header]) -> Response:
    """Return the response to an application that gives these headers; the check ends where the server refuses them."""
    response = await answer_if_any(websocket, accept(headers=headers))
    if response is None:
        assert headers, "the handshake was not completed"
        inapplicable("the server refuses such a header of the application's")
    return response


@requires("rfc6455.response.valid")
async def test_response_is_valid_http_without_a_body(websocket: WebSockets) -> None:
    """The response that accepts is an HTTP header section, and the byte after it is that of a frame."""
    peer, application = await websocket.call()
    await connected(application)
    await application.send(accept())
    await application.send(text("probe"))
    await websocket.stage.until(
        lambda: b"probe" in peer.connection.received or peer.connection.closed is not None, "the message"
    )
    head, _, rest = bytes(peer.connection.received).partition(b"\r\n\r\n")
    status_line, *field_lines = head.split(b"\r\n")
    assert STATUS_LINE.fullmatch(status_line)
    assert [line for line in field_lines if not FIELD_LINE.fullmatch(line)] == []
    assert rest == b"\x81\x05probe"


@requires("rfc6455.response.status")
async def test_response_has_status_101(websocket: WebSockets) -> None:
    """The response that accepts has the status 101."""
    peer, application = await websocket.call()
    await connected(application)
    await application.send(accept())
    await websocket.stage.until(lambda: peer.connection.received or peer.over, "the response")
    await websocket.stage.until(lambda: peer.upgraded or peer.arrived or peer.over, "the response")
    response = peer.upgraded or peer.arrived
    assert response is not None, peer.outcome
    assert response.status == 101


@pytest.mark.parametrize(
    "headers",
    [case("none-given", []), case("another-given", [(b"upgrade", b"x-probe")]), case("other", [(b"x-a", b"b")])],
)
@requires("rfc6455.response.upgrade")
async def test_response_names_websocket(websocket: WebSockets, headers: list[Header]) -> None:
    """The response has an Upgrade field with the value "websocket", whatever headers the application gives."""
    response = await judge_answer(websocket, headers)
    assert [value.lower() for value in members(response, b"upgrade")] == [b"websocket"]


@pytest.mark.parametrize(
    "headers",
    [
        case("none-given", []),
        case("close-given", [(b"connection", b"close")]),
        case("keep-alive-given", [(b"connection", b"keep-alive")]),
    ],
)
@requires("rfc6455.response.connection")
async def test_response_has_the_token_upgrade(websocket: WebSockets, headers: list[Header]) -> None:
    """The response has a Connection field with "Upgrade", whatever headers the application gives."""
    assert b"upgrade" in connection_options(await judge_answer(websocket, headers))


@requires("rfc6455.response.accept.present")
async def test_response_has_an_accept_field(websocket: WebSockets) -> None:
    """The response has a Sec-WebSocket-Accept field."""
    assert (await answer(websocket, accept())).values(b"sec-websocket-accept") != []


@pytest.mark.parametrize(
    "key",
    [
        case("sample", SAMPLE_KEY),
        case("zeros", b"AAAAAAAAAAAAAAAAAAAAAA=="),
        case("plus-and-slash", b"+/+/+/+/+/+/+/+/+/+/+w=="),
        case("white-space-around", b" \t" + SAMPLE_KEY + b"  "),
    ],
)
@requires("rfc6455.response.accept.value")
async def test_accept_is_made_of_the_key(websocket: WebSockets, key: bytes) -> None:
    """The value of Sec-WebSocket-Accept proves that the server has read the key."""
    assert accept_of(SAMPLE_KEY) == SAMPLE_ACCEPT
    response = await answer(websocket, accept(), key=key_line(key))
    assert response.values(b"sec-websocket-accept")[:1] == [accept_of(key.strip())]


@pytest.mark.parametrize(
    "headers", [case("none-given", []), case("another-given", [(b"sec-websocket-accept", SAMPLE_ACCEPT)])]
)
@requires("rfc6455.response.accept.once")
async def test_accept_is_there_once(websocket: WebSockets, headers: list[Header]) -> None:
    """There is one Sec-WebSocket-Accept field, even if the application gives one of its own."""
    response = await judge_answer(websocket, headers)
    assert len(response.values(b"sec-websocket-accept")) == 1


@requires("rfc6455.response.declined")
async def test_declined_handshake_gets_an_error_code(websocket: WebSockets) -> None:
    """A handshake that the application denies gets a complete response with an error code, and no frames."""
    peer, application = await websocket.call()
    await connected(application)
    await application.send(close())
    await application.finish()
    response = await peer.response()
    await websocket.settle()
    assert 400 <= response.status < 600
    assert bytes(peer.connection.surplus) == b""


# --- subprotocols -----------------------------------------------------------------------------------------------------


def offer(value: bytes) -> bytes:
    return b"Sec-WebSocket-Protocol: " + value


@pytest.mark.parametrize(
    "value",
    [
        case("registered", b"wamp"),
        case("unknown", b"x-probe"),
        case("several", b"chat, superchat, v2.example"),
        case("token-characters", b"!#$%&'*+-.^_`|~0aZ"),
        case("long", b"p" * 1000),
    ],
)
@requires("rfc6455.subprotocol.optional")
async def test_subprotocols_may_be_offered(websocket: WebSockets, value: bytes) -> None:
    """A handshake that offers subprotocols is accepted, whichever they are."""
    await judge_accepted(websocket, handshake(offer(value)))


@pytest.mark.parametrize(
    "chosen", [case("another", "other"), case("other-case", "CHAT"), case("list", "chat, superchat")]
)
@requires("rfc6455.subprotocol.from-offer")
async def test_subprotocol_is_one_of_those_offered(websocket: WebSockets, chosen: str) -> None:
    """A subprotocol that the client did not offer does not reach it, though the application names it."""
    response = await answer_if_any(websocket, accept(subprotocol=chosen), offer(b"chat, superchat"))
    assert response is None or set(response.values(PROTOCOL)) <= {b"chat", b"superchat"}


@requires("rfc6455.subprotocol.none-offered")
async def test_no_subprotocol_where_none_was_offered(websocket: WebSockets) -> None:
    """Where the client offered no subprotocol the response names none, though the application does."""
    response = await answer_if_any(websocket, accept(subprotocol="chat"))
    assert response is None or response.values(PROTOCOL) == []


@pytest.mark.parametrize("keys", [case("missing", {}), case("none", {"subprotocol": None})])
@requires("rfc6455.subprotocol.none-chosen")
async def test_no_subprotocol_where_none_was_chosen(websocket: WebSockets, keys: dict[str, Any]) -> None:
    """Where the application chooses no subprotocol the response has no such field."""
    response = await answer(websocket, accept(**keys), offer(b"chat, superchat"))
    assert response.values(PROTOCOL) == []


@requires("rfc6455.subprotocol.not-empty")
async def test_empty_subprotocol_does_not_reach_the_client(websocket: WebSockets) -> None:
    """The response has no Sec-WebSocket-Protocol field without a value, though the application gives an empty string."""
    response = await answer_if_any(websocket, accept(subprotocol=""), offer(b"chat"))
    assert response is None or b"" not in response.values(PROTOCOL)


@pytest.mark.parametrize(
    ("event", "offers"),
    [
        case("chosen", accept(subprotocol="chat"), [b"chat, superchat"]),
        case("offered-in-two-fields", accept(subprotocol="superchat"), [b"chat", b"superchat"]),
        case("header-as-well", accept(subprotocol="chat", headers=[[PROTOCOL, b"chat"]]), [b"chat, superchat"]),
        case("two-headers", accept(headers=[[PROTOCOL, b"chat"], [PROTOCOL, b"superchat"]]), [b"chat, superchat"]),
    ],
)
@requires("rfc6455.subprotocol.once")
async def test_subprotocol_is_there_once(websocket: WebSockets, event: Event, offers: list[bytes]) -> None:
    """The response has one Sec-WebSocket-Protocol field at most, whatever the application gives."""
    response = await answer_if_any(websocket, event, *map(offer, offers))
    assert response is None or len(response.values(PROTOCOL)) <= 1


@pytest.mark.parametrize("chosen", [case("of-the-first-field", "one"), case("of-the-last-field", "three")])
@requires("rfc6455.subprotocol.several-headers")
async def test_subprotocols_are_offered_in_several_fields(websocket: WebSockets, chosen: str) -> None:
    """The server knows the subprotocols of every Sec-WebSocket-Protocol field, and accepts any of them."""
    peer = await websocket.by_hand(handshake(offer(b"one"), offer(b"two, three")))
    application = await peer.called()
    await connected(application)
    assert chosen in items(application.scope["subprotocols"])
    await application.send(accept(subprotocol=chosen))
    assert (await peer.accepted()).values(PROTOCOL) == [chosen.encode()]


# --- extensions -------------------------------------------------------------------------------------------------------


def request_for(value: bytes) -> bytes:
    return b"Sec-WebSocket-Extensions: " + value


def agreed(response: Response) -> set[bytes]:
    """Return the names of the extensions that a response agrees to."""
    return {member.partition(b";")[0].strip() for member in members(response, EXTENSIONS)}


@pytest.mark.parametrize(
    "value",
    [
        case("unknown", b"x-probe"),
        case("parameters", b'x-probe; one; two=2; three="drei"'),
        case("several", b"x-probe, x-other; a=1"),
    ],
)
@requires("rfc6455.extensions.optional")
async def test_unknown_extensions_are_declined(websocket: WebSockets, value: bytes) -> None:
    """A handshake with extensions that no server knows is accepted, without them."""
    peer = await judge_accepted(websocket, handshake(request_for(value)))
    assert agreed(await peer.accepted()).isdisjoint({b"x-probe", b"x-other"})


@pytest.mark.parametrize("further", [case("none", []), case("unknown", [request_for(b"x-probe")])])
@requires("rfc6455.extensions.not-requested")
async def test_server_agrees_to_no_extension_unasked(websocket: WebSockets, further: list[bytes]) -> None:
    """The response names no extension that the client did not request."""
    response = await answer(websocket, accept(), *further)
    assert agreed(response) <= ({b"x-probe"} if further else set())


@pytest.mark.parametrize(
    "further", [case("none-requested", []), case("another-requested", [request_for(b"permessage-deflate")])]
)
@requires("rfc6455.extensions.not-listed")
async def test_extension_of_the_application_does_not_reach_the_client(
    websocket: WebSockets, further: list[bytes]
) -> None:
    """The response lists no extension that the client did not, though the application gives such a header."""
    response = await answer_if_any(websocket, accept(headers=[[EXTENSIONS, b"x-probe"]]), *further)
    assert response is None or agreed(response) <= ({DEFLATE} if further else set())


@pytest.mark.parametrize(
    "value",
    [
        case("unknown", b"x-probe"),
        case("similar", b"permessage-probe, permessage-deflate2"),
        case("never-registered", b"permessage-compress; method=deflate"),
    ],
)
@requires("rfc6455.extensions.registered")
async def test_server_agrees_to_registered_extensions_only(websocket: WebSockets, value: bytes) -> None:
    """The response names no extension but registered ones, also where the client requests others."""
    assert agreed(await answer(websocket, accept(), request_for(value))) <= REGISTERED


@pytest.mark.parametrize(
    "value",
    [
        case("empty-parameter", b"x-probe;;a"),
        case("no-name", b"; a=1"),
        case("space-in-name", b"x probe"),
        case("name-with-value", b"x-probe=1"),
        case("name-quoted", b'"x-probe"'),
        case("empty-value", b"x-probe; a="),
        case("unclosed-quotes", b'x-probe; a="b'),
        case("quoted-value-that-is-no-token", b'x-probe; a="b c"'),
        case("of-a-known-extension", b"permessage-deflate; =1"),
        case("behind-a-known-extension", b"permessage-deflate, x probe"),
    ],
)
@requires("rfc6455.extensions.malformed")
async def test_malformed_extensions_are_refused(websocket: WebSockets, value: bytes) -> None:
    """A handshake with a malformed list of extensions is not completed: it gets an error code, or none at all."""
    peer = await tried(websocket, handshake(request_for(value)))
    assert peer.upgraded is None, "the handshake was completed"
    assert peer.arrived is None or 400 <= peer.arrived.status < 600, peer.outcome
    assert (await websocket.exchange()).status == 204


@pytest.mark.parametrize(
    "values",
    [
        case("known-one-first", [b"permessage-deflate", b"x-probe"]),
        case("known-one-last", [b"x-probe; a=1", b"permessage-deflate"]),
        case("two-known-ones", [b"permessage-deflate; server_max_window_bits=10", b"permessage-deflate"]),
    ],
)
@requires("rfc6455.extensions.split")
async def test_extensions_are_requested_in_several_fields(websocket: WebSockets, values: list[bytes]) -> None:
    """Extensions requested in several fields are answered as if they were all in one."""
    combined = await answer(websocket, accept(), request_for(b", ".join(values)))
    split = await answer(websocket, accept(), *map(request_for, values))
    if members(combined, EXTENSIONS) == members(split, EXTENSIONS) == []:
        inapplicable("the server agrees to no extension")
    assert members(split, EXTENSIONS) == members(combined, EXTENSIONS)


@pytest.mark.parametrize(
    "values",
    [case("one", [b"permessage-deflate"]), case("two", [b"permessage-deflate", b"x-probe, permessage-deflate"])],
)
@requires("rfc6455.extensions.once")
async def test_extensions_are_answered_in_one_field(websocket: WebSockets, values: list[bytes]) -> None:
    """The response has one Sec-WebSocket-Extensions field at most."""
    assert len((await answer(websocket, accept(), *map(request_for, values))).values(EXTENSIONS)) <= 1
