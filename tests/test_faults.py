"""Every check can fail, and fails for its own reason only: the table of faults against checks."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from asgi_conformance.fixtures.requirements import catalogue
from asgi_conformance.servers.reference.faults import FAULTS, Fault
from asgi_conformance.tests import fault_table
from asgi_conformance.tests.fault_table import Outcome

SERVING_NOBODY = ("silent", "closing")
Table = dict[str, "Future[Outcome]"]


def _server(fault: Fault) -> str:
    return f"reference:{fault.variant}" if fault.variant else "reference"


def _run(fault: Fault) -> Outcome:
    # A server that says nothing makes every check wait until its deadline, so that has to be short.
    return fault_table.run(_server(fault), fault.name, 0.03 if fault.name == "silent" else fault_table.QUICK)


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    """The outcome of the whole suite under each fault that a selected test needs, two at a time."""
    needed = {
        str(item.callspec.params["name"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec") and "name" in item.callspec.params
    }
    if any(item.name == test_every_check_fails_under_a_fault.__name__ for item in request.session.items):
        needed = set(FAULTS)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        # The slowest first, so that it is not waited for alone at the end.
        names = sorted(needed & set(FAULTS), key=lambda name: name != "silent")
        yield {name: pool.submit(_run, FAULTS[name]) for name in names}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", FAULTS)
def test_fault_fails_its_own_checks_and_no_others(table: Table, name: str) -> None:
    fault = FAULTS[name]
    outcome = table[name].result()
    if outcome.unrelated(fault):  # deadlines are short here: look again with the usual ones before anything is said
        outcome = fault_table.run(_server(fault), name, 1.0)
    assert fault.breaks in catalogue()
    assert {check for check, verdict in outcome.verdicts.items() if verdict == "error"} == set()
    assert any(fault.breaks in outcome.requirements[check] for check in outcome.failed()), "the fault fails no check"
    assert outcome.unrelated(fault) == set()


@pytest.mark.parametrize("name", SERVING_NOBODY)
def test_server_that_serves_nobody_passes_nothing(table: Table, name: str) -> None:
    outcome = table[name].result()
    assert {check for check, verdict in outcome.verdicts.items() if verdict in ("pass", "observed", "error")} == set()


def test_every_check_fails_under_a_fault(table: Table, reference: Outcome) -> None:
    """Each check fails under a fault that is about a requirement that it cites, and not only because nothing works."""
    shown: set[str] = set()
    for name, future in table.items():
        outcome = future.result()
        patterns = (FAULTS[name].breaks, *(pattern for pattern in FAULTS[name].also if pattern != "*"))
        shown |= {
            check
            for check in outcome.failed()
            if any(fnmatch.fnmatchcase(cited, pattern) for cited in outcome.requirements[check] for pattern in patterns)
        }
    observing = {check for check, names in reference.requirements.items() if catalogue()[names[0]].level == "MAY"}
    silent = table["silent"].result().failed()
    assert set(reference.verdicts) - shown - (observing & silent) == set()
