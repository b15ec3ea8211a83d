"""What the suite costs, as ratios: ``python benchmarks/bench.py [--server=uvicorn] [--server-python=PATH]``.

1. An exchange through the probe, interactive and scripted, against a hello-world request on the same server and client.
2. The suite's wall time against its floor, measured in the same run: pytest collecting nothing, the server boots that it
   needs (two at a time), and one interactive exchange on a new connection for each check.
3. The median check and the slowest ten.
4. The wall time of the checks that have processes to themselves, against the boots of the same processes one after another.
5. Examples of a property in a minute, against the same exchanges in a loop without hypothesis.
6. The wall time of all checks one after another against that of a worker of pytest-xdist for each core, and whether both
   give the same verdicts.

Absolute times move with the machine; the ratios are what to compare.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from asgi_conformance.fixtures import profiles, strategies
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.fleet import Fleet
from asgi_conformance.fixtures.http import Request
from asgi_conformance.fixtures.http1 import Http1Connection
from asgi_conformance.fixtures.instance import Instance, Launch, NotReady, Options
from asgi_conformance.fixtures.plugin import options_of
from asgi_conformance.fixtures.properties import Explorer, given
from asgi_conformance.fixtures.stage import Stage
from asgi_conformance.fixtures.verdicts import Broken
from asgi_conformance.servers import registry

ROOT = Path(__file__).parent.parent
ROUNDS = 7
REPEATS = 200
RUNS = 3
BOOTING = ("lifespan", "process")  # folders of checks that have processes of their own
BOOTS = (Options(), Options(unix=True), Options(root_path="/mount"))


async def _connection(instance: Instance) -> Http1Connection:
    stage = Stage()
    stage.instance = instance
    connection = Http1Connection(stage)
    await connection.open(instance.address)
    return connection


async def _hello(instance: Instance, connection: Http1Connection | None = None) -> None:
    connection = connection or await _connection(instance)
    await connection.request(Request()).response()
    connection.exchanges.clear()


async def _interactive(instance: Instance, connection: Http1Connection | None = None) -> None:
    connection = connection or await _connection(instance)
    exchange = connection.request(Request())
    application = await exchange.called()
    await application.receive()
    await application.respond(204)
    await exchange.response()
    await application.finish()
    connection.exchanges.clear()
    connection.stage.calls.clear()


async def _scripted(instance: Instance, connection: Http1Connection | None = None) -> None:
    connection = connection or await _connection(instance)
    exchange = connection.request(Request())
    exchange.when_called = lambda application: application.respond_and_return()
    await exchange.response()
    await connection.stage.until(lambda: exchange.applications[0].over, "the application call to end")
    connection.exchanges.clear()
    connection.stage.calls.clear()


async def _seconds_each(
    run: Callable[[Instance, Http1Connection | None], Awaitable[None]], instance: Instance, kept: bool
) -> float:
    connection = await _connection(instance) if kept else None
    started = time.perf_counter()
    for _ in range(REPEATS):
        await run(instance, connection)
    return (time.perf_counter() - started) / REPEATS


async def exchanges(launch: Launch) -> float:
    """Print what exchanges cost, and return the seconds of an interactive one on a new connection."""
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    probe = Instance(launch, Options())
    plain = Instance(Launch(launch.server, launch.variant, launch.python, launch.arguments, "hello:app"), Options())
    try:
        await probe.ready()
        while True:
            try:
                await _hello(plain)
                break
            except Broken:
                await asyncio.sleep(0.01)
        rows = [("hello world", _hello, plain), ("scripted", _scripted, probe), ("interactive", _interactive, probe)]
        times: dict[tuple[str, bool], list[float]] = {}
        for _ in range(ROUNDS):  # interleaved, so that a slow moment of the machine does not make a ratio
            for name, run, instance in rows:
                for kept in (True, False):
                    times.setdefault((name, kept), []).append(await _seconds_each(run, instance, kept))
        print("an exchange                    kept connection        new connection")
        for name, _, _ in rows:
            cells = []
            for kept in (True, False):
                value = statistics.median(times[name, kept])
                ratio = value / statistics.median(times["hello world", kept])
                cells.append(f"{value * 1e6:6.0f} us  x {ratio:4.2f}")
            print(f"  {name:<26}{cells[0]:>20}{cells[1]:>22}")
        return statistics.median(times["interactive", False])
    finally:
        probe.stop()
        plain.stop()


def folders(but: Iterable[str]) -> list[str]:
    """Return the folders of checks, some left out."""
    return [
        str(path) for path in sorted((ROOT / "conformance").iterdir()) if _holds_checks(path) and path.name not in but
    ]


def _holds_checks(path: Path) -> bool:
    return any(path.glob("test_*.py"))


async def _request(http: Http, path: strategies.Path, query: bytes) -> None:
    scope = await http.scope(target=path.raw + b"?" + query)
    assert scope["query_string"] == query


async def examples(launch: Launch) -> None:
    """Print how many examples of a property are tried in a minute, and how many exchanges of the kind there could be."""
    fleet = Fleet(launch)
    count = profiles.EXAMPLES[profiles.DEFAULT]
    plain = strategies.Path(b"/caf%C3%A9/", "/café/"), b"query=%20"
    check = given(path=strategies.paths(), query=strategies.queries())(_request)
    times: dict[str, list[float]] = {"hypothesis": [], "a loop": []}
    try:
        for _ in range(ROUNDS):
            http = Http(fleet, Options())
            await http.enter()
            started = time.perf_counter()
            await check(http=http)
            times["hypothesis"].append(time.perf_counter() - started)
            started = time.perf_counter()
            explorer = Explorer(http)
            for _ in range(count):
                await explorer.example(http.another(), lambda another: _request(another, *plain))
            times["a loop"].append(time.perf_counter() - started)
    finally:
        fleet.stop()
    print("\nexamples of a property")
    for name, taken in times.items():
        ratio = statistics.median(taken) / statistics.median(times["a loop"])
        print(f"  {name:<26}{count * 60 / statistics.median(taken):6.0f} a minute   x {ratio:4.2f}")


def _seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    return time.perf_counter() - started


async def boots(launch: Launch) -> float:
    """Return the seconds in which the instances that the suite needs come up, two at a time."""

    async def one(options: Options) -> None:
        instance = Instance(launch, options)
        try:
            await instance.ready()
        finally:
            instance.stop(gracefully=False)

    started = time.perf_counter()
    needed = list(BOOTS)
    while needed:
        pair, needed = needed[:2], needed[2:]
        await asyncio.gather(*(one(options) for options in pair))
    return time.perf_counter() - started


def suite(arguments: list[str], runs: int = RUNS) -> tuple[float, list[dict[str, Any]]]:
    """Return the wall time of the suite, the median of several runs, and what the last results file says of each check."""
    times: list[float] = []
    checks: list[dict[str, Any]] = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            results = Path(folder, "results.json")
            times.append(_seconds([sys.executable, "-m", "pytest", "-q", f"--results={results}", *arguments]))
            checks = json.loads(results.read_text())["checks"]
    return statistics.median(times), checks


class Collector:
    """A pytest plugin that notes which processes the collected checks want, beside those of all others."""

    def __init__(self) -> None:
        self.wanted: list[Options] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note a process for each check that has one of its own, and one for all that share it."""
        for item in session.items:
            if "process" in getattr(item, "fixturenames", ()):
                options = options_of(item)
                if not options.shared or options not in self.wanted:
                    self.wanted.append(options)


