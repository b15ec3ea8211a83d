"""Applications that raise, or return, instead of answering: lifespan.rst, Scope."""

import pytest

from asgi_conformance.fixtures.application import Application
from asgi_conformance.fixtures.checks import case, requires
from asgi_conformance.fixtures.process import ENDS, SERVES, Process


async def leave_early(process: Process, received: bool, raises: bool) -> Application:
    """Let the application raise or return during startup, before it receives the event or after."""
    lifespan = await process.lifespan()
    if received:
        await lifespan.receive()
    await (lifespan.raise_error() if raises else lifespan.finish())
    return lifespan


@pytest.mark.parametrize(
    "received",
    [
        case("before-receive", False, requires="lifespan.exception.at-scope.continues"),
        case("after-receive", True, requires="lifespan.exception.at-startup.continues"),
    ],
)
@requires()
async def test_server_goes_on_after_an_exception(process: Process, received: bool) -> None:
    """Where the application raises instead of completing its startup, the server serves requests."""
    await leave_early(process, received, raises=True)
    fate = await process.fate()
    assert fate == SERVES, f"the server {fate}"


@requires("lifespan.exception.no-events")
async def test_no_events_after_an_exception(process: Process) -> None:
    """After an exception at startup there is no other call for the lifespan, during requests or at the end."""
    await leave_early(process, received=True, raises=True)
    await process.serving()
    await process.settle()
    process.signal()
    await process.ended()
    assert len(process.instance.lifespans) == 1, "there was another call for the lifespan"


@pytest.mark.parametrize("received", [case("before-receive", False), case("after-receive", True)])
@requires("lifespan.returned.at-startup.decided")
async def test_return_at_startup_keeps_nobody_waiting(process: Process, received: bool) -> None:
    """Where the application returns instead of completing its startup, the server serves requests or ends."""
    await leave_early(process, received, raises=False)
    fate = await process.fate()
    assert fate in (SERVES, ENDS), f"the server {fate}"


@pytest.mark.parametrize("received", [case("before-receive", False), case("after-receive", True)])
@requires("lifespan.returned.at-startup.continues")
async def test_server_goes_on_after_a_return(process: Process, received: bool) -> None:
    """Where the application returns instead of completing its startup, the server serves requests."""
    await leave_early(process, received, raises=False)
    fate = await process.fate()
    assert fate == SERVES, f"the server {fate}"


@requires("lifespan.exception.at-shutdown")
async def test_exception_at_shutdown_keeps_nobody_waiting(process: Process) -> None:
    """Where the application raises instead of completing its shutdown, the server ends."""
    lifespan = await process.complete_startup()
    await process.shut_down(lifespan)
    await lifespan.raise_error()
    await process.ended()


@pytest.mark.parametrize("received", [case("before-shutdown", False), case("at-shutdown", True)])
@requires("lifespan.returned.before-shutdown")
async def test_return_before_the_end_keeps_nobody_waiting(process: Process, received: bool) -> None:
    """Where the application has returned, before the shutdown or instead of completing it, the server ends."""
    lifespan = await process.complete_startup()
    if received:
        await process.shut_down(lifespan)
        await lifespan.finish()
    else:
        await lifespan.finish()
        if await process.fate() == SERVES:
            process.signal()
    await process.ended()
