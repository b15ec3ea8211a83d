"""What a server does when it is asked to stop: lifespan.rst, Shutdown, Shutdown Complete, Shutdown Failed."""

import contextlib
import signal

import pytest

from asgi_conformance.fixtures.application import Application, Event
from asgi_conformance.fixtures.checks import Broken, case, inapplicable, requires
from asgi_conformance.fixtures.process import SHUTDOWN_COMPLETE, Process, shutdown_failed
from asgi_conformance.fixtures.timing import DEADLINE
from asgi_conformance.fixtures.values import kind

MESSAGE = "the queue is not empty, says the probe"


async def shutting_down(process: Process) -> Application:
    """Return a lifespan call that has received its shutdown."""
    lifespan = await process.complete_startup()
    await process.shut_down(lifespan)
    return lifespan


# --- the event --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [case("sigterm", signal.SIGTERM), case("sigint", signal.SIGINT)])
@requires("lifespan.shutdown.sent", "lifespan.shutdown.type.type", "lifespan.shutdown.type.value")
async def test_shutdown_is_sent(process: Process, number: int) -> None:
    """Upon the signal the application receives a `lifespan.shutdown`."""
    lifespan = await process.complete_startup()
    event = await process.shut_down(lifespan, number)
    assert event["type"] == "lifespan.shutdown"
    assert kind(event["type"]) == "str"


@requires("lifespan.shutdown.after-accepting")
async def test_no_connection_is_served_after_the_shutdown(process: Process) -> None:
    """Once the application has received `lifespan.shutdown`, a new connection leads to no call in the same process."""
    lifespan = await shutting_down(process)
    late = []
    for _ in range(3):
        late.append(await process.early_request())
        await lifespan.turn()
    called = [call.process_id for exchange in late if exchange is not None for call in exchange.applications]
    assert lifespan.process_id not in called


@requires("lifespan.shutdown.after-connections")
async def test_shutdown_waits_for_connections(process: Process) -> None:
    """The application receives `lifespan.shutdown` once the last response is complete and idle connections are closed."""
    lifespan = await process.complete_startup()
    idle = await process.http.connect()
    await process.exchange(idle)
    exchange, application = await process.http.call()
    waiting = lifespan.start_receive()
    process.signal()
    with contextlib.suppress(Broken):  # the signal has been heeded; where that does not show, it is given its time
        await process.stage.until(lambda: waiting.over or idle.closed or exchange.over, "the server to stop", DEADLINE)
    await lifespan.turn()
    assert not waiting.over, "the shutdown has come while a request is being answered"
    await application.respond()
    await application.finish()
    await process.event(waiting)
    assert exchange.complete, f"the shutdown has come, and {exchange.outcome}"
    await lifespan.turn()
    assert idle.closed, "the shutdown has come while an idle connection is open"


# --- its answer -------------------------------------------------------------------------------------------------------


@requires("lifespan.shutdown-complete.waits", "lifespan.shutdown-complete.type.value")
async def test_server_waits_for_the_shutdown_to_be_complete(process: Process) -> None:
    """The event loop goes on until `lifespan.shutdown.complete`, which is accepted; no event of another type ends it."""
    lifespan = await shutting_down(process)
    await lifespan.turn()
    for name in (
        "lifespan.shutdown",
        "lifespan.stopped",
        "Lifespan.Shutdown.Complete",
        "lifespan.shutdown.complete ",
        "",
    ):
        await lifespan.attempt({"type": name})
        await lifespan.turn()
    assert process.instance.exit_status is None
    assert await lifespan.part(SHUTDOWN_COMPLETE) is None


@requires("lifespan.shutdown-complete.terminates")
async def test_server_ends_after_the_shutdown(process: Process) -> None:
    """Once the application has sent `lifespan.shutdown.complete` and returned, the process ends."""
    lifespan = await shutting_down(process)
    await lifespan.part(SHUTDOWN_COMPLETE)
    await lifespan.finish()
    await process.ended()


# --- a shutdown that has failed ---------------------------------------------------------------------------------------


def needs_failure(lifespan: Application) -> None:
    """End the check where the protocol has no way to say that a shutdown has failed."""
    if lifespan.scope["asgi"].get("spec_version", "1.0") == "1.0":
        inapplicable("the server claims version 1.0 of the protocol")


@pytest.mark.parametrize(
    "raises",
    [
        case("then-returns", False, requires=("lifespan.shutdown-failed.logs", "lifespan.shutdown-failed.terminates")),
        case("then-raises", True, requires="lifespan.shutdown-failed.then-raises"),
    ],
)
@requires()
async def test_message_is_logged_and_the_server_ends(process: Process, raises: bool) -> None:
    """The server prints the message of a `lifespan.shutdown.failed` and ends."""
    lifespan = await shutting_down(process)
    needs_failure(lifespan)
    if await lifespan.part(shutdown_failed(message=MESSAGE), careless=True) is None:
        await (lifespan.raise_error() if raises else lifespan.finish())
    await process.ended()
    assert process.instance.has_logged(MESSAGE), f"what it printed is\n{process.log}"


@pytest.mark.parametrize(
    "event",
    [
        case("with-message", shutdown_failed(message=MESSAGE), requires="lifespan.shutdown-failed.type.value"),
        case("no-message", shutdown_failed(), requires="lifespan.shutdown-failed.message.default"),
    ],
)
@requires()
async def test_failure_is_accepted(process: Process, event: Event) -> None:
    """`send` does not raise for a `lifespan.shutdown.failed`."""
    lifespan = await shutting_down(process)
    needs_failure(lifespan)
    assert await lifespan.part(event) is None
