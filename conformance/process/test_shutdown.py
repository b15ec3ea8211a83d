"""What becomes of requests, connections and WebSockets when the server is told to stop."""

import contextlib
from signal import SIGINT, SIGTERM, Signals

import pytest

from asgi_conformance.fixtures.application import response_body, response_start
from asgi_conformance.fixtures.checks import Broken, case, configured, inapplicable, requires
from asgi_conformance.fixtures.process import BOOT, PATIENCE, Process
from asgi_conformance.fixtures.timing import DEADLINE

EITHER = [case("sigterm", SIGTERM), case("sigint", SIGINT)]
AMPLE = configured(graceful_timeout=30, if_any=("graceful_timeout",))
SHORT = configured(graceful_timeout=1, if_any=("graceful_timeout",))


@AMPLE
@pytest.mark.parametrize("number", EITHER)
@requires("process.shutdown.active")
async def test_request_under_way_is_answered(process: Process, number: Signals) -> None:
    """A request that the application has not answered yet when the signal comes gets its whole response."""
    await process.start()
    exchange, application = await process.http.call()
    await process.signalled(number)
    await application.respond(200, [(b"content-length", b"5")], b"whole")
    assert (await exchange.response()).body == b"whole"


@AMPLE
@pytest.mark.parametrize("number", EITHER)
@requires("process.shutdown.streaming")
async def test_response_under_way_is_delivered(process: Process, number: Signals) -> None:
    """A response of which a piece has arrived when the signal comes is delivered to its end."""
    await process.start()
    exchange, application = await process.http.call()
    await application.send(response_start(200))
    await application.send(response_body(b"first", more_body=True))
    await exchange.body_bytes(5)
    await process.signalled(number)
    await application.send(response_body(b" second", more_body=True))
    await application.send(response_body(b" last"))
    assert (await exchange.response()).body == b"first second last"


@AMPLE
@pytest.mark.parametrize("number", EITHER)
@requires("process.shutdown.idle-closed")
async def test_idle_connections_are_closed(process: Process, number: Signals) -> None:
    """Connections on which nothing was asked yet, or all is answered, before the signal or after, keep nothing going."""
    await process.start()
    unused = await process.http.connect()
    kept = await process.http.connect()
    await process.exchange(kept)
    exchange, application = await process.http.call()
    await process.signalled(number)
    with contextlib.suppress(Broken):  # that it is answered is another requirement
        await application.respond()
        await exchange.response()
    with contextlib.suppress(Broken):
        await application.finish()
    connections = (unused, kept, exchange.connection)
    await process.stage.until(lambda: all(one.closed for one in connections), "the idle connections to be closed")
    await process.ended()


@AMPLE
@requires("process.shutdown.new-refused")
async def test_new_connections_are_refused(process: Process) -> None:
    """While a response is being finished, a new connection is refused, closed, or left waiting until the end."""
    await process.start()
    exchange, application = await process.http.call()
    if application.process_id != process.instance.pid:
        inapplicable("a parent process has the socket")
    process.signal()
    newcomer = await process.stopping()
    try:
        await application.respond()
        await exchange.response()
    except Broken:
        inapplicable("no response is left to be finished")
    await application.finish()
    await process.ended()
    if newcomer is not None:
        await newcomer.connection.until_closed()
        assert not newcomer.applications, "the application was called for a connection that came after the signal"


@SHORT
@pytest.mark.parametrize("number", EITHER)
@requires("process.shutdown.websocket")
async def test_websocket_is_closed(process: Process, number: Signals) -> None:
    """A WebSocket gets a close frame, its application a websocket.disconnect, and neither keeps the server from ending."""
    await process.start()
    peer, application = await process.open_websocket()
    waiting = application.start_receive()
    process.signal(number)
    await process.stage.until(lambda: peer.close_received or peer.over, "a close frame", 2 * DEADLINE)
    await peer.closing()
    event = await waiting.value()
    assert event["type"] == "websocket.disconnect"
    await application.finish()
    await process.ended()


@SHORT
@requires("process.shutdown.websocket-code")
async def test_code_of_a_closed_websocket(process: Process) -> None:
    """The code of the close frame that a stopping server sends is recorded."""
    await process.start()
    peer, _ = await process.open_websocket()
    process.signal()
    with contextlib.suppress(Broken):
        await process.stage.until(lambda: peer.close_received or peer.over, "a close frame", 2 * DEADLINE)
    close = peer.close_received
    process.observe("no close frame" if close is None else f"code {close.code}")


@AMPLE
@requires("process.shutdown.disconnect")
async def test_disconnect_when_the_server_stops(process: Process) -> None:
    """Whether an application whose response is under way receives http.disconnect when the server stops is recorded."""
    await process.start()
    exchange, application = await process.http.call()
    await application.receive()
    await application.send(response_start(200))
    await application.send(response_body(b"first", more_body=True))
    await exchange.body_bytes(5)
    waiting = application.start_receive()
    await process.signalled()
    with contextlib.suppress(Broken):
        await process.stage.until(lambda: waiting.over, "an event", PATIENCE)
    if application.over or waiting.cancelled:
        process.observe(f"the application is ended ({application.ended or 'its receive is cancelled'})")
    elif waiting.done:
        process.observe(f"it receives {(await waiting.value())['type']}")
    else:
        process.observe("it is told nothing")


@configured(graceful_timeout=1)
@requires("process.shutdown.timeout")
async def test_graceful_timeout(process: Process) -> None:
    """With a graceful timeout of one second, the server ends about then, though a response is still unfinished."""
    await process.start()
    await process.http.call()
    assert await process.time_to_end(BOOT / 2) > 0.5, "the server has not waited for the response at all"
