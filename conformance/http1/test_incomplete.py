"""Requests whose body does not come to its end, for the client leaves: RFC 9112, sections 6.3 and 8."""

import contextlib

import pytest

from asgi_conformance.conformance.http1.test_chunked import chunked
from asgi_conformance.conformance.http1.test_content_length import with_length
from asgi_conformance.fixtures.checks import Broken, case, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.hostile import Sent, hear, send

LEAVES = [
    case("half-closes", "end", True),
    case("half-closes-at-once", "end", False),
    case("closes", "close", True),
    case("closes-at-once", "close", False),
    case("resets", "reset", True),
]
WITH_LENGTH = [case("nothing", b""), case("one-octet", b"h"), case("all-but-one-octet", b"hello, worl")]


async def begun(http: Http, message: bytes, waits: bool) -> Sent:
    """Send a message that is not whole, and wait for the application to be called if the server does so by then."""
    sent = await send(http, message)
    if waits and await http.calls_at_start():
        await sent.exchange.stage.until(
            lambda: sent.exchange.applications or sent.exchange.over, "the application to be called"
        )
    return sent


@pytest.mark.parametrize(("leave", "waits"), LEAVES)
@pytest.mark.parametrize("part", WITH_LENGTH)
@requires("rfc9112.incomplete.content-length")
async def test_part_of_a_body_with_length(http: Http, part: bytes, leave: str, waits: bool) -> None:
    """Where the client leaves before as much has come as Content-Length says, no body is passed off as whole."""
    sent = await begun(http, with_length(b"12", part), waits)
    getattr(sent.exchange.connection, leave)()
    await sent.never_whole()


@pytest.mark.parametrize(("leave", "waits"), LEAVES)
@pytest.mark.parametrize(
    "part",
    [
        case("nothing", b""),
        case("in-a-size", b"5"),
        case("behind-a-size", b"5\r\n"),
        case("in-the-data", b"5\r\nhel"),
        case("behind-the-data", b"5\r\nhello"),
        case("behind-a-chunk", b"5\r\nhello\r\n"),
        case("in-the-last-size", b"5\r\nhello\r\n0"),
    ],
)
@requires("rfc9112.incomplete.chunked")
async def test_part_of_a_chunked_body(http: Http, part: bytes, leave: str, waits: bool) -> None:
    """Where the client leaves before the last chunk has come, no body is passed off as whole to the application."""
    sent = await begun(http, chunked(part), waits)
    getattr(sent.exchange.connection, leave)()
    await sent.never_whole()


@pytest.mark.parametrize("waits", [case("at-once", False), case("later", True)])
@pytest.mark.parametrize("part", [WITH_LENGTH[0], WITH_LENGTH[2]])
@requires("rfc9112.incomplete.request-close")
async def test_incomplete_request_ends_the_connection(http: Http, part: bytes, waits: bool) -> None:
    """Where the client closes its side before as much has come as Content-Length says, the server closes the connection."""
    sent = await begun(http, with_length(b"12", part), waits)
    sent.exchange.connection.end()
    await http.settle()
    if sent.exchange.applications:
        heard = await hear(http, sent.exchange.applications[0], or_waits=True)
        if not heard.waits:
            await sent.exchange.applications[0].finish()
    await sent.exchange.connection.until_closed()
    await sent.afterwards()


@pytest.mark.parametrize(
    "message",
    [case("with-length", with_length(b"12", b"hello")), case("chunked", chunked(b"5\r\nhello\r\n"))],
)
@requires("rfc9112.incomplete.error-response")
async def test_reaction_to_an_incomplete_request(http: Http, message: bytes) -> None:
    """A request whose body does not come to its end is answered with an error, or the connection is closed."""
    sent = await begun(http, message, waits=True)
    sent.exchange.connection.end()
    await http.settle()
    if sent.exchange.applications:
        heard = await hear(http, sent.exchange.applications[0], or_waits=True)
        if not heard.waits:
            await sent.exchange.applications[0].finish()
    with contextlib.suppress(Broken):
        await sent.exchange.ended()
    http.observe(sent.exchange.outcome)
