"""The version of HTTP, in requests and in responses: RFC 9110, section 6.2, RFC 9112, section 2.3."""

import re

import pytest

from asgi_conformance.fixtures.checks import case, inapplicable, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.delivery import Delivery
from asgi_conformance.fixtures.hostile import send

ANY_REFUSAL = range(300, 600)


def request(version: bytes) -> bytes:
    """Return a request of this version."""
    return b"GET / %b\r\nHost: {host}\r\n\r\n" % version


@pytest.mark.parametrize(
    "version",
    [
        case("lower-case", b"http/1.1"),
        case("mixed-case", b"Http/1.1"),
        case("one-letter", b"HTTp/1.1"),
        case("old-version", b"http/1.0"),
    ],
)
@requires("rfc9112.version.case-sensitive")
async def test_version_in_another_case_is_refused(http: Http, delivery: Delivery, version: bytes) -> None:
    """A request line whose version is not in upper case is refused."""
    await (await send(http, request(version), delivery)).refused((301, *range(400, 500), 501, 505))


@requires("rfc9112.version.no-downgrade")
async def test_response_is_of_the_version_of_the_request(http: Http) -> None:
    """A request of HTTP/1.1 is answered in HTTP/1.1."""
    assert (await http.exchange(await http.connect())).version == "1.1"


@requires("rfc9112.version.no-downgrade")
async def test_refusal_is_of_the_version_of_the_request(http: Http) -> None:
    """A request of HTTP/1.1 that the server itself refuses is answered in HTTP/1.1."""
    sent = await send(http, b"GET / HTTP/1.1\r\nHost: {host}\r\nno colon here\r\n\r\n")
    if await sent.refused_or_called(ANY_REFUSAL, or_closed=True) is not None or sent.exchange.arrived is None:
        inapplicable(f"the server does not answer a malformed request itself: {sent.exchange.outcome}")
    assert sent.exchange.arrived.version == "1.1"


@requires("rfc9110.version.highest")
async def test_old_version_is_answered_in_the_highest(http: Http) -> None:
    """A server that answers HTTP/1.1 with HTTP/1.1 answers HTTP/1.0 with it as well."""
    if (await http.exchange(await http.connect())).version != "1.1":
        inapplicable("the server does not answer in HTTP/1.1")
    exchange = (await http.connect()).by_hand(request(b"HTTP/1.0"))
    assert (await exchange.answered()).version == "1.1"


@pytest.mark.parametrize(
    "version", [case(version.lower().replace("/", "-"), version.encode()) for version in ("HTTP/1.2", "HTTP/1.9")]
)
@requires("rfc9110.version.higher-minor")
async def test_higher_minor_version_is_processed(http: Http, delivery: Delivery, version: bytes) -> None:
    """A request of a higher minor version is processed like one of HTTP/1.1."""
    await (await send(http, request(version), delivery)).called()


OTHERS = [
    case(version.lower().replace("/", "-"), version.encode())
    for version in ("HTTP/0.9", "HTTP/2.0", "HTTP/3.0", "HTTP/9.9")
]


@pytest.mark.parametrize("version", OTHERS)
@requires("rfc9110.version.unsupported-major")
async def test_other_major_version(http: Http, version: bytes) -> None:
    """Which answer a request of another major version gets is the server's choice."""
    sent = await send(http, request(version))
    application = await sent.refused_or_called(ANY_REFUSAL, or_closed=True)
    http.observe("processed" if application is not None else f"refused: {sent.exchange.outcome}")


@pytest.mark.parametrize("version", [case("http-1.0", b"HTTP/1.0"), case("http-1.2", b"HTTP/1.2"), *OTHERS])
@requires("rfc9110.version.conformant")
async def test_response_is_of_a_version_that_there_is(http: Http, version: bytes) -> None:
    """Whatever version the request names, the response's is HTTP/1.0 or HTTP/1.1."""
    sent = await send(http, request(version))
    await sent.refused_or_called(ANY_REFUSAL, or_closed=True)
    received = bytes(sent.exchange.connection.received)
    if not received:
        inapplicable("the server closes the connection without a response")
    assert re.match(rb"HTTP/1\.[01] ", received)


@pytest.mark.parametrize("version", OTHERS)
@requires("rfc9110.status-505.explained")
async def test_unsupported_version_is_explained(http: Http, version: bytes) -> None:
    """A response of 505 that the server itself generates has content."""
    sent = await send(http, request(version))
    application = await sent.refused_or_called(ANY_REFUSAL, or_closed=True)
    response = sent.exchange.arrived
    if application is not None or response is None or response.status != 505:
        inapplicable(f"the server does not answer 505: {sent.exchange.outcome}")
    assert response.body


@requires("rfc9112.version.0-9")
async def test_request_line_without_a_version(http: Http) -> None:
    """What a request line without a version comes to, an answer of HTTP/0.9 or an error, is the server's choice."""
    exchange = (await http.connect()).by_hand(b"GET /\r\n\r\n")
    await exchange.stage.until(lambda: exchange.applications or exchange.over, "an answer of HTTP/0.9, or an error")
    if exchange.applications:
        application = await exchange.called()
        await application.respond(200, body=b"an answer of HTTP/0.9")
        await application.finish()
        await exchange.ended()
        http.observe(f"processed: {exchange.outcome}")
    else:
        http.observe(exchange.outcome)
    await http.settle()
