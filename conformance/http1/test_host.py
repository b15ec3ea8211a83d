"""The Host field: RFC 9112, sections 3.2 and 3.3."""

import pytest

from asgi_conformance.fixtures.checks import case, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.delivery import Delivery
from asgi_conformance.fixtures.hostile import send

ANY_REFUSAL = range(300, 600)


@pytest.mark.parametrize(
    "message",
    [
        case("no-fields", b"GET / HTTP/1.1\r\n\r\n"),
        case("other-fields", b"GET / HTTP/1.1\r\nAccept: */*\r\nX-Host: {host}\r\n\r\n"),
        case("with-body", b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"),
        case("absolute-form", b"GET http://{host}/ HTTP/1.1\r\n\r\n"),
        case("asterisk-form", b"OPTIONS * HTTP/1.1\r\n\r\n"),
    ],
)
@requires("rfc9112.host.missing")
async def test_missing_host_is_refused(http: Http, delivery: Delivery, message: bytes) -> None:
    """A request of HTTP/1.1 without Host is answered with 400."""
    await (await send(http, message, delivery)).refused((400,))


@pytest.mark.parametrize(
    "message",
    [
        case("same-value", b"GET / HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n"),
        case("another-value", b"GET / HTTP/1.1\r\nHost: {host}\r\nHost: other.test\r\n\r\n"),
        case("another-case", b"GET / HTTP/1.1\r\nHost: {host}\r\nhOST: other.test\r\n\r\n"),
        case("empty-value", b"GET / HTTP/1.1\r\nHost: {host}\r\nHost:\r\n\r\n"),
        case("fields-between", b"GET / HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\nHost: {host}\r\n\r\n"),
        case("absolute-form", b"GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n"),
        case("old-version", b"GET / HTTP/1.0\r\nHost: {host}\r\nHost: other.test\r\n\r\n"),
    ],
)
@requires("rfc9112.host.repeated")
async def test_repeated_host_is_refused(http: Http, delivery: Delivery, message: bytes) -> None:
    """A request with more than one Host line is answered with 400."""
    await (await send(http, message, delivery)).refused((400,))


def request(host: bytes, version: bytes = b"1.1") -> bytes:
    """Return a request whose Host has this value."""
    return b"GET / HTTP/%b\r\nHost: %b\r\n\r\n" % (version, host)


@pytest.mark.parametrize(
    "message",
    [
        case("space", request(b"{host} other.example")),
        case("tab", request(b"{host}\tother.example")),
        case("path", request(b"{host}/path")),
        case("scheme", request(b"http://{host}")),
        case("userinfo", request(b"user@{host}")),
        case("query", request(b"{host}?query")),
        case("fragment", request(b"{host}#fragment")),
        case("backslash", request(b"{host}\\path")),
        case("quotes", request(b'"{host}"')),
        case("latin-1", request(b"{host}.caf\xe9.example")),
        case("utf-8", request(b"{host}.caf\xc3\xa9.example")),
        case("port-that-is-a-word", request(b"{host}:http")),
        case("port-with-sign", request(b"{host}:-80")),
        case("two-ports", request(b"{host}:80:80")),
        case("open-bracket", request(b"[::1")),
        case("empty-brackets", request(b"[]")),
        case("old-version", request(b"{host}/path", b"1.0")),
    ],
)
@requires("rfc9112.host.invalid")
async def test_invalid_host_is_refused(http: Http, delivery: Delivery, message: bytes) -> None:
    """A request whose Host is no host, with or without a port, is answered with 400."""
    await (await send(http, message, delivery)).refused((400,))


@pytest.mark.parametrize(
    "message",
    [
        case("empty", request(b"")),
        case("old-version-and-empty", request(b"", b"1.0")),
        case("old-version-and-missing", b"GET / HTTP/1.0\r\n\r\n"),
    ],
)
@requires("rfc9112.host.empty")
async def test_empty_host(http: Http, message: bytes) -> None:
    """A request of which nobody knows the host is processed or refused."""
    sent = await send(http, message)
    application = await sent.refused_or_called(ANY_REFUSAL, or_closed=True)
    http.observe("processed" if application is not None else f"refused: {sent.exchange.outcome}")
