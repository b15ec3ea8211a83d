"""Lines of a request's head, their ends, and octets that are no HTTP at all: RFC 9112, section 2.2."""

import pytest

from asgi_conformance.fixtures.checks import case, inapplicable, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.delivery import FOLLOWED, Delivery
from asgi_conformance.fixtures.hostile import Trap, header_values, holds, send

ANY_REFUSAL = range(300, 600)


def request(*lines: bytes) -> bytes:
    """Return a request with these field lines before its Host."""
    return b"\r\n".join([b"GET / HTTP/1.1", *lines, b"Host: {host}", b"", b""])


@pytest.mark.parametrize(
    "value",
    [
        case("next-line-at-the-end", b"a\x85"),
        case("next-line-within", b"a\x85Injected: b"),
        case("next-line-in-utf-8", b"a\xc2\x85Injected: b"),
        case("no-break-space-at-the-start", b"\xa0a"),
        case("no-break-space-at-the-end", b"a\xa0"),
        case("no-break-space-in-utf-8", b"a\xc2\xa0"),
        case("line-separator", b"a\xe2\x80\xa8Injected: b"),
        case("ideographic-space", b"\xe3\x80\x80a\xe3\x80\x80"),
    ],
)
@requires("rfc9112.parsing.octets")
async def test_octets_above_127_are_no_white_space(http: Http, delivery: Delivery, value: bytes) -> None:
    """Octets above 127 in a value neither end the line nor are cut off as white space."""
    sent = await send(http, request(b"X-Value: " + value), delivery)
    application = await sent.refused_or_called(or_closed=True)
    if application is None:
        inapplicable(f"the server refuses such a value: {sent.exchange.outcome}")
    assert header_values(application, b"x-value") == [value]
    assert header_values(application, b"injected") == []


@pytest.mark.parametrize(
    "message",
    [
        case("request-line", b"GET / HTTP/1.1\nHost: {host}\r\n\r\n"),
        case("field-line", b"GET / HTTP/1.1\r\nHost: {host}\nX-Value: a\r\n\r\n"),
        # To a server for which LF ends no line, the line goes on until CRLF.
        case("empty-line", b"GET / HTTP/1.1\r\nHost: {host}\r\n\n\r\n\r\n"),
        case("every-line", b"GET / HTTP/1.1\nHost: {host}\n\n\r\n\r\n"),
    ],
)
@requires("rfc9112.line.single-lf")
async def test_single_lf_as_the_end_of_a_line(http: Http, message: bytes) -> None:
    """A single LF ends a line, or the request is refused."""
    sent = await send(http, message)
    application = await sent.refused_or_called(ANY_REFUSAL, or_closed=True)
    http.observe("LF ends a line" if application is not None else f"refused: {sent.exchange.outcome}")


@pytest.mark.parametrize(
    "message",
    [
        case("within-a-value", request(b"X-Value: a\rInjected: b")),
        case("at-the-start-of-a-value", request(b"X-Value:\rInjected: b")),
        case("twice-within-a-value", request(b"X-Value: a\r\rInjected: b")),
        case("within-a-name", request(b"X\rInjected: b")),
        case("within-the-target", b"GET /a\rb HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        case("in-place-of-the-request-lines-end", b"GET / HTTP/1.1\rInjected: b\r\nHost: {host}\r\n\r\n"),
        case("in-place-of-the-empty-line", b"GET / HTTP/1.1\r\nHost: {host}\r\n\r{trap}"),
        case("in-place-of-the-last-lines-end", b"GET / HTTP/1.1\r\nHost: {host}\r\r\n{trap}"),
        case("twice-before-a-request", b"GET / HTTP/1.1\r\nHost: {host}\r\nX-Value: a\r\r{trap}"),
    ],
)
@requires("rfc9112.line.bare-cr")
async def test_bare_cr_ends_no_line(http: Http, delivery: Delivery, message: bytes) -> None:
    """A CR without LF does not end a line, and the application does not get it."""
    trap = Trap(http, in_target=True)
    sent = await send(http, message.replace(b"{trap}", trap.request), delivery)
    application = await sent.refused_or_called(ANY_REFUSAL, or_closed=True)
    if application is not None:
        assert not holds(application.scope, b"\r"), "the application gets the CR"
        assert header_values(application, b"injected") == [], "the CR ends the line"


MALFORMED = [
    case("noise", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n"),
    case("words", b"who goes there now\r\n\r\n"),
    case("response", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    case("line-without-colon", request(b"no colon here")),
    case("word-without-colon", request(b"word")),
    case("empty-name", request(b": value")),
    case("space-in-name", request(b"X Value: a")),
    case("tab-in-name", request(b"X\tValue: a")),
    case("parentheses-in-name", request(b"X(Value): a")),
    case("brackets-in-name", request(b"X[Value]: a")),
    case("slash-in-name", request(b"X/Value: a")),
    case("quotes-in-name", request(b'"X-Value": a')),
    case("at-sign-in-name", request(b"X@Value: a")),
    case("latin-1-in-name", request(b"X-Valu\xe9: a")),
    case("utf-8-in-name", request(b"X-Valu\xc3\xa9: a")),
    case("control-in-name", request(b"X\x01Value: a")),
    case("delete-in-name", request(b"X\x7fValue: a")),
    case("nul-in-name", request(b"X\0Value: a")),
]


@pytest.mark.parametrize("message", MALFORMED)
@requires("rfc9112.malformed.400")
async def test_malformed_message_is_refused(http: Http, delivery: Delivery, message: bytes) -> None:
    """Octets that are no HTTP request are answered with 400 or a more fitting error, and not by the application."""
    await (await send(http, message, delivery)).refused()


@pytest.mark.parametrize("message", MALFORMED)
@requires("rfc9112.malformed.close")
async def test_malformed_message_ends_the_connection(http: Http, message: bytes) -> None:
    """After octets that are no HTTP request the connection is closed, and what follows on it is not processed."""
    await (await send(http, message, FOLLOWED)).refused(ANY_REFUSAL, closes=True, or_closed=True)
