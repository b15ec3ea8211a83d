"""Lifespans of a server that has several processes: lifespan.rst, Lifespan Protocol, Lifespan State."""

from asgi_conformance.fixtures.application import Application
from asgi_conformance.fixtures.checks import configured, inapplicable, requires
from asgi_conformance.fixtures.process import BOOT, Process

MOST = 60  # requests by which two workers have both been reached, as a rule


async def answered(process: Process) -> list[Application]:
    """Have requests answered until they have reached both workers, or often enough, and return their calls."""
    calls: list[Application] = []
    while len(calls) < MOST and len({call.process_id for call in calls}) < 2:
        exchange, application = await process.http.call()
        await application.respond()
        await exchange.response()
        await application.finish()
        exchange.connection.close()
        calls.append(application)
    return calls


@configured(workers=2)
@requires("lifespan.loop.each-process")
async def test_each_worker_has_a_lifespan(process: Process) -> None:
    """With two workers there are two calls for the lifespan, each in a process of its own."""
    process.needs_lifespan()
    await process.start()
    await process.stage.until(
        lambda: len({call.process_id for call in process.instance.lifespans}) >= 2, "a lifespan in each worker", BOOT
    )
    calls = await answered(process)
    assert {call.process_id for call in calls} <= {call.process_id for call in process.started}
    assert len(process.instance.lifespans) == 2


@configured(workers=2)
@requires("lifespan.state.right-loop", "lifespan.loop.same")
async def test_requests_belong_to_the_lifespan_of_their_worker(process: Process) -> None:
    """A request is handled in the event loop of a lifespan whose startup is complete, and has that lifespan's state."""
    process.needs_lifespan()

    async def prepare(lifespan: Application) -> None:
        if "state" in lifespan.scope:
            await lifespan.assign(["state", "process"], lifespan.process_id)

    await process.start(prepare)
    calls = await answered(process)
    loops = [(lifespan.process_id, lifespan.loop) for lifespan in process.started]
    for call in calls:
        assert (call.process_id, call.loop) in loops
    if not any("state" in lifespan.scope for lifespan in process.started):
        inapplicable("the lifespan's scope has no state, which is optional")
    for call in calls:
        assert call.scope["state"].get("process") == call.process_id
