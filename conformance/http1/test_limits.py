"""How much a request's head may hold: RFC 9110, sections 4.1 and 5.4, RFC 9112, section 3."""

import pytest

from asgi_conformance.fixtures.checks import case, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.delivery import Delivery
from asgi_conformance.fixtures.hostile import CLIENT_ERRORS, header_values, send

RECOMMENDED = 8000  # octets of a target, and of a request line, that everyone should take


def request(line: bytes, *lines: bytes) -> bytes:
    """Return a request with this line for its first."""
    return b"\r\n".join([line, b"Host: {host}", *lines, b"", b""])


@pytest.mark.parametrize(
    ("line", "size"),
    [
        case(
            "request-line",
            b"GET /%b HTTP/1.1",
            RECOMMENDED - len(b"GET / HTTP/1.1"),
            requires="rfc9112.request-line.8000-octets",
        ),
        case("origin-form", b"GET /%b HTTP/1.1", RECOMMENDED - 1, requires="rfc9110.target.8000-octets"),
        case("query", b"GET /?%b HTTP/1.1", RECOMMENDED - 2, requires="rfc9110.target.8000-octets"),
        case(
            "absolute-form",
            b"GET http://target.test/%b HTTP/1.1",
            RECOMMENDED - len(b"http://target.test/"),
            requires="rfc9110.target.8000-octets",
        ),
    ],
)
@requires()
async def test_target_of_the_recommended_length(http: Http, delivery: Delivery, line: bytes, size: int) -> None:
    """A request whose target, or whose whole request line, has 8000 octets reaches the application."""
    await (await send(http, request(line % (b"a" * size)), delivery)).called()


@pytest.mark.parametrize(
    "size", [case("hundred", 100), case("thousand", 1_000), case("seven-thousand", 7_000), case("a-million", 1_000_000)]
)
@requires("rfc9112.method.too-long")
async def test_long_method(http: Http, size: int) -> None:
    """A very long method reaches the application, or is answered with 501."""
    await (await send(http, request(b"%b / HTTP/1.1" % (b"A" * size)))).refused_or_called((501,))


@pytest.mark.parametrize(
    "size", [case("ten-thousand", 10_000), case("two-hundred-thousand", 200_000), case("a-million", 1_000_000)]
)
@requires("rfc9112.target.too-long")
async def test_long_target(http: Http, size: int) -> None:
    """A very long target reaches the application, or is answered with 414."""
    await (await send(http, request(b"GET /%b HTTP/1.1" % (b"a" * size)))).refused_or_called((414,))


@pytest.mark.parametrize(
    "fields",
    [
        case("value-of-ten-thousand", [(b"X-Value", b"v" * 10_000)]),
        case("value-of-two-hundred-thousand", [(b"X-Value", b"v" * 200_000)]),
        case("value-of-a-million", [(b"X-Value", b"v" * 1_000_000)]),
        case("name-of-ten-thousand", [(b"X-" + b"n" * 10_000, b"v")]),
        case("name-of-two-hundred-thousand", [(b"X-" + b"n" * 200_000, b"v")]),
        case("two-hundred-fields", [(b"X-Value", b"%d" % number) for number in range(200)]),
        case("ten-thousand-fields", [(b"X-Value", b"%d" % number) for number in range(10_000)]),
        case("fifty-fields-of-a-thousand", [(b"X-Value", b"v" * 1_000) for _ in range(50)]),
        case("thousand-fields-of-a-thousand", [(b"X-Value", b"v" * 1_000) for _ in range(1_000)]),
    ],
)
@requires("rfc9110.fields.too-large")
async def test_large_fields(http: Http, fields: list[tuple[bytes, bytes]]) -> None:
    """Large fields, and many of them, reach the application as they are, or are answered with a 4xx."""
    lines = [b"%b: %b" % field for field in fields]
    application = await (await send(http, request(b"GET / HTTP/1.1", *lines))).refused_or_called(CLIENT_ERRORS)
    if application is not None:
        whole = header_values(application, fields[0][0].lower()) == [value for _, value in fields]
        assert whole, "a field was dropped or cut"
