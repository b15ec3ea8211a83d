"""Bodies of requests that Content-Length delimits, or nothing: RFC 9112, sections 6.2 and 6.3, RFC 9110, section 8.6."""

import dataclasses

import pytest

from asgi_conformance.fixtures.checks import case, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.delivery import FOLLOWED, Delivery
from asgi_conformance.fixtures.hostile import Trap, send

BODY = b"hello, world"


def with_fields(fields: bytes, body: bytes = BODY, method: bytes = b"POST", version: bytes = b"1.1") -> bytes:
    """A request with these field lines and this body, whatever they say of each other."""
    return b"%b /framed HTTP/%b\r\nHost: {host}\r\n%b\r\n%b" % (method, version, fields, body)


def with_length(value: bytes, body: bytes = BODY) -> bytes:
    """A request whose Content-Length has this value."""
    return with_fields(b"Content-Length: " + value + b"\r\n", body)


# --- valid lengths ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "body"),
    [
        case("plain", b"12", BODY),
        case("leading-zero", b"012", BODY),
        case("leading-zeros", b"00000000000012", BODY),
        case("whitespace-around", b" \t 12 \t ", BODY),
    ],
)
@requires("rfc9112.content-length.delimits")
async def test_length_is_decimal(http: Http, delivery: Delivery, value: bytes, body: bytes) -> None:
    """A valid Content-Length, leading zeros or not, says in decimal digits how long the body is."""
    assert await (await send(http, with_length(value, body), delivery)).body(or_closed=False) == body


@requires("rfc9112.content-length.delimits")
async def test_request_in_a_body_with_length(http: Http, delivery: Delivery) -> None:
    """A body that Content-Length delimits is not taken for a request, though it looks like one."""
    trap = Trap(http)
    sent = await send(http, with_length(b"%d" % len(trap.request), trap.request), delivery)
    assert await sent.body(or_closed=False) == trap.request


@requires("rfc9112.content-length.delimits")
async def test_length_of_zero(http: Http, delivery: Delivery) -> None:
    """After a request with a Content-Length of zero the next one begins at once."""
    sent = await send(http, with_length(b"0", b""), dataclasses.replace(delivery, followed=True))
    assert await sent.body(or_closed=False) == b""
    assert sent.follower is not None
    if sent.follower.applications:
        assert sent.follower.applications[0].scope["path"] == "/follower"
    else:
        assert sent.follower.arrived is None, f"the next request was refused: {sent.follower.outcome}"


@pytest.mark.parametrize(
    "decoy",
    [
        case("folded", b"X-Probe: value\r\n Content-Length: 0\r\n"),
        case("underscore", b"Content_Length: 0\r\n"),
        case("longer-name", b"X-Content-Length: 0\r\n"),
        case("shorter-name", b"Content-Lengt: 0\r\n"),
    ],
)
@pytest.mark.parametrize("first", [case("before", True), case("behind", False)])
@requires("rfc9112.content-length.delimits")
async def test_other_field_like_the_length(http: Http, decoy: bytes, first: bool) -> None:
    """What looks like a Content-Length and is none says nothing of the body: it is as long as the real one says."""
    trap = Trap(http)
    length = b"Content-Length: %d\r\n" % len(trap.request)
    sent = await send(http, with_fields(decoy + length if first else length + decoy, trap.request))
    assert await sent.body() in (None, trap.request)


@pytest.mark.parametrize(
    "length",
    [
        case("beyond-31-bits", 2**31 + 12),
        case("beyond-32-bits", 2**32 + 12),
        case("beyond-63-bits", 2**63 + 12),
        case("beyond-64-bits", 2**64 + 12),
        case("beyond-128-bits", 2**128 + 12),
        case("beyond-512-bits", 2**512 + 12),
    ],
)
@requires("rfc9110.content-length.large")
async def test_very_large_length(http: Http, delivery: Delivery, length: int) -> None:
    """A Content-Length beyond what an integer holds is not taken for a smaller one, at which the next request begins."""

    sent = await send(http, with_length(b"%d" % length, BODY + Trap(http).request), delivery)
    await sent.never_whole()


# --- invalid lengths --------------------------------------------------------------------------------------------------

INVALID = [
    case("plus", b"+12"),
    case("minus", b"-12"),
    case("hexadecimal", b"0xc"),
    case("underscore", b"1_2"),
    case("fraction", b"12.0"),
    case("exponent", b"1e1"),
    case("space-within", b"1 2"),
    case("number-behind", b"12 0"),
    case("letters-behind", b"12abc"),
    case("semicolon", b"12;0"),
    case("quoted", b'"12"'),
    case("empty", b""),
    case("superscript-digits", b"\xb9\xb2"),  # in ISO 8859-1
    case("full-width-digits", "\uff11\uff12".encode()),
    case("list-of-different", b"12, 13"),
    case("list-with-zero", b"0, 12"),
    case("list-with-invalid", b"12, twelve"),
    case("different-lines", b"12\r\nContent-Length: 13"),
    case("different-lines-with-zero", b"12\r\nContent-Length: 0"),
    case("invalid-second-line", b"12\r\nContent-Length: +12"),
]


