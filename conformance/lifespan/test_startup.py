"""What a server does before the startup is complete, and after: lifespan.rst, Startup, Startup Complete."""

import pytest

from asgi_conformance.fixtures.checks import case, requires
from asgi_conformance.fixtures.http1 import Exchange
from asgi_conformance.fixtures.process import STARTUP_COMPLETE, Process


def processed(early: list[Exchange | None]) -> list[str]:
    """Return what has become of each early request that the application or its client has heard of."""
    reached = [exchange for exchange in early if exchange is not None]
    return [
        "the application was called" if exchange.applications else exchange.outcome
        for exchange in reached
        if exchange.applications or exchange.connection.received
    ]


@pytest.mark.parametrize(
    "received",
    [
        case("not-begun", False, requires="lifespan.startup.before-connections"),
        case("under-way", True, requires="lifespan.startup-complete.waits"),
    ],
)
@requires()
async def test_requests_wait_for_the_startup(process: Process, received: bool) -> None:
    """No request is answered, by the application or the server, as long as the startup takes."""
    lifespan = await process.lifespan()
    if received:
        await lifespan.receive()
    early = []
    for _ in range(3):
        early.append(await process.early_request())
        await lifespan.turn()
    assert processed(early) == []
    if not received:
        await lifespan.receive()
    await lifespan.send(STARTUP_COMPLETE)
    await process.serving()
    assert (await process.exchange()).status == 204


@requires("lifespan.startup-complete.serves")
async def test_requests_are_served_after_the_startup(process: Process) -> None:
    """After `lifespan.startup.complete` requests are served, those that came too early too unless they are refused."""
    lifespan = await process.lifespan()
    await lifespan.receive()
    early = await process.early_request()
    await lifespan.turn()
    await lifespan.send(STARTUP_COMPLETE)
    await process.serving()
    assert (await process.exchange()).status == 204
    if early is not None:
        await process.served_or_refused(early)


@requires("lifespan.startup-complete.type.value")
async def test_nothing_else_completes_the_startup(process: Process) -> None:
    """`lifespan.startup.complete` is accepted, and events of any other type before it do not make the server serve."""
    lifespan = await process.lifespan()
    await lifespan.receive()
    early = []
    for name in ("lifespan.startup", "lifespan.started", "Lifespan.Startup.Complete", "lifespan.startup.complete ", ""):
        await lifespan.attempt({"type": name})
        early.append(await process.early_request())
        await lifespan.turn(10)
    assert processed(early) == []
    assert await lifespan.attempt(STARTUP_COMPLETE) is None
    await process.serving()
    assert (await process.exchange()).status == 204


@requires("lifespan.scope.duration", "lifespan.startup.once", "lifespan.loop.running")
async def test_call_lasts_from_startup_to_shutdown(process: Process) -> None:
    """The lifespan's call goes on, alone, while requests are served; a task of it waits in `receive` until the shutdown."""
    lifespan = await process.lifespan()
    await lifespan.start_receive().value()  # in a task, which the event loop has to run
    await lifespan.send(STARTUP_COMPLETE)
    await process.serving()
    waiting = lifespan.start_receive()
    for _ in range(3):
        assert (await process.exchange()).status == 204
    await lifespan.turn()
    assert not lifespan.over, f"the call has ended ({lifespan.ended})"
    assert not waiting.done, f"a further receive gave {waiting.returned!r}"
    assert len(process.instance.lifespans) == 1, "there was another call for the lifespan"
    process.signal()
    await process.event(waiting)
    await lifespan.turn()
