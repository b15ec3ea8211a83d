"""What a signal does to a server that has nothing to finish, has not started yet, or has been signalled before."""

import contextlib
from signal import SIGINT, SIGTERM, Signals

import pytest

from asgi_conformance.fixtures.checks import Broken, case, configured, requires
from asgi_conformance.fixtures.process import PATIENCE, SHUTDOWN_COMPLETE, STARTUP_COMPLETE, Process
from asgi_conformance.fixtures.timing import DEADLINE

EITHER = [case("sigterm", SIGTERM), case("sigint", SIGINT)]


@pytest.mark.parametrize(
    "number",
    [
        case("sigterm", SIGTERM, requires="process.signal.sigterm"),
        case("sigint", SIGINT, requires="process.signal.sigint"),
    ],
)
@requires()
async def test_signal_ends_the_server(process: Process, number: Signals) -> None:
    """One signal ends a server that has nothing left to finish, with every process that it has started."""
    await process.start()
    process.signal(number)
    await process.ended()
    await process.left_nothing()


@pytest.mark.parametrize("number", EITHER)
@requires("process.signal.exit-status")
async def test_exit_status(process: Process, number: Signals) -> None:
    """The status with which a server ends upon a signal is recorded."""
    await process.start()
    process.signal(number)
    try:
        status = await process.ended(DEADLINE)
    except Broken:
        process.observe("it does not end soon")
    else:
        process.observe(f"exit status {status}" if status >= 0 else f"as if killed by {Signals(-status).name}")


@pytest.mark.parametrize("number", EITHER)
@requires("process.signal.during-startup")
async def test_signal_during_startup(process: Process, number: Signals) -> None:
    """A signal ends a server whose application is still starting up, at once or when the startup is complete."""
    lifespan = await process.lifespan()
    await lifespan.receive()
    process.signal(number)
    if not await process.instance.ended(PATIENCE):
        with contextlib.suppress(Broken):  # it may end meanwhile
            await lifespan.part(STARTUP_COMPLETE)
            await lifespan.receive()
            await lifespan.send_and_return(SHUTDOWN_COMPLETE)
    await process.ended()


@configured(graceful_timeout=60, if_any=("graceful_timeout",))
@pytest.mark.parametrize("number", EITHER)
@requires("process.signal.second")
async def test_second_signal(process: Process, number: Signals) -> None:
    """A second signal, of one kind or the other, ends a server that waits for a response to be finished."""
    await process.start()
    await process.http.call()
    await process.signalled(number)
    process.signal(SIGINT)
    if not await process.instance.ended(DEADLINE):
        process.signal(SIGTERM)
    await process.ended(DEADLINE)
