"""Instances that are booted ahead of their use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from asgi_conformance.fixtures.fleet import Fleet
from asgi_conformance.fixtures.instance import BOOT, Instance, Launch, Options
from asgi_conformance.servers import registry

AHEAD = Options(root_path="/ahead")


@pytest_asyncio.fixture(loop_scope="function")
async def fleet() -> AsyncIterator[Fleet]:
    """A fleet of reference servers."""
    made = Fleet(Launch(registry.find("reference")))
    yield made
    made.stop()


async def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + BOOT
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def _has_started(instance: Instance) -> bool:
    return instance.lifespan is not None and instance.lifespan.complete


@pytest.mark.asyncio(loop_scope="function")
async def test_startup_is_completed_before_the_instance_is_asked_for(fleet: Fleet) -> None:
    ahead = fleet.boot(AHEAD)
    await fleet.instance(Options())
    await _until(lambda: _has_started(ahead))
    assert await fleet.instance(AHEAD) is ahead


@pytest.mark.asyncio(loop_scope="function")
async def test_startup_of_a_shared_process_is_completed_before_a_check_uses_it(fleet: Fleet) -> None:
    ahead = fleet.shared(AHEAD)
    await fleet.instance(Options())
    await _until(lambda: _has_started(ahead))


@pytest.mark.asyncio(loop_scope="function")
async def test_lifespan_of_a_check_s_own_process_is_left_to_the_check(fleet: Fleet) -> None:
    alone = Options(alone=True)
    fleet.launch_ahead("check", alone)
    await fleet.instance(Options())
    own = fleet.own("check", alone)
    assert own.lifespans == []
    await own.listen()
    await _until(lambda: bool(own.lifespans))
    assert own.lifespan is None
