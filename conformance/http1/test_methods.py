"""Methods: RFC 9110, sections 9 and 15.5.6."""

import pytest

from asgi_conformance.fixtures.checks import Broken, case, inapplicable, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.hostile import send

ANY_REFUSAL = range(300, 600)


def request(line: bytes, *lines: bytes) -> bytes:
    """Return a request with this line for its first."""
    return b"\r\n".join([line, b"Host: {host}", *lines, b"", b""])


@requires("rfc9110.methods.get-and-head")
async def test_get_and_head_are_supported(http: Http) -> None:
    """The application is called for GET and for HEAD."""
    for method in ("GET", "HEAD"):
        scope = await http.scope(method)
        assert scope["method"] == method


@pytest.mark.parametrize(
    "method",
    [
        case("word", b"FROBNICATE"),
        case("one-letter", b"X"),
        case("lower-case", b"get"),
        case("beginning-of-another", b"GE"),
        case("more-than-another", b"GETS"),
        case("digits", b"123"),
        case("hyphen", b"VERSION-CONTROL"),
        case("every-other-token-character", b"!#$%&'*+-.^_`|~"),
    ],
)
@requires("rfc9110.methods.unknown")
async def test_unknown_method(http: Http, method: bytes) -> None:
    """A method that nobody knows reaches the application, or is answered with 501."""
    await (await send(http, request(b"%b / HTTP/1.1" % method))).refused_or_called((501,))


@pytest.mark.parametrize(
    ("method", "line"),
    [
        case("connect", "CONNECT", b"CONNECT {host}:80 HTTP/1.1"),
        case("trace", "TRACE", b"TRACE / HTTP/1.1"),
        case("asterisk", "OPTIONS", b"OPTIONS * HTTP/1.1"),
        case("unknown", "FROBNICATE", b"FROBNICATE / HTTP/1.1"),
    ],
)
@requires("rfc9110.status-405.allow")
async def test_allowed_methods_are_told(http: Http, method: str, line: bytes) -> None:
    """A response of 405 that the server itself generates has Allow."""
    exchange = (await send(http, request(line), method=method)).exchange
    await exchange.stage.until(
        lambda: exchange.applications or exchange.over, "a call of the application, or a refusal"
    )
    await http.settle()
    if not exchange.applications and exchange.arrived is not None and exchange.arrived.status == 405:
        assert exchange.arrived.values(b"allow")
        return
    inapplicable("the server itself does not answer with 405")


@pytest.mark.parametrize(
    "target",
    [
        case("empty", b"{host}:"),
        case("word", b"{host}:http"),
        case("negative", b"{host}:-80"),
        case("too-large", b"{host}:65536"),
        case("much-too-large", b"{host}:99999999999999999999"),
        case("address-and-empty", b"[::1]:"),
    ],
)
@requires("rfc9110.connect.port")
async def test_connect_to_a_port_that_is_none(http: Http, target: bytes) -> None:
    """CONNECT to a port that is empty or no port is refused."""
    await (await send(http, request(b"CONNECT %b HTTP/1.1" % target), method="CONNECT")).refused(range(400, 600))


@requires("rfc9110.connect.accepted")
async def test_connect(http: Http) -> None:
    """Whether the application is called for CONNECT is the server's choice."""
    sent = await send(http, request(b"CONNECT {host}:80 HTTP/1.1"), method="CONNECT")
    exchange = sent.exchange
    await exchange.stage.until(
        lambda: exchange.applications or exchange.over, "a call of the application, or a refusal"
    )
    if exchange.applications:
        application = await exchange.called()
        await application.respond(404)
        await application.finish()
        http.observe(f"the application is called; path is {application.scope.get('path')!r}")
    else:
        http.observe(exchange.outcome)
    await http.settle()


@requires("rfc9110.options.asterisk")
async def test_options_of_the_server(http: Http) -> None:
    """OPTIONS with an asterisk for its target reaches the application, or is answered otherwise than with 400."""
    sent = await send(http, request(b"OPTIONS * HTTP/1.1"))
    statuses = [status for status in range(200, 600) if status != 400]
    await sent.refused_or_called(statuses)


@requires("rfc9110.trace.sensitive")
async def test_trace_tells_no_secrets(http: Http) -> None:
    """A server that answers TRACE with the message that it received leaves out Authorization and Cookie."""
    secrets = b"Authorization: Basic c2VjcmV0", b"Cookie: session=c2VjcmV0"
    sent = await send(http, request(b"TRACE / HTTP/1.1", *secrets))
    if await sent.refused_or_called(range(200, 600)) is not None:
        inapplicable("the application is called for TRACE")
    response = sent.exchange.arrived
    if response is None or response.status >= 300:
        inapplicable(f"the server refuses TRACE: {sent.exchange.outcome}")
    if b"c2VjcmV0" in response.body:
        raise Broken("the response to TRACE has the credentials of the request in it")
