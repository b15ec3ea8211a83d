"""A pytest plugin for runs under faults: of checks that have nothing to do with them, one case each is enough."""

from __future__ import annotations

import os

import pytest

from asgi_conformance.servers.reference.faults import FAULTS
from asgi_conformance.tests.fault_table import NAMES, concerns


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the further cases of each function whose requirements none of the faults is about."""
    faults = [FAULTS[name] for name in os.environ[NAMES].split(",")]
    seen: set[str] = set()
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        function = item.nodeid.partition("[")[0]
        cited = [name for mark in item.iter_markers("requires") for name in mark.args]
        related = any(concerns(fault, name) for fault in faults for name in cited)
        (kept if related or function not in seen else left_out).append(item)
        if not related:
            seen.add(function)
    items[:] = kept
    config.hook.pytest_deselected(items=left_out)
