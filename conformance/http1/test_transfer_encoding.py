"""Requests with a Transfer-Encoding: RFC 9112, sections 6.1, 6.3 and 7."""

import pytest

from asgi_conformance.conformance.http1.test_content_length import with_fields
from asgi_conformance.fixtures.checks import case, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.delivery import FOLLOWED, Delivery
from asgi_conformance.fixtures.hostile import Trap, send

CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"


def with_coding(value: bytes, body: bytes = CHUNKS) -> bytes:
    """A request whose Transfer-Encoding has this value."""
    return with_fields(b"Transfer-Encoding: " + value + b"\r\n", body)


# --- names of codings -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [case("upper", b"CHUNKED"), case("capitalised", b"Chunked"), case("mixed", b"cHuNkEd")],
)
@requires("rfc9112.transfer-encoding.case-insensitive")
async def test_name_of_the_coding_in_any_case(http: Http, delivery: Delivery, value: bytes) -> None:
    """A body is decoded whether its coding is called chunked in lower, upper or mixed case."""
    assert await (await send(http, with_coding(value), delivery)).body(or_closed=False) == b"hello"


@pytest.mark.parametrize(
    "value",
    [
        case("in-one-line", b"x-made-up, chunked"),
        case("in-two-lines", b"x-made-up\r\nTransfer-Encoding: chunked"),
        case("with-parameter", b"x-made-up;level=1, chunked"),
        case("with-quoted-parameter", b'x-made-up;level="1, chunked", chunked'),
    ],
)
@requires("rfc9112.transfer-encoding.unknown")
async def test_unknown_coding_is_answered_501(http: Http, value: bytes) -> None:
    """A request with a transfer coding that nobody knows, and chunked after it, is answered with 501."""
    await (await send(http, with_coding(value))).refused([501])


@pytest.mark.parametrize(
    "value", [case("parameter", b"chunked;level=1"), case("quoted-parameter", b'chunked; level="1"')]
)
@requires("rfc9112.chunked.no-parameters")
async def test_chunked_with_parameters_is_refused(http: Http, value: bytes) -> None:
    """A request whose Transfer-Encoding gives chunked a parameter is refused."""
    await (await send(http, with_coding(value))).refused(or_closed=True)


# --- chunked is not the last coding -----------------------------------------------------------------------------------

NOT_FINAL = [
    case("gzip", b"gzip"),
    case("identity", b"identity"),
    case("unknown", b"x-made-up"),
    case("letter-before", b"xchunked"),
    case("letter-behind", b"chunkedx"),
    case("suffix", b"chunked-x"),
    case("half", b"chunk"),
    case("gzip-behind", b"chunked, gzip"),
    case("identity-behind", b"chunked, identity"),
    case("unknown-behind", b"chunked, x-made-up"),
    case("gzip-in-a-second-line", b"chunked\r\nTransfer-Encoding: gzip"),
    case("identity-in-a-second-line", b"chunked\r\nTransfer-Encoding: identity"),
    case("unknown-in-a-line-apart", b"chunked\r\nX-Probe: value\r\ntransfer-encoding: x-made-up"),
    case("in-a-parameter", b"x-made-up;name=chunked"),
    case("in-a-quoted-parameter", b'x-made-up;name=", chunked"'),
]


@pytest.mark.parametrize("value", NOT_FINAL)
@requires("rfc9112.transfer-encoding.not-final-400")
async def test_last_coding_is_not_chunked(http: Http, value: bytes) -> None:
    """A request whose last transfer coding is not chunked is answered with 400, or with 501."""
    await (await send(http, with_coding(value))).refused([400, 501])


@pytest.mark.parametrize("content", [case("chunks-behind", CHUNKS), case("request-behind", b"")])
@pytest.mark.parametrize("value", NOT_FINAL)
@requires("rfc9112.transfer-encoding.not-final-close")
async def test_last_coding_that_is_not_chunked_ends_the_connection(http: Http, value: bytes, content: bytes) -> None:
    """After a request whose last coding is not chunked the connection is closed, and nothing behind it is processed."""
    await (await send(http, with_coding(value, content + Trap(http).request), FOLLOWED)).last()


# --- with a Content-Length --------------------------------------------------------------------------------------------

LENGTHS = [
    case("shorter-before", b"4", True),
    case("shorter-behind", b"4", False),
    case("zero-before", b"0", True),
    case("zero-behind", b"0", False),
    case("as-long-before", b"%d" % len(CHUNKS), True),
    case("as-long-behind", b"%d" % len(CHUNKS), False),
    case("longer-before", b"100", True),
    case("longer-behind", b"100", False),
]


@pytest.mark.parametrize(
    ("value", "first"),
    [
        *LENGTHS,
        case("word", b"five", True),
        case("plus", b"+4", False),
        case("different", b"4, 5", True),
        case("empty", b"", False),
    ],
)
@requires("rfc9112.transfer-encoding.overrides")
async def test_coding_overrides_the_length(http: Http, delivery: Delivery, value: bytes, first: bool) -> None:
    """The body of a request with both is what the chunked coding says, whatever the length, or the request is refused."""
    assert await (await send(http, with_both(value, first), delivery)).body() in (None, b"hello")


@pytest.mark.parametrize("asks", [case("plain", b""), case("asks-to-persist", b"Connection: keep-alive\r\n")])
@pytest.mark.parametrize(("value", "first"), LENGTHS)
@requires("rfc9112.transfer-encoding.with-content-length-close")
async def test_both_fields_end_the_connection(http: Http, value: bytes, first: bool, asks: bytes) -> None:
    """After a request with both, refused or processed, the connection is closed, and nothing that follows is processed."""
    message = with_both(value, first, asks)
    await (await send(http, message + Trap(http).request, FOLLOWED)).last()


@pytest.mark.parametrize("first", [case("length-first", True), case("coding-first", False)])
@requires("rfc9112.transfer-encoding.with-content-length")
async def test_reaction_to_both_fields(http: Http, first: bool) -> None:
    """A request with both a Content-Length and a Transfer-Encoding is processed or refused."""
    sent = await send(http, with_both(b"%d" % len(CHUNKS), first))
    body = await sent.body()
    http.observe(f"refused: {sent.exchange.outcome}" if body is None else "processed")


def with_both(value: bytes, first: bool, others: bytes = b"", version: bytes = b"1.1") -> bytes:
    """A chunked request that has a Content-Length as well, before its Transfer-Encoding or behind it."""
    length, coding = b"Content-Length: " + value + b"\r\n", b"Transfer-Encoding: chunked\r\n"
    return with_fields(others + (length + coding if first else coding + length), CHUNKS, version=version)


# --- HTTP/1.0 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asks", [case("plain", b""), case("asks-to-persist", b"Connection: keep-alive\r\n")])
@pytest.mark.parametrize("value", [case("alone", None), case("with-length", b"5"), case("with-other-length", b"0")])
@requires("rfc9112.transfer-encoding.faulty-in-1.0")
async def test_coding_in_the_old_version_ends_the_connection(http: Http, asks: bytes, value: bytes | None) -> None:
    """After a request in HTTP/1.0 with a Transfer-Encoding the connection is closed, and nothing behind it is processed."""
    message = with_fields(asks + b"Transfer-Encoding: chunked\r\n", CHUNKS, version=b"1.0")
    if value is not None:
        message = with_both(value, True, asks, b"1.0")
    await (await send(http, message + Trap(http).request, FOLLOWED)).last()
