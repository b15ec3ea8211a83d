"""The scope's `path`, `raw_path`, `query_string`, `root_path` and `method`: www.rst, HTTP Connection Scope."""

import pytest

from asgi_conformance.fixtures.checks import case, configured, inapplicable, requires
from asgi_conformance.fixtures.client import Http

MOUNT = "/mount"


@pytest.mark.parametrize(
    ("target", "path"),
    [
        case("space", "/a%20b", "/a b"),
        case("lower-case-digits", "/a%2ab", "/a*b"),
        case("unreserved", "/%7Euser", "/~user"),
        case("reserved", "/a%3Bb%26c%3Dd", "/a;b&c=d"),
        case("question-mark", "/a%3Fb", "/a?b"),
        case("hash", "/a%23b", "/a#b"),
        case("plus-is-no-space", "/a+b", "/a+b"),
        case("only-once", "/a%252Fb", "/a%2Fb"),
        case("nothing-to-decode", "/plain/path", "/plain/path"),
    ],
)
@requires("http.scope.path.decoded")
async def test_percent_encoded_octets_are_decoded(http: Http, target: str, path: str) -> None:
    """`path` has percent-encoded octets decoded, once."""
    scope = await http.scope(target=target)
    assert scope["path"] == path


@requires("http.scope.path.encoded-slash")
async def test_encoded_slash_is_decoded(http: Http) -> None:
    """`path` has %2F decoded like any other percent-encoded octet."""
    scope = await http.scope(target="/a%2Fb/c%2fd")
    assert scope["path"] == "/a/b/c/d"


@pytest.mark.parametrize(
    ("target", "path"),
    [
        case("nul", "/a%00b", "/a\0b"),
        case("line-feed", "/a%0Ab", "/a\nb"),
        case("delete", "/a%7Fb", "/a\x7fb"),
    ],
)
@requires("http.scope.path.encoded-control")
async def test_encoded_control_character_is_decoded(http: Http, target: str, path: str) -> None:
    """`path` has an encoded control character decoded, unless the server refuses the request with a 4xx."""
    exchange = await http.request(target=target)
    application = await exchange.called_or_refused()
    if application is None:
        assert 400 <= (await exchange.response()).status < 500
        http.observe(f"refused: {exchange.outcome}")
        return
    await application.respond()
    assert application.scope["path"] == path
    await exchange.response()


@pytest.mark.parametrize(
    ("target", "path"),
    [
        case("two-octets", "/caf%C3%A9", "/café"),
        case("three-octets", "/%E2%82%AC", "/€"),
        case("four-octets", "/%F0%9F%90%8D", "/🐍"),
        case("several", "/%E4%BD%A0%E5%A5%BD/%D0%BC%D0%B8%D1%80", "/你好/мир"),
    ],
)
@requires("http.scope.path.utf8")
async def test_utf8_sequences_are_decoded(http: Http, target: str, path: str) -> None:
    """`path` has percent-encoded UTF-8 sequences decoded into characters."""
    scope = await http.scope(target=target)
    assert scope["path"] == path


@pytest.mark.parametrize(
    "target",
    [
        case("lone-continuation", "/%80"),
        case("latin-1", "/caf%E9"),
        case("truncated", "/%E2%82"),
        case("overlong", "/%C0%AF"),
        case("surrogate", "/%ED%A0%80"),
        case("beyond-unicode", "/%F4%90%80%80"),
    ],
)
@requires("http.scope.path.not-utf8")
async def test_path_that_is_not_utf8_does_no_harm(http: Http, target: str) -> None:
    """A path whose octets are not UTF-8 is answered, and so is the next request."""
    exchange = await http.request(target=target)
    application = await exchange.called_or_refused()
    if application is not None:
        await application.respond()
        http.observe(f"path is {application.scope['path']!a}")
        await exchange.response()
    else:
        http.observe(f"the application was not called: {exchange.outcome}")
    assert (await http.exchange()).status == 204


@pytest.mark.parametrize(
    "path",
    [
        case("empty-segment", "/a//b"),
        case("leading-empty-segment", "//a"),
        case("trailing-slash", "/a/"),
        case("dot-segment", "/a/./b"),
        case("double-dot-segment", "/a/../b"),
        case("semicolon", "/a;b=c/d"),
        case("colon-and-at", "/a:b@c"),
        case("sub-delimiters", "/!$&'()*,="),
        case("long", "/" + "a" * 4000),
    ],
)
@requires("http.scope.path.segments")
async def test_path_is_left_as_it_is(http: Http, path: str) -> None:
    """`path` keeps empty segments, dot segments and everything else that is not encoded."""
    scope = await http.scope(target=path)
    assert scope["path"] == path


@pytest.mark.parametrize(
    ("target", "path"),
    [
        case("query", "/path?a=b", "/path"),
        case("empty-query", "/path?", "/path"),
        case("query-with-slashes", "/path?/a/b", "/path"),
        case("second-question-mark", "/path?a?b", "/path"),
    ],
)
@requires("http.scope.path.without-query")
async def test_path_has_no_query(http: Http, target: str, path: str) -> None:
    """`path` ends before the first question mark."""
    scope = await http.scope(target=target)
    assert scope["path"] == path


