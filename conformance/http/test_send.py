"""How long `send` takes: asgi.rst, Applications."""

import pytest

from asgi_conformance.fixtures.application import Application, Step, response_body, response_start
from asgi_conformance.fixtures.checks import case, inapplicable, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.http1 import Exchange, Http1Connection
from asgi_conformance.fixtures.timing import DEADLINE

PIECE = b"p" * 262_144
ENOUGH = 64 << 20  # bytes: far beyond what the operating system's buffers of both ends take in


async def unread(http: Http) -> tuple[Exchange, Application]:
    """Return an exchange whose response has begun and whose client does not read on."""
    connection = await http.connect(receive_buffer=4096)
    exchange, application = await http.call(connection=connection)
    await application.body()
    await application.send(response_start(200))
    await application.send(response_body(b"first", more_body=True))
    await exchange.body_bytes(5)
    connection.stop_reading()
    return exchange, application


async def waiting_send(http: Http, application: Application) -> tuple[Step | None, int]:
    """Send until a `send` waits, while others are served; return it with the bytes before it, or none after enough."""
    sent = 0
    while sent < ENOUGH:
        step = application.start_send(response_body(PIECE, more_body=True))
        for _ in range(20):
            if step.done:
                break
            await http.exchange()
        if not step.done:
            return step, sent
        await step.value()
        sent += len(PIECE)
    return None, sent


@requires("core.send.returns")
async def test_send_returns_where_the_client_reads(http: Http) -> None:
    """`send` returns once the event has been taken."""
    exchange, application = await http.call()
    await application.start_send(response_start(200)).value()
    for _ in range(20):
        await application.start_send(response_body(PIECE, more_body=True)).value()
    await application.start_send(response_body()).value()
    assert len((await exchange.response()).body) == 20 * len(PIECE)


@requires("core.send.back-pressure")
async def test_send_waits_for_a_client_that_does_not_read(http: Http) -> None:
    """`send` waits when the client does not read, so that the server's memory stays bounded."""
    exchange, application = await unread(http)
    step, sent = await waiting_send(http, application)
    assert step is not None, f"the server took in {sent} bytes, and send never waited"
    exchange.connection.resume_reading()
    await step.value()
    await application.send(response_body())
    assert len((await exchange.response()).body) == 5 + sent + len(PIECE)


@pytest.mark.parametrize("leave", [case("close", Http1Connection.close), case("reset", Http1Connection.reset)])
@requires("core.send.unblocked-by-close")
async def test_waiting_send_ends_when_the_client_leaves(http: Http, leave: object) -> None:
    """A `send` that waits for a client that does not read ends, one way or the other, when the client leaves."""
    exchange, application = await unread(http)
    step, _ = await waiting_send(http, application)
    assert callable(leave)
    leave(exchange.connection)
    if step is None:
        inapplicable("send never waits, which is judged elsewhere")
    await http.stage.until(lambda: step.done or application.over, "the waiting send to end", 3 * DEADLINE)
    reaction = f"raised {step.raised!r}" if step.raised else "returned"
    http.observe(f"send {reaction}" if step.done else f"the call was ended ({application.ended})")
    assert (await http.exchange()).status == 204
