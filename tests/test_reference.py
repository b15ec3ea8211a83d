"""The reference server passes every check."""

from __future__ import annotations

from asgi_conformance.tests import fault_table
from asgi_conformance.tests.fault_table import Outcome

# What binds only a server that chooses otherwise than the reference does, each with that choice.
NOT_ITS_CHOICE = {
    "test_send_does_nothing_before_2_4": "claims less than 2.4, which the variant 2.3 does",
    "test_allowed_methods_are_told": "answers with 405 by itself",
    "test_trace_tells_no_secrets": "answers TRACE by itself",
    "test_server_without_persistence_says_so": "does not let connections persist",
    "test_tunnel_has_no_framing": "hands CONNECT to the application",
    "test_headers_where_version_2_0_is_claimed": "claims 2.0",
    "test_subprotocol_is_there_once": "lets the application's Sec-WebSocket-Protocol pass",
    "test_accept_is_there_once": "lets the application's Sec-WebSocket-Accept pass",
    "test_response_has_the_token_upgrade": "lets the application's Connection pass",
    "test_response_names_websocket": "lets the application's Upgrade pass",
}
PARAMETERS = "test_compression.py"  # where some cases are about a parameter that another server would have chosen


def test_reference_passes_every_check(reference: Outcome) -> None:
    assert len(reference.verdicts) > 4000
    for check, verdict in reference.verdicts.items():
        if verdict not in ("pass", "observed"):
            function = check.partition("::")[2].partition("[")[0]
            assert verdict == "inapplicable", (check, verdict, reference.messages[check])
            assert function in NOT_ITS_CHOICE or PARAMETERS in check, (check, reference.messages[check])


def test_reference_of_an_older_claim_passes_what_binds_it() -> None:
    older = fault_table.run(
        variant="2.3", only=("core", "http", "websocket/test_closing.py", "websocket/test_accept.py")
    )
    assert set(older.verdicts.values()) == {"pass", "observed", "inapplicable"}
    before_2_4 = {v for check, v in older.verdicts.items() if "test_send_does_nothing_before_2_4" in check}
    assert before_2_4 == {"pass"}
