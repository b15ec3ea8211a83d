"""Forms of the request target: RFC 9110, sections 4.2, 7.1 and 7.4, RFC 9112, section 3.2.2."""

import pytest

from asgi_conformance.fixtures.checks import case, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.delivery import Delivery
from asgi_conformance.fixtures.hostile import CLIENT_ERRORS, header_values, holds, send

ANY_REFUSAL = range(300, 600)


def request(line: bytes) -> bytes:
    """Return a request with this line for its first."""
    return line + b"\r\nHost: {host}\r\n\r\n"


@pytest.mark.parametrize(
    "message",
    [
        case("another-host", b"GET http://target.test/a?b HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        case("another-port", b"GET http://{host}:8080/a?b HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        case("old-version-without-host", b"GET http://target.test/a?b HTTP/1.0\r\n\r\n"),
    ],
)
@requires("rfc9112.absolute-form.host")
async def test_host_of_an_absolute_target(http: Http, message: bytes) -> None:
    """The application can learn the host of a target in absolute form: from `host`, from `path` or from `raw_path`."""
    sent = await send(http, message)
    application = await sent.called()
    target = message.replace(b"{host}", sent.exchange.authority).split(b"/")[2].split(b" ")[0]
    places = [application.scope.get("path"), application.scope.get("raw_path")]
    assert target in header_values(application, b"host") or holds(places, target)


@pytest.mark.parametrize("target", [case("alone", b"http://{host}"), case("with-query", b"http://{host}?a")])
@requires("rfc9112.absolute-form")
async def test_absolute_target_without_path(http: Http, target: bytes) -> None:
    """A request whose target is in absolute form and has an empty path reaches the application."""
    await (await send(http, request(b"GET %b HTTP/1.1" % target))).called()


@pytest.mark.parametrize(
    "target",
    [
        case("path", b"http:///a"),
        case("port", b"http://:80/a"),
        case("query", b"http://?a"),
        case("nothing-else", b"http://"),
    ],
)
@requires("rfc9110.target.empty-host")
async def test_absolute_target_without_host(http: Http, delivery: Delivery, target: bytes) -> None:
    """A target in absolute form whose host is empty is refused with a 4xx."""
    await (await send(http, request(b"GET %b HTTP/1.1" % target), delivery)).refused(CLIENT_ERRORS)


@pytest.mark.parametrize(
    "target",
    [
        case("name", b"http://user@{host}/"),
        case("name-and-password", b"http://user:password@{host}/"),
        case("like-a-host", b"http://trusted.test@{host}/"),
        case("empty", b"http://@{host}/"),
    ],
)
@requires("rfc9110.target.userinfo")
async def test_absolute_target_with_userinfo(http: Http, delivery: Delivery, target: bytes) -> None:
    """A target in absolute form with a user's name before the host is refused with a 4xx."""
    await (await send(http, request(b"GET %b HTTP/1.1" % target), delivery)).refused(CLIENT_ERRORS)


@pytest.mark.parametrize(
    "target",
    [
        case("plain", b"https://{host}/a"),
        case("with-port", b"https://{host}:443/a"),
        case("upper-case", b"HTTPS://{host}/a"),
    ],
)
@requires("rfc9110.target.https-unsecured")
async def test_secure_target_without_a_secure_connection(http: Http, delivery: Delivery, target: bytes) -> None:
    """A target in absolute form with https is refused with a 4xx on a connection without TLS."""
    await (await send(http, request(b"GET %b HTTP/1.1" % target), delivery)).refused(CLIENT_ERRORS)


@pytest.mark.parametrize(
    "line",
    [
        case("asterisk-with-get", b"GET * HTTP/1.1"),
        case("asterisk-with-post", b"POST * HTTP/1.1"),
        case("authority-with-get", b"GET {host}:80 HTTP/1.1"),
        case("authority-with-options", b"OPTIONS {host}:80 HTTP/1.1"),
    ],
)
@requires("rfc9110.target.special-forms")
async def test_special_forms_with_other_methods(http: Http, line: bytes) -> None:
    """What becomes of a form of the target that is made for another method is the server's choice."""
    sent = await send(http, request(line))
    application = await sent.refused_or_called(ANY_REFUSAL, or_closed=True)
    if application is None:
        http.observe(f"refused: {sent.exchange.outcome}")
    else:
        http.observe(f"path is {application.scope.get('path')!r}")
