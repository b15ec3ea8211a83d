"""Several worker processes: each with a lifespan, all of them reached, the dead replaced, all ended by one signal."""

import contextlib
from signal import SIGINT, SIGTERM, Signals

import pytest

from asgi_conformance.fixtures.checks import Broken, case, configured, requires
from asgi_conformance.fixtures.process import PATIENCE, SHUTDOWN_COMPLETE, STARTUP_COMPLETE, Process
from asgi_conformance.fixtures.timing import DEADLINE

COUNT = 3  # no machine has so many processors that this is the number by itself
SEVERAL = configured(workers=COUNT, shared=True)
PAIR = configured(workers=2)
COMPLAINT = "this application cannot start"


@SEVERAL
@requires("process.workers.processes")
async def test_each_worker_is_a_process(process: Process) -> None:
    """The application runs in as many processes as the server was told to have workers."""
    await process.serving()
    reached = await process.reach(lambda pids: len(pids) >= COUNT)
    assert len(reached) == COUNT
    assert process.instance.pid not in reached, "the parent serves, too"


@SEVERAL
@requires("process.workers.lifespan")
async def test_each_worker_has_a_lifespan(process: Process) -> None:
    """Each worker has completed the startup of a lifespan of its own before it is called for a request."""
    process.needs_lifespan()
    await process.serving()
    for pid, (_, application) in (await process.reach(lambda pids: len(pids) >= COUNT)).items():
        own = [lifespan for lifespan in process.instance.every_lifespan if lifespan.loop[0] == pid]
        assert len(own) == 1, f"process {pid} has had {len(own)} lifespans"
        assert own[0].complete
        assert own[0].completed_at < application.called_at


@SEVERAL
@requires("process.workers.reached")
async def test_each_worker_is_reached(process: Process) -> None:
    """Requests on new connections reach every worker that has come up, sooner or later."""
    await process.serving()
    if process.fleet.launch.server.lifespan:
        lifespans = process.instance.every_lifespan
        await process.stage.until(lambda: len(lifespans) >= COUNT or None, "the lifespan of each worker", 3 * DEADLINE)
        workers = {lifespan.loop[0] for lifespan in lifespans}
        await process.reach(lambda pids: pids >= workers)
    else:
        await process.reach(lambda pids: len(pids) >= COUNT)


@PAIR
@requires("process.workers.others-serve")
async def test_others_serve_when_one_has_died(process: Process) -> None:
    """When one worker has been killed, the other finishes what it is at, and goes on answering requests."""
    await process.start()
    reached = await process.reach(lambda pids: len(pids) == 2)
    (dead, _), (living, (exchange, application)) = reached.items()
    process.kill(dead)
    with contextlib.suppress(Broken):  # until the server has noticed, and done about it what it does
        await process.reach(lambda pids: bool(pids - reached.keys()))
    await application.respond()
    assert (await exchange.response()).status == 204
    await process.reach(lambda pids: living in pids)


@PAIR
@requires("process.workers.replaced")
async def test_worker_that_was_killed_is_replaced(process: Process) -> None:
    """In the place of a worker that was killed there is soon a new one, which serves requests."""
    await process.start()
    reached = await process.reach(lambda pids: len(pids) == 2)
    process.kill(next(iter(reached)))
    after = await process.reach(lambda pids: bool(pids - reached.keys()))
    for pid, (exchange, application) in after.items():
        if pid not in reached:
            await application.respond()
            assert (await exchange.response()).status == 204


@PAIR
@pytest.mark.parametrize("number", [case("sigterm", SIGTERM), case("sigint", SIGINT)])
@requires("process.workers.shutdown")
async def test_signal_ends_every_worker(process: Process, number: Signals) -> None:
    """A signal to the parent ends every worker, each after the shutdown of its lifespan, however long another takes."""
    workers = []
    for _ in range(2):
        workers.append(await process.lifespan())
        await workers[-1].receive()
        await workers[-1].send(STARTUP_COMPLETE)
    for exchange, application in (await process.reach(lambda pids: len(pids) == len(workers))).values():
        application.respond_and_return()
        await exchange.response()
    waiting = [worker.start_receive() for worker in workers]
    process.signal(number)
    for each in waiting:
        assert (await process.event(each))["type"] == "lifespan.shutdown"
    quick, slow = workers
    await quick.send_and_return(SHUTDOWN_COMPLETE)
    await process.gone([quick.in_process])
    with contextlib.suppress(Broken):
        await process.stage.until(lambda: slow.over, "nothing", PATIENCE)
    assert not slow.over, "a worker was ended in the middle of the shutdown of its lifespan"
    await slow.send_and_return(SHUTDOWN_COMPLETE)
    await process.ended()
    await process.left_nothing()


@configured(workers=2, application=f"raise RuntimeError({COMPLAINT!r})\n")
@requires("process.workers.startup-failure")
async def test_workers_that_all_fail_to_start(process: Process) -> None:
    """What a server does whose workers all fail to start, and which says why they do, is recorded."""
    try:
        status = await process.ended(DEADLINE)
    except Broken:
        process.observe("it goes on trying")
    else:
        process.observe(f"it ends with exit status {status}")
    assert process.instance.has_logged(COMPLAINT), f"it is not as it should be: {process.instance.log_tail()}"