@pytest.mark.parametrize(
    ("method", "target"),
    [
        case("absolute-form", "GET", b"http://{host}/absolute?query"),
        case("asterisk-form", "OPTIONS", b"*"),
    ],
)
@requires("http.scope.path.target-forms")
async def test_other_forms_of_the_request_target(http: Http, method: str, target: bytes) -> None:
    """What `path` is for a target in absolute or asterisk form is the server's choice."""
    exchange = await http.request(method, target.replace(b"{host}", b"target.test"))
    application = await exchange.called_or_refused()
    if application is not None:
        await application.respond()
        http.observe(f"path is {application.scope['path']!r}")
        await exchange.response()
    else:
        http.observe(f"the application was not called: {exchange.outcome}")


@pytest.mark.parametrize(
    ("target", "raw_path"),
    [
        case("plain", "/plain", b"/plain"),
        case("encoded", "/a%20b%2Fc", b"/a%20b%2Fc"),
        case("case-of-digits", "/%c3%A9", b"/%c3%A9"),
        case("needlessly-encoded", "/%61", b"/%61"),
        case("query", "/path?a=b%20c", b"/path"),
        case("segments", "//a/./b/../c/", b"//a/./b/../c/"),
    ],
)
@requires("http.scope.raw-path.value")
async def test_raw_path_is_what_the_client_sent(http: Http, target: str, raw_path: bytes) -> None:
    """`raw_path`, where it is offered, is the path of the request target, octet for octet, without the query."""
    scope = await http.scope(target=target)
    if scope.get("raw_path") is None:
        inapplicable("the scope has no raw_path, which is optional")
    assert scope["raw_path"] == raw_path


@pytest.mark.parametrize(
    ("target", "query_string"),
    [
        case("none", "/", b""),
        case("empty", "/?", b""),
        case("pairs", "/?a=b&c=d&a=e", b"a=b&c=d&a=e"),
        case("second-question-mark", "/?a?b", b"a?b"),
        case("slashes", "/?/a/../b", b"/a/../b"),
        case("long", "/?" + "q" * 4000, b"q" * 4000),
    ],
)
@requires("http.scope.query-string.value")
async def test_query_string_is_what_follows_the_question_mark(http: Http, target: str, query_string: bytes) -> None:
    """`query_string` is all that follows the first question mark."""
    scope = await http.scope(target=target)
    assert scope["query_string"] == query_string


@pytest.mark.parametrize(
    "query_string",
    [
        case("encoded", b"a%20b=%C3%A9"),
        case("plus", b"a+b"),
        case("encoded-delimiters", b"a%26b%3Dc"),
        case("not-utf8", b"%FF%fe"),
        case("nul", b"%00"),
        case("bad-encoding", b"100%"),
    ],
)
@requires("http.scope.query-string.raw")
async def test_query_string_is_left_encoded(http: Http, query_string: bytes) -> None:
    """`query_string` stays percent-encoded, octet for octet."""
    scope = await http.scope(target=b"/?" + query_string)
    assert scope["query_string"] == query_string


@pytest.mark.parametrize(
    "method",
    [case(method.lower(), method) for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE")]
    + [case("unregistered", "FROBNICATE"), case("with-hyphen", "M-SEARCH")],
)
@requires("http.scope.method.value")
async def test_method_is_that_of_the_request(http: Http, method: str) -> None:
    """`method` is the method of the request."""
    exchange = await http.request(method)
    application = await exchange.called_or_refused()
    if application is None:
        inapplicable(f"the server refuses the method {method}: {exchange.outcome}")
    await application.respond()
    assert application.scope["method"] == method
    await exchange.response()


@requires("http.scope.method.uppercase")
async def test_method_is_in_upper_case(http: Http) -> None:
    """`method` is in upper case, whatever case the request has it in."""
    exchange = await http.request("get")
    application = await exchange.called_or_refused()
    if application is None:
        inapplicable(f"the server refuses a method in lower case: {exchange.outcome}")
    await application.respond()
    assert application.scope["method"] == "GET"
    await exchange.response()


@requires("http.scope.root-path.value", "http.scope.root-path.default")
async def test_root_path_is_empty_without_one(http: Http) -> None:
    """`root_path`, or its default, is empty where the server was told none."""
    scope = await http.scope()
    assert scope.get("root_path", "") == ""


@requires("http.scope.root-path.value", "http.scope.root-path.default")
@configured(root_path=MOUNT)
async def test_root_path_is_the_one_configured(http: Http) -> None:
    """`root_path` is the one that the server was told."""
    scope = await http.scope(target=_mounted(http, "/path"))
    assert scope.get("root_path", "") == MOUNT


@requires("http.scope.root-path.prefix-of-path")
@configured(root_path=MOUNT)
async def test_path_begins_with_the_root_path(http: Http) -> None:
    """`path` is the full path, which begins with `root_path`."""
    scope = await http.scope(target=_mounted(http, "/path"))
    assert scope["path"] == MOUNT + "/path"


@requires("http.scope.raw-path.root-path")
@configured(root_path=MOUNT)
async def test_raw_path_is_as_received_under_a_root_path(http: Http) -> None:
    """`raw_path`, where it is offered, is what the client sent, whatever the server puts before `path`."""
    target = _mounted(http, "/path")
    scope = await http.scope(target=target)
    if scope.get("raw_path") is None:
        inapplicable("the scope has no raw_path, which is optional")
    assert scope["raw_path"] == target.encode()


def _mounted(http: Http, path: str) -> str:
    """Return the target that a client, or the proxy before the server, sends for a path of the mounted application."""
    return path if http.instance.launch.server.root_path_is_prepended else MOUNT + path