@pytest.mark.parametrize("value", INVALID)
@requires("rfc9112.content-length.invalid")
async def test_invalid_length_is_refused(http: Http, delivery: Delivery, value: bytes) -> None:
    """A request with an invalid Content-Length does not reach the application."""
    await (await send(http, with_length(value), delivery)).refused(or_closed=True)


@pytest.mark.parametrize("value", INVALID)
@requires("rfc9112.content-length.invalid-400")
async def test_invalid_length_is_answered_400(http: Http, value: bytes) -> None:
    """A request with an invalid Content-Length is answered with 400."""
    await (await send(http, with_length(value))).refused([400])


@pytest.mark.parametrize("value", INVALID)
@requires("rfc9112.content-length.invalid-close")
async def test_invalid_length_ends_the_connection(http: Http, value: bytes) -> None:
    """After a request with an invalid Content-Length the connection is closed, and nothing that follows is processed."""
    await (await send(http, with_length(value, Trap(http).request), FOLLOWED)).last()


REPEATED = [
    case("list", b"12, 12"),
    case("list-without-space", b"12,12"),
    case("list-of-three", b"12, 12, 12"),
    case("lines", b"12\r\nContent-Length: 12"),
    case("lines-apart", b"12\r\nX-Probe: value\r\ncontent-length: 12"),
]


@pytest.mark.parametrize("value", REPEATED)
@requires("rfc9112.content-length.repeated-same")
async def test_repeated_length_counts_once(http: Http, delivery: Delivery, value: bytes) -> None:
    """Where the same valid Content-Length comes several times, the body has just that length, or the request is refused."""
    assert await (await send(http, with_length(value), delivery)).body() in (None, BODY)


@pytest.mark.parametrize("value", REPEATED)
@requires("rfc9110.content-length.repeated-same")
async def test_reaction_to_a_repeated_length(http: Http, value: bytes) -> None:
    """A request in which the same valid Content-Length comes several times is processed or refused."""
    sent = await send(http, with_length(value))
    body = await sent.body()
    http.observe(f"refused: {sent.exchange.outcome}" if body is None else "processed")


# --- no length --------------------------------------------------------------------------------------------------------


@requires("rfc9112.content-length.required")
async def test_reaction_to_a_body_without_length(http: Http) -> None:
    """A request with a chunked body, which has no Content-Length, is processed, or refused with 411."""
    sent = await send(http, with_fields(b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n"))
    body = await sent.body()
    http.observe(f"refused: {sent.exchange.outcome}" if body is None else "processed")


METHODS = [
    case("get", b"GET"),
    case("head", b"HEAD"),
    case("post", b"POST"),
    case("delete", b"DELETE"),
    case("options", b"OPTIONS"),
    case("unknown", b"PROBE"),
]


@pytest.mark.parametrize("method", METHODS)
@requires("rfc9112.body.none")
async def test_request_without_framing_has_no_body(http: Http, delivery: Delivery, method: bytes) -> None:
    """A request with neither Content-Length nor Transfer-Encoding has no body: what follows is the next request."""
    message = with_fields(b"", b"", method)
    sent = await send(http, message, dataclasses.replace(delivery, followed=True), method.decode())
    assert await sent.body() in (None, b"")


@pytest.mark.parametrize("version", [case("1.1", b"1.1"), case("1.0", b"1.0")])
@pytest.mark.parametrize("method", METHODS)
@requires("rfc9112.body.never-close-delimited")
async def test_body_ends_though_the_client_stays(http: Http, method: bytes, version: bytes) -> None:
    """The application hears at once that a request with neither field has no body, though the client closes nothing."""
    sent = await send(http, with_fields(b"", b"", method, version), method=method.decode())
    assert await sent.body() in (None, b"")


@pytest.mark.parametrize("chunked", [case("with-length", False), case("chunked", True)])
@pytest.mark.parametrize("method", [method for method in METHODS if method.id != "post"])
@requires("rfc9112.body.any-method")
async def test_body_of_any_method(http: Http, delivery: Delivery, method: bytes, chunked: bool) -> None:
    """A body is framed alike whatever the method: the application gets all of it, and none of it is taken for a request."""
    content = Trap(http).request
    length = b"Content-Length: %d\r\n" % len(content)
    message = with_fields(length, content, method)
    if chunked:
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content)
        message = with_fields(b"Transfer-Encoding: chunked\r\n", body, method)
    assert await (await send(http, message, delivery, method.decode())).body() in (None, content)
