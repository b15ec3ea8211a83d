"""How either side closes a connection: RFC 9112, sections 9.5 and 9.6."""

import pytest

from asgi_conformance.fixtures.application import response_body, response_start
from asgi_conformance.fixtures.checks import case, inapplicable, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.hostile import next_or_closed
from asgi_conformance.fixtures.http import Header
from asgi_conformance.fixtures.timing import DEADLINE


@pytest.mark.parametrize("count", [case("after-one-request", 1), case("after-several-requests", 3)])
@requires("rfc9112.closure.monitored")
async def test_server_closes_when_the_client_does(http: Http, count: int) -> None:
    """When the client closes its side of a connection between two requests, the server closes its own."""
    connection = await http.connect()
    for _ in range(count):
        if await next_or_closed(http, connection) is None:
            inapplicable("the connection does not persist")
    connection.end()
    how = await http.stage.until(lambda: connection.closed, "the server to close its side of the connection", DEADLINE)
    assert how == "end"


ANSWER = b"a" * 60_000  # more than a client takes in that does not read, and no more than the server's system does
CONTENT = 8 << 20  # bytes of content: more than any server reads ahead


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        case("client-asks-for-it", b"Connection: close\r\n", []),
        case("application-asks-for-it", b"", [(b"connection", b"close")]),
    ],
)
@requires("rfc9112.closure.staged")
async def test_response_to_a_client_that_is_still_sending(http: Http, asked: bytes, given: list[Header]) -> None:
    """Where the server answers and closes while the client is still sending, the client gets the whole response."""
    if not await http.calls_at_start():
        inapplicable("the server calls the application only once the body of the request is complete")
    connection = await http.connect(receive_buffer=4096)
    exchange = connection.by_hand(
        b"POST /large HTTP/1.1\r\nHost: {host}\r\n%bContent-Length: %d\r\n\r\n" % (asked, CONTENT)
    )
    application = await exchange.called()
    connection.write(bytes(CONTENT))
    connection.stop_reading()
    application.respond_and_return(200, [(b"content-length", b"%d" % len(ANSWER)), *given], ANSWER)
    await http.settle()
    await http.settle()
    connection.resume_reading()
    assert (await exchange.response()).body == ANSWER


@pytest.mark.parametrize("method", [case("get", "GET"), case("post", "POST")])
@requires("rfc9112.half-close.response")
async def test_client_that_has_closed_its_sending_side_is_answered(http: Http, method: str) -> None:
    """A client that closes its sending side after a whole request gets the whole response."""
    exchange, application = await http.call(method, body=b"body" if method == "POST" else None)
    exchange.connection.end()
    await http.settle()
    await application.conclude(response_start(200), response_body(b"an", more_body=True), response_body(b"swer"))
    assert (await exchange.response()).body == b"answer"
