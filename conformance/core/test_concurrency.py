"""Several application calls at once, and several things at once in one call: asgi.rst, Rationale and Overview."""

import asyncio

from asgi_conformance.fixtures.application import response_body, response_start
from asgi_conformance.fixtures.checks import inapplicable, requires
from asgi_conformance.fixtures.client import Http

MANY = 200


@requires("core.application.concurrent")
async def test_calls_on_several_connections_interleave(http: Http) -> None:
    """Responses are sent piece by piece in turns on several connections, each to its own client."""
    pairs = [await http.call(target=f"/{number}") for number in range(4)]
    for _, application in pairs:
        await application.send(response_start(200))
    for turn in range(3):
        for number, (exchange, application) in enumerate(pairs):
            await application.send(response_body(b"%d%d" % (number, turn), more_body=True))
            await exchange.body_bytes(2 * turn + 2)
    for number, (exchange, application) in enumerate(pairs):
        await application.send(response_body())
        assert (await exchange.response()).body == b"%d0%d1%d2" % (number, number, number)


@requires("core.application.concurrent")
async def test_waiting_call_does_not_hold_up_others(http: Http) -> None:
    """A call that waits holds up neither earlier nor later ones."""
    early, waits = await http.call("POST", body=b"x")
    await waits.body()
    for _ in range(3):
        assert (await http.exchange()).status == 204
    await waits.respond()
    assert (await early.response()).status == 204


@requires("core.application.concurrent")
async def test_many_calls_at_once(http: Http) -> None:
    """Two hundred calls are open at the same time, and each answers its own client."""
    exchanges = await asyncio.gather(*(http.request(target=f"/{number}") for number in range(MANY)))
    applications = [await exchange.called() for exchange in exchanges]
    assert not any(application.over for application in applications)
    for number, application in reversed(list(enumerate(applications))):
        await application.respond(200, body=b"%d" % number)
    for number, exchange in enumerate(exchanges):
        assert (await exchange.response()).body == b"%d" % number


@requires("core.application.concurrent")
async def test_blocked_loop_delays_but_breaks_nothing(http: Http) -> None:
    """An application that blocks the event loop for a moment delays other requests, and they are answered then."""
    exchange, careless = await http.call()
    other = await http.request(target="/meanwhile")
    await careless.block(0.05)
    await careless.respond()
    await exchange.response()
    application = await other.called()
    await application.respond()
    assert (await other.response()).status == 204


@requires("core.receive.pending-while-sending")
async def test_receive_may_be_pending_while_another_task_sends(http: Http) -> None:
    """While one task of the application waits in `receive`, another sends a whole response."""
    exchange, application = await http.call("POST", body=b"x")
    await application.body()
    waiting = application.start_receive()
    await application.respond(200, body=b"sent meanwhile")
    assert (await exchange.response()).body == b"sent meanwhile"
    assert waiting.raised is None


@requires("core.receive.pending-while-sending")
async def test_body_is_received_while_the_response_is_sent(http: Http) -> None:
    """Pieces of the request's body are received while pieces of the response are sent, in turns."""
    exchange, application = await http.call_with_open_body()
    exchange.send_body(b"a")
    assert (await application.receive())["body"] == b"a"
    await application.send(response_start(200))
    for number, piece in enumerate((b"b", b"c", b"d"), 1):
        waiting = application.start_receive()
        await application.send(response_body(piece, more_body=True))
        await exchange.body_bytes(number)
        exchange.send_body(piece)
        event = await waiting.value()
        if event["type"] == "http.disconnect":
            inapplicable("the server ends the request once the response has begun")
        assert event["body"] == piece
    exchange.end_body()
    await application.send(response_body())
    assert (await exchange.response()).body == b"bcd"


@requires("core.receive.pending-while-sending")
async def test_cancelled_receive_loses_nothing(http: Http) -> None:
    """A `receive` that the application cancels while it waits takes no event with it, and the next one gives it."""
    exchange, application = await http.call_with_open_body()
    exchange.send_body(b"first")
    assert (await application.receive())["body"] == b"first"
    waiting = application.start_receive()
    await http.exchange()
    waiting.cancel()
    await waiting.outcome()
    assert waiting.cancelled
    await http.exchange()  # the cancellation reaches the server's own end of the wait
    exchange.send_body(b"second")
    exchange.end_body()
    assert await application.body() == b"second"
    await application.respond()
    assert (await exchange.response()).status == 204
