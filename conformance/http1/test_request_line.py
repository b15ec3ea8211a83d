"""The request line: RFC 9112, sections 2.2, 3 and 3.2."""

import pytest

from asgi_conformance.fixtures.checks import case, inapplicable, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.delivery import Delivery
from asgi_conformance.fixtures.hostile import REFUSALS, send

PLAIN = b"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"
ANY_REFUSAL = range(300, 600)


def request(line: bytes) -> bytes:
    """Return a request with this line for its first."""
    return line + b"\r\nHost: {host}\r\n\r\n"


@requires("rfc9112.request-line.empty-line-before")
async def test_empty_line_before_the_first_request(http: Http, delivery: Delivery) -> None:
    """An empty line before the first request line is ignored."""
    await (await send(http, b"\r\n" + PLAIN, delivery)).called()


@pytest.mark.parametrize("body", [case("without-body", None), case("with-body", b"body")])
@requires("rfc9112.request-line.empty-line-before")
async def test_empty_line_between_requests(http: Http, delivery: Delivery, body: bytes | None) -> None:
    """An empty line between two requests is ignored."""
    connection = await http.connect()
    first = await http.request("POST" if body else "GET", body=body, connection=connection)
    await first.answered()
    if connection.closed:
        inapplicable("the server closes the connection after the first request")
    await (await send(http, b"\r\n" + PLAIN, delivery, connection=connection)).called()


@pytest.mark.parametrize(
    "line",
    [
        case("two-spaces-before-the-target", b"GET  / HTTP/1.1"),
        case("two-spaces-before-the-version", b"GET /  HTTP/1.1"),
        case("tab-before-the-target", b"GET\t/ HTTP/1.1"),
        case("tab-before-the-version", b"GET /\tHTTP/1.1"),
        case("vertical-tab", b"GET\x0b/ HTTP/1.1"),
        case("form-feed", b"GET\x0c/ HTTP/1.1"),
        case("bare-cr", b"GET\r/ HTTP/1.1"),
        case("leading-space", b" GET / HTTP/1.1"),
        case("leading-tab", b"\tGET / HTTP/1.1"),
        case("trailing-space", b"GET / HTTP/1.1 "),
        case("trailing-tab", b"GET / HTTP/1.1\t"),
    ],
)
@requires("rfc9112.request-line.whitespace")
async def test_other_white_space_in_the_request_line(http: Http, line: bytes) -> None:
    """White space other than one SP separates the parts of the request line, or the request is refused."""
    sent = await send(http, request(line))
    application = await sent.refused_or_called(ANY_REFUSAL, or_closed=True)
    http.observe("taken for a separator" if application is not None else f"refused: {sent.exchange.outcome}")


INVALID = [
    case("one-word", b"GET"),
    case("no-target", b"GET HTTP/1.1"),
    case("words-behind-the-version", b"GET / HTTP/1.1 and more"),
    case("two-versions", b"GET / HTTP/1.1 HTTP/1.1"),
    # The method.
    case("delimiter-in-method", b"GE(T / HTTP/1.1"),
    case("colon-behind-method", b"GET: / HTTP/1.1"),
    case("latin-1-in-method", b"G\xc9T / HTTP/1.1"),
    case("control-in-method", b"GE\x01T / HTTP/1.1"),
    case("nul-in-method", b"GE\0T / HTTP/1.1"),
    # The target.
    case("space-in-target", b"GET /a b HTTP/1.1"),
    case("tab-in-target", b"GET /a\tb HTTP/1.1"),
    case("control-in-target", b"GET /a\x01b HTTP/1.1"),
    case("delete-in-target", b"GET /a\x7fb HTTP/1.1"),
    case("nul-in-target", b"GET /a\0b HTTP/1.1"),
    case("latin-1-in-target", b"GET /caf\xe9 HTTP/1.1"),
    case("utf-8-in-target", b"GET /caf\xc3\xa9 HTTP/1.1"),
    case("utf-8-in-query", b"GET /?caf\xc3\xa9 HTTP/1.1"),
    case("fragment", b"GET /a#b HTTP/1.1"),
    case("relative-path", b"GET a/b HTTP/1.1"),
    case("query-only", b"GET ?a=b HTTP/1.1"),
    # The version.
    case("version-without-minor", b"GET / HTTP/1"),
    case("version-with-empty-minor", b"GET / HTTP/1."),
    case("version-with-empty-major", b"GET / HTTP/.1"),
    case("version-with-two-digits-of-minor", b"GET / HTTP/1.10"),
    case("version-with-two-digits-of-major", b"GET / HTTP/11.1"),
    case("version-with-leading-zero", b"GET / HTTP/01.1"),
    case("version-with-three-parts", b"GET / HTTP/1.1.1"),
    case("version-with-comma", b"GET / HTTP/1,1"),
    case("version-with-letter", b"GET / HTTP/1.x"),
    case("version-with-sign", b"GET / HTTP/+1.1"),
    case("version-with-superscript", b"GET / HTTP/1.\xb9"),
    case("version-without-slash", b"GET / HTTP1.1"),
    case("version-misspelt", b"GET / HTPP/1.1"),
    case("version-of-another-protocol", b"GET / FTP/1.1"),
]


@pytest.mark.parametrize("line", INVALID)
@requires("rfc9112.request-line.invalid")
async def test_invalid_request_line_is_refused(http: Http, delivery: Delivery, line: bytes) -> None:
    """An invalid request line is answered with 400, 301 or a more fitting error, and not by the application."""
    await (await send(http, request(line), delivery)).refused((301, *REFUSALS))


@pytest.mark.parametrize("line", INVALID)
@requires("rfc9112.request-line.no-autocorrect")
async def test_invalid_request_line_is_not_corrected(http: Http, line: bytes) -> None:
    """The application is not called for an invalid request line."""
    await (await send(http, request(line))).refused(ANY_REFUSAL, or_closed=True)
