"""What lifespan.rst leaves open, and which choice the server has made."""

import pytest

from asgi_conformance.fixtures.application import Event
from asgi_conformance.fixtures.checks import case, requires
from asgi_conformance.fixtures.process import SHUTDOWN_COMPLETE, Process, shutdown_failed, startup_failed

LATER = "set after the startup"


@requires("lifespan.exception.logged", "lifespan.state.without-lifespan")
async def test_exception_at_startup(process: Process) -> None:
    """Whether an exception at startup is printed, and the state of requests after it, are the server's choice."""
    lifespan = await process.lifespan()
    await lifespan.receive()
    if "state" in lifespan.scope:
        await lifespan.assign(["state", "key"], "value")
    await lifespan.raise_error()
    await process.serving()
    assert (await process.exchange()).status == 204
    state = (await process.http.scope()).get("state", "missing")
    logged = "printed" if process.instance.has_logged("raised by the probe") else "not printed"
    process.observe(f"the exception is {logged}; the state of a request is {state}")


@requires("lifespan.exception.after-startup")
async def test_exception_after_the_startup(process: Process) -> None:
    """Whether the server goes on after the lifespan has raised in the midst of its life is its choice."""
    lifespan = await process.complete_startup()
    assert (await process.exchange()).status == 204
    await lifespan.raise_error()
    process.observe(f"the server {await process.fate()}")


@requires("lifespan.returned.after-startup", "lifespan.state.later-changes")
async def test_changes_and_return_after_the_startup(process: Process) -> None:
    """Whether a key set after startup shows in requests, and whether the server outlives the call, are its choice."""
    lifespan = await process.complete_startup()
    assert (await process.exchange()).status == 204
    shows = "there is no state"
    if "state" in lifespan.scope:
        await lifespan.assign(["state", "later"], LATER)
        scope = await process.http.scope()
        shows = (
            f"a key that is set later {'shows' if scope.get('state', {}).get('later') == LATER else 'does not show'}"
        )
    await lifespan.finish()
    process.observe(f"{shows}; after a return the server {await process.fate()}")


@requires("lifespan.shutdown.further-receive", "lifespan.shutdown-complete.not-returned")
async def test_receive_after_the_shutdown(process: Process) -> None:
    """What a `receive` after the shutdown gives, and what becomes of a call that goes on, are the server's choice."""
    lifespan = await process.complete_startup()
    assert (await process.exchange()).status == 204
    await process.shut_down(lifespan)
    waiting = lifespan.start_receive()
    await lifespan.turn()
    given = (
        "waits" if not waiting.done else f"raises {waiting.raised!r}" if waiting.raised else f"gives {waiting.returned}"
    )
    await lifespan.part(SHUTDOWN_COMPLETE)
    ends = await process.instance.ended(within=3)
    end = f"ends, the call with it ({lifespan.ended or 'gone'})" if ends else "waits for the call to return"
    process.observe(f"a further receive {given}; after the shutdown the server {end}")


@pytest.mark.parametrize(
    ("startup", "event"),
    [
        case("startup", True, startup_failed(message="failed"), requires="lifespan.startup-failed.exit-status"),
        case("shutdown", False, shutdown_failed(message="failed"), requires="lifespan.shutdown-failed.exit-status"),
    ],
)
@requires()
async def test_exit_status_after_a_failure(process: Process, startup: bool, event: Event) -> None:
    """With which status the server exits after a failure is its choice."""
    if startup:
        lifespan = await process.lifespan()
        await lifespan.receive()
    else:
        lifespan = await process.complete_startup()
        await process.shut_down(lifespan)
    if await lifespan.part(event, careless=True) is None:
        await lifespan.finish()
    ended = await process.instance.ended(within=6)
    process.observe(f"status {process.instance.exit_status}" if ended else "the server does not end")
