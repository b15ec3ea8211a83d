"""Hot reload: a changed file of the application is served, after a restart that loses nothing."""

import contextlib

from asgi_conformance.fixtures.application import Step, response_body, response_start
from asgi_conformance.fixtures.checks import Broken, configured, requires
from asgi_conformance.fixtures.process import SHUTDOWN_COMPLETE, STARTUP_COMPLETE, Process
from asgi_conformance.fixtures.timing import DEADLINE


def source(version: str) -> str:
    """Return an application that is driven as any other, and says in each scope which version of it was called."""
    return f"""
from asgi_probe import app as driven


async def app(scope, receive, send):
    await driven({{**scope, "version": "{version}"}}, receive, send)
"""


RELOADING = configured(reload=True, application=source("old"), graceful_timeout=30, if_any=("graceful_timeout",))
CHANGED = source("changed")


async def reloaded(process: Process) -> None:
    """Wait until a request is answered by the changed application."""
    __tracebackhide__ = True
    last: list[object] = []

    async def asked() -> bool:
        with contextlib.suppress(Broken):  # lost requests are for another check
            last[:] = [(await process.http.scope())["version"]]
        return last == ["changed"]

    await process.noticed(CHANGED, asked, "a request to be answered by the changed application")


async def retired(process: Process, waiting: Step) -> None:
    """Wait until the old application's lifespan, which waits for an event, waits no longer."""
    __tracebackhide__ = True

    async def told() -> bool:
        return waiting.over

    await process.noticed(CHANGED, told, "the old application's shutdown")


@RELOADING
@requires("process.reload.new-code")
async def test_changed_application_is_served(process: Process) -> None:
    """When the file of the application has changed, requests are answered by what is in it now."""
    await process.start()
    assert (await process.http.scope())["version"] == "old"
    process.change(CHANGED)
    await reloaded(process)


@RELOADING
@requires("process.reload.lifespan")
async def test_lifespans_of_a_reload(process: Process) -> None:
    """The old application goes through its shutdown before the changed one is called for its startup."""
    process.needs_lifespan()
    old = await process.complete_startup()
    waiting = old.start_receive()
    process.change(CHANGED)
    await retired(process, waiting)
    assert (await waiting.value())["type"] == "lifespan.shutdown"
    await old.send_and_return(SHUTDOWN_COMPLETE)
    new = await process.lifespan()
    assert new.scope["version"] == "changed"
    assert old.ended_at is None or old.ended_at < new.called_at


@RELOADING
@requires("process.reload.in-flight")
async def test_response_under_way_outlasts_the_change(process: Process) -> None:
    """A response of which a piece has arrived when the file changes is delivered to its end."""
    await process.start()
    exchange, application = await process.http.call()
    await application.send(response_start(200))
    await application.send(response_body(b"first", more_body=True))
    await exchange.body_bytes(5)
    process.change(CHANGED)
    with contextlib.suppress(Broken):
        await process.stopping(2 * DEADLINE, lambda newcomer: newcomer.scope["version"] == "old")
    await application.send(response_body(b" last"))
    assert (await exchange.response()).body == b"first last"
    await application.finish()
    await reloaded(process)


@RELOADING
@requires("process.reload.none-lost")
async def test_requests_wait_for_the_restart(process: Process) -> None:
    """Requests that come while the old application shuts down and the new one starts up are answered by the new one."""
    process.needs_lifespan()
    old = await process.complete_startup()
    waiting = old.start_receive()
    process.change(CHANGED)
    await retired(process, waiting)
    early = [await process.http.request(target="/while-the-old-one-shuts-down")]
    if not old.over:
        await old.send_and_return(SHUTDOWN_COMPLETE)
    new = await process.lifespan()
    await new.receive()
    early.append(await process.http.request(target="/while-the-new-one-starts-up"))
    await new.send(STARTUP_COMPLETE)
    for exchange in early:
        await exchange.answered()
        assert exchange.applications[0].scope["version"] == "changed"