async def one_after_another(launch: Launch, wanted: list[Options]) -> tuple[int, float]:
    """Return how many of the processes the server can be told to be, and the seconds until each serves or has ended."""
    count, total = 0, 0.0
    for options in wanted:
        try:
            options.templates(launch.server, launch.variant)
        except KeyError:
            continue
        started = time.perf_counter()
        instance = Instance(launch, options)
        with contextlib.suppress(NotReady):
            await instance.ready()
        total += time.perf_counter() - started
        count += 1
        instance.stop(gracefully=False)
    return count, total


def processes(launch: Launch, arguments: list[str]) -> None:
    """Print the wall time of the checks with processes of their own against that of their boots."""
    parts = [str(ROOT / "conformance" / name) for name in BOOTING]
    collector = Collector()
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", *parts, *arguments], plugins=[collector])
    nothing = _seconds([sys.executable, "-m", "pytest", "-q", str(ROOT / "benchmarks" / "hello.py")])
    count, booting = asyncio.run(one_after_another(launch, collector.wanted))
    wall, checks = suite([*parts, *arguments], runs=1)
    share = (wall - nothing) / booting
    print(f"\nlifespan and process, {len(checks)} checks")
    print(f"  wall time without pytest's  {wall - nothing:6.2f} s   {share:4.0%} of")
    print(f"  {count:3} boots one by one      {booting:6.2f} s")


def parallel(arguments: list[str]) -> None:
    """Print the wall time of all checks with a worker for each core against that without, and what verdicts differ."""
    times, verdicts = [], []
    for workers in ("0", "auto"):
        wall, checks = suite(["-n", workers, *arguments], runs=1)
        times.append(wall)
        verdicts.append({check["id"]: check["verdict"] for check in checks})
    serial, others = verdicts
    differing = sorted(check for check in {*serial, *others} if serial.get(check) != others.get(check))
    print(f"\nparallel runs, {len(serial)} checks")
    print(f"  one after another         {times[0]:6.2f} s")
    print(f"  -n auto                   {times[1]:6.2f} s   x {times[0] / times[1]:4.2f} as fast")
    print(f"  verdicts that differ      {len(differing):6}")
    for check in differing[:10]:
        print(f"    {serial.get(check)} / {others.get(check)}  {check}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default="uvicorn")
    parser.add_argument("--server-python", default=sys.executable)
    options = parser.parse_args()
    name, _, variant = options.server.partition(":")
    launch = Launch(registry.find(name), variant, options.server_python)
    print(f"{options.server}, {os.cpu_count()} cores\n")
    exchange = asyncio.run(exchanges(launch))
    asyncio.run(examples(launch))
    nothing = statistics.median(
        _seconds([sys.executable, "-m", "pytest", "-q", str(ROOT / "benchmarks" / "hello.py")]) for _ in range(RUNS)
    )
    booting = statistics.median(asyncio.run(boots(launch)) for _ in range(RUNS))
    chosen = [f"--server={options.server}", f"--server-python={options.server_python}"]
    wall, checks = suite([*folders(but=BOOTING), *chosen])
    floor = nothing + booting + len(checks) * exchange
    print(f"\nthe suite, {len(checks)} checks")
    print(f"  wall time                 {wall:6.2f} s")
    print(f"  floor                     {floor:6.2f} s   x {wall / floor:4.2f}")
    print(f"    pytest, nothing to do   {nothing:6.2f} s")
    print(f"    {len(BOOTS)} boots, two at once    {booting:6.2f} s")
    print(f"    exchanges               {len(checks) * exchange:6.2f} s")
    print(f"  median check              {statistics.median(check['duration'] for check in checks) * 1000:6.2f} ms")
    print("  slowest ten")
    for check in sorted(checks, key=lambda check: -float(check["duration"]))[:10]:
        print(f"    {check['duration'] * 1000:8.1f} ms  {check['id']}")
    processes(launch, chosen)
    parallel(chosen)


if __name__ == "__main__":
    main()
