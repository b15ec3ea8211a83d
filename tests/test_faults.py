"""Every check can fail, and fails for its own reason only: the table of faults against checks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from asgi_conformance.fixtures.requirements import catalogue
from asgi_conformance.servers.reference.faults import FAULTS, Fault
from asgi_conformance.tests import fault_table
from asgi_conformance.tests.fault_table import Outcome

WHOLE = "FAULT_TABLE" in os.environ
# The whole table takes longer than a change should wait.
whole_table = pytest.mark.skipif(
    not WHOLE, reason="say FAULT_TABLE=1 to try every fault, which takes a quarter of an hour"
)
_ONE_EACH = {fault.breaks.partition(".")[0]: name for name, fault in reversed(FAULTS.items())}
TRIED = list(FAULTS) if WHOLE else sorted(_ONE_EACH.values())
"""The faults that are tried: all, or one for each document of requirements."""

WITHOUT_ANSWER = ("silent", "closing")
SERVING_NOBODY = (*WITHOUT_ANSWER, "ends-before-it-starts")


class Table:
    """The suite's outcome under each fault, run in the background, faults that have nothing in common together."""

    def __init__(self, names: set[str], pool: ThreadPoolExecutor) -> None:
        self._outcomes: dict[str, Future[dict[str, Outcome]]] = {}
        groups = fault_table.groups([FAULTS[name] for name in FAULTS if name in names])
        # The slowest first, so that it is not waited for alone at the end.
        for group in sorted(groups, key=lambda group: group[0].name not in SERVING_NOBODY):
            outcomes = pool.submit(run_group, group)
            self._outcomes.update((fault.name, outcomes) for fault in group)

    def outcome(self, name: str) -> Outcome:
        """Return the suite's outcome under this fault, and perhaps others that have nothing to do with what it shows."""
        return self._outcomes[name].result()[name]


def run_group(group: list[Fault]) -> dict[str, Outcome]:
    """Return the outcome under each fault: that of one run under all of them, where it shows each and nothing else.

    Two that have nothing in common may still bring about something third: otherwise each is run by itself.
    """
    # A server that says nothing makes every check wait until its deadline, so that has to be short.
    together = fault_table.run(*group, scale=0.03 if group[0].name == "silent" else fault_table.QUICK)
    if all(own(together, fault) for fault in group) and not together.unrelated():
        return {fault.name: together for fault in group}
    return {fault.name: run_alone(fault) for fault in group}


def run_alone(fault: Fault) -> Outcome:
    """Return the outcome under one fault, with the usual deadlines where shorter ones do not show what they should."""
    quick = fault_table.run(fault, scale=2 * fault_table.QUICK)
    return quick if own(quick, fault) and not quick.unrelated() else fault_table.run(fault, scale=1.0)


def own(outcome: Outcome, fault: Fault) -> set[str]:
    """Return the checks of what a fault breaks that failed."""
    return {check for check in outcome.failed() if fault.breaks in outcome.requirements[check]}


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    """The outcome of the whole suite under each fault that a selected test needs."""
    items = [item for item in request.session.items if item.get_closest_marker("skipif") is None or WHOLE]
    needed = {
        str(item.callspec.params["name"])
        for item in items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec") and "name" in item.callspec.params
    }
    if any(item.name == test_every_check_fails_under_a_fault.__name__ for item in items):
        needed = set(FAULTS)
    with ThreadPoolExecutor(max_workers=3 * (os.cpu_count() or 2)) as pool:
        yield Table(needed & set(FAULTS), pool)
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", TRIED)
def test_fault_fails_its_own_checks_and_no_others(table: Table, name: str) -> None:
    fault, outcome = FAULTS[name], table.outcome(name)
    assert fault.breaks in catalogue()
    assert {check for check, verdict in outcome.verdicts.items() if verdict == "error"} == set()
    assert own(outcome, fault), f"{name} fails no check of {fault.breaks}"
    assert outcome.unrelated() == set()


@whole_table
@pytest.mark.parametrize("name", SERVING_NOBODY)
def test_server_that_serves_nobody_passes_nothing(table: Table, name: str) -> None:
    verdicts = table.outcome(name).verdicts
    assert {check for check, verdict in verdicts.items() if verdict in ("pass", "observed", "error")} == set()


@whole_table
def test_every_check_fails_under_a_fault(table: Table, reference: Outcome) -> None:
    """Each check fails under a fault that is about a requirement that it cites, and not only because nothing works."""
    precise = [fault for fault in FAULTS.values() if "*" not in fault.also]
    shown = set().union(*(table.outcome(fault.name).related(fault) for fault in precise))
    fundamental = [fault for fault in FAULTS.values() if fault not in precise and fault.name not in SERVING_NOBODY]
    for fault in fundamental:
        outcome = table.outcome(fault.name)
        shown |= own(outcome, fault)
    # Where everything is permitted, and where nothing less could go wrong, serving nobody is the fault that there is.
    observing = {check for check, names in reference.requirements.items() if catalogue()[names[0]].level == "MAY"}
    basic = {check for check, names in reference.requirements.items() if set(names) & BASIC}
    checks = {check for check in reference.verdicts if not any(word in check for word in fault_table.AGAIN)}
    nobody = set().union(*(table.outcome(name).failed() for name in SERVING_NOBODY))
    shown |= (observing | basic) & nobody
    assert checks - shown == set()


BASIC = {FAULTS[name].breaks for name in WITHOUT_ANSWER}
