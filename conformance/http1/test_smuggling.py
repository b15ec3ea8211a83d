"""Messages that two recipients may take for different ones, with a request hidden in what one of them takes for data.

RFC 9112, sections 6.1, 6.3 and 11.2. The hidden request must never reach the application: a message of this kind is
refused, or it is framed by its chunked coding and is then the last one on its connection.
"""

import pytest

from asgi_conformance.conformance.http1.test_content_length import with_fields
from asgi_conformance.fixtures.checks import case, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.hostile import Trap, send

CODINGS = [
    case("plain", b"Transfer-Encoding: chunked"),
    case("upper-case", b"TRANSFER-ENCODING: CHUNKED"),
    case("without-space", b"Transfer-Encoding:chunked"),
    case("tab-before", b"Transfer-Encoding:\tchunked"),
    case("whitespace-behind", b"Transfer-Encoding: chunked \t"),
    case("repeated", b"Transfer-Encoding: chunked, chunked"),
    case("repeated-line", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
    case("identity-before", b"Transfer-Encoding: identity, chunked"),
    case("identity-line-before", b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"),
    case("unknown-line-before", b"Transfer-Encoding: x-made-up\r\nTransfer-Encoding: chunked"),
    case("comma-before", b"Transfer-Encoding: , chunked"),
    case("comma-behind", b"Transfer-Encoding: chunked,"),
    case("empty-line-before", b"Transfer-Encoding:\r\nTransfer-Encoding: chunked"),
    case("identity-behind", b"Transfer-Encoding: chunked, identity"),
    case("identity-line-behind", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
    case("empty-line-behind", b"Transfer-Encoding: chunked\r\nTransfer-Encoding:"),
    case("letter-before", b"Transfer-Encoding: xchunked"),
    case("letter-behind", b"Transfer-Encoding: chunkedx"),
    case("words", b"Transfer-Encoding: identity chunked"),
    case("semicolon", b"Transfer-Encoding: chunked;"),
    case("parameter", b"Transfer-Encoding: chunked;level=1"),
    case("quoted", b'Transfer-Encoding: "chunked"'),
    case("in-single-quotes", b"Transfer-Encoding: 'chunked'"),
    case("vertical-tab-before", b"Transfer-Encoding: \x0bchunked"),
    case("vertical-tab-behind", b"Transfer-Encoding: chunked\x0b"),
    case("form-feed-before", b"Transfer-Encoding: \x0cchunked"),
    case("null-before", b"Transfer-Encoding: \0chunked"),
    case("null-behind", b"Transfer-Encoding: chunked\0"),
    case("unit-separator-before", b"Transfer-Encoding: \x1fchunked"),
    case("delete-behind", b"Transfer-Encoding: chunked\x7f"),
    case("next-line-before", b"Transfer-Encoding: \x85chunked"),
    case("no-break-space-before", b"Transfer-Encoding: \xa0chunked"),
    case("no-break-space-behind", b"Transfer-Encoding: chunked\xa0"),
    case("kelvin-sign", b"Transfer-Encoding: chun\xe2\x84\xaaed"),
    case("folded", b"Transfer-Encoding:\r\n chunked"),
    case("folded-behind-identity", b"Transfer-Encoding: identity,\r\n chunked"),
]
"""Field lines that are a Transfer-Encoding, whatever it says."""

NO_CODINGS = [
    case("space-before-colon", b"Transfer-Encoding : chunked"),
    case("tab-before-colon", b"Transfer-Encoding\t: chunked"),
    case("null-before-colon", b"Transfer-Encoding\0: chunked"),
    case("space-before-name", b" Transfer-Encoding: chunked"),
    case("space-in-name", b"Transfer Encoding: chunked"),
    case("underscore", b"Transfer_Encoding: chunked"),
    case("letter-before-name", b"XTransfer-Encoding: chunked"),
    case("line-feed-before", b"X-Probe: value\nTransfer-Encoding: chunked"),
    case("carriage-return-before", b"X-Probe: value\rTransfer-Encoding: chunked"),
    case("line-feed-behind", b"Transfer-Encoding: chunked\nX-Probe: value"),
    case("carriage-return-behind", b"Transfer-Encoding: chunked\rX-Probe: value"),
    case("folded-into-another", b"X-Probe: value\r\n Transfer-Encoding: chunked"),
    case("without-colon", b"Transfer-Encoding chunked"),
]
"""Lines that are none, or need not be one."""


@pytest.mark.parametrize("order", [case("length-first", True), case("coding-first", False)])
@pytest.mark.parametrize("coding", [*CODINGS, *NO_CODINGS])
@requires("rfc9112.transfer-encoding.with-content-length-close")
async def test_request_behind_the_chunks_and_within_the_length(http: Http, coding: bytes, order: bool) -> None:
    """A request within the body by its Content-Length, and behind it by its chunks, does not reach the application."""
    body = b"0\r\n\r\n" + Trap(http).request
    length = b"Content-Length: %d" % len(body)
    lines = [length, coding] if order else [coding, length]
    await (await send(http, with_fields(b"\r\n".join(lines) + b"\r\n", body))).body()


@pytest.mark.parametrize("coding", CODINGS)
@requires("rfc9112.transfer-encoding.overrides")
async def test_request_within_the_chunks_and_behind_the_length(http: Http, coding: bytes) -> None:
    """A request within the body by its chunks, and behind it by its Content-Length, does not reach the application."""
    hidden = Trap(http).request
    size = b"%x\r\n" % len(hidden)
    fields = b"Content-Length: %d\r\n%b\r\n" % (len(size), coding)
    await (await send(http, with_fields(fields, size + hidden + b"\r\n0\r\n\r\n"))).body()


@pytest.mark.parametrize("coding", CODINGS)
@requires("rfc9112.chunked.delimits", "rfc9112.transfer-encoding.not-final-close")
async def test_request_where_the_chunks_should_be(http: Http, coding: bytes) -> None:
    """A request in place of the chunks that a Transfer-Encoding announces does not reach the application."""
    await (await send(http, with_fields(coding + b"\r\n", Trap(http).request))).never_whole()
