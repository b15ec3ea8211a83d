"""What several modules of tests share: the suite's verdicts on its own reference server."""

from __future__ import annotations

import pytest

from asgi_conformance.tests import fault_table


@pytest.fixture(scope="session")
def reference() -> fault_table.Outcome:
    """The verdicts on the reference server, without a fault."""
    return fault_table.run()
