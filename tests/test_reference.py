"""The reference server passes every check."""

from __future__ import annotations

from asgi_conformance.tests import fault_table
from asgi_conformance.tests.fault_table import Outcome

BEFORE_2_4 = "core.send.after-close.no-op"  # binds only a server that claims less, which the variant 2.3 does


def test_reference_passes_every_check(reference: Outcome) -> None:
    others = {check for check, verdict in reference.verdicts.items() if verdict not in ("pass", "observed")}
    assert {check for check in others if reference.requirements[check] != [BEFORE_2_4]} == set()
    assert len(reference.verdicts) > 400


def test_reference_of_an_older_claim_passes_what_binds_it() -> None:
    older = fault_table.run(variant="2.3")
    assert set(older.verdicts.values()) == {"pass", "observed", "inapplicable"}
    no_op = {verdict for check, verdict in older.verdicts.items() if older.requirements[check] == [BEFORE_2_4]}
    assert no_op == {"pass"}
