"""What becomes of verdicts: counts, what makes a run fail, and the results file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from asgi_conformance import __version__
from asgi_conformance.fixtures import verdicts
from asgi_conformance.fixtures.results import Result, Results, verdict_for

SERVER = {"name": "some", "variant": "h11", "version": "1.0", "python": "3.12.1", "argv": ["some", "--port", "1"]}


def result(verdict: str, name: str = "m.py::test_a", **fields: Any) -> Result:
    """Return a result with what does not matter filled in."""
    return Result(name, ["http.some"], "MUST", verdict, **fields)


def results(*given: str) -> Results:
    """Return the results of a run whose checks got these verdicts."""
    run = Results(SERVER, "must")
    for number, verdict in enumerate(given):
        run.add({"id": f"m.py::test_{number}", "requirements": ["http.some"], "level": "MUST", "verdict": verdict})
    return run


FAILING = {"fail", "error"}


@pytest.mark.parametrize("verdict", [verdict for verdict in verdicts.VERDICTS if verdict != verdicts.UNSTABLE])
@pytest.mark.parametrize("level", ["must", "should"])
def test_which_verdicts_make_a_run_fail(verdict: str, level: str) -> None:
    """A broken MUST and an error always do, a broken SHOULD only where the level asks for it."""
    expected = FAILING | ({"warn"} if level == "should" else set())
    assert result(verdict).fails(level) is (verdict in expected)


@pytest.mark.parametrize("level", ["must", "should"])
@pytest.mark.parametrize(
    ("verdict", "fails"),
    [
        ("fail", False),
        ("warn", False),
        ("pass", True),
        ("observed", True),
        ("unsupported", False),
        ("inapplicable", False),
        ("error", True),
    ],
)
def test_what_an_expected_failure_makes_of_a_verdict(verdict: str, fails: bool, level: str) -> None:
    """The failure is none any more, a pass is one, and an error is never excused."""
    assert result(verdict, expected="a known reason").fails(level) is fails


@pytest.mark.parametrize(("level", "verdict"), [("MUST", "fail"), ("SHOULD", "warn"), ("MAY", "fail")])
def test_the_verdict_follows_the_requirement_s_level(level: str, verdict: str) -> None:
    """A broken assertion weighs as much as the requirement; where all is permitted it is about the server's life."""
    assert verdict_for(level) == verdict


def test_counts() -> None:
    """Each verdict is counted, and each check once, by what came of it last."""
    run = results("pass", "pass", "fail", "observed")
    assert run.counts() == {"pass": 2, "fail": 1, "observed": 1}
    run.add({"id": "m.py::test_0", "requirements": ["http.some"], "level": "MUST", "verdict": "error"})
    assert run.counts() == {"pass": 1, "fail": 1, "observed": 1, "error": 1}
    assert [failing.id for failing in run.failing()] == ["m.py::test_0", "m.py::test_2"]


@pytest.mark.parametrize(
    ("given", "nothing"),
    [
        ([], True),
        (["unsupported", "inapplicable"], True),
        (["inapplicable", "pass"], False),
        (["observed"], False),
        (["fail"], False),
        (["error"], False),
    ],
)
def test_whether_anything_was_judged(given: list[str], nothing: bool) -> None:
    """Checks that could not be applied say nothing about a server."""
    assert results(*given).judged_nothing() is nothing


def test_the_results_file_has_the_promised_fields(tmp_path: Path) -> None:
    """Schema 1: the suite, the server, when and where, and the checks in the order of their ids."""
    path = tmp_path / "results.json"
    run = Results(SERVER, "must")
    run.add(
        {
            "id": "m.py::test_b",
            "requirements": ["http.one", "http.two"],
            "level": "SHOULD",
            "verdict": "warn",
            "duration": 0.25,
            "message": "it does not, ä",
            "observation": "seen",
            "transcript": "ms  client",
            "title": "It does.",
            "expected": "a known reason",
        }
    )
    run.add({"id": "m.py::test_a", "requirements": ["http.one"], "level": "MUST", "verdict": "pass"})
    run.write(path)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert list(content) == ["schema", "suite", "server", "platform", "started", "duration", "checks"]
    assert (content["schema"], content["suite"], content["server"]) == (1, __version__, SERVER)
    assert content["started"].endswith("Z")
    assert len(content["platform"].split()) == 3
    assert content["duration"] >= 0
    first, second = content["checks"]
    assert first["id"] == "m.py::test_a"
    promised = {
        "id": "m.py::test_b",
        "requirements": ["http.one", "http.two"],
        "level": "SHOULD",
        "verdict": "warn",
        "duration": 0.25,
        "message": "it does not, ä",
        "observation": "seen",
        "transcript": "ms  client",
        "expected": "a known reason",
    }
    assert second == {**second, **promised}
    assert first.keys() == second.keys()


def test_the_results_file_holds_any_message(tmp_path: Path) -> None:
    """A message with a lone surrogate, as a server may make one, does not keep the file from being written."""
    path = tmp_path / "results.json"
    run = Results(SERVER, "must")
    run.add({"id": "a", "requirements": [], "level": "MUST", "verdict": "fail", "message": "\udcff \x00"})
    run.write(path)
    assert json.loads(path.read_text(encoding="utf-8"))["checks"][0]["message"] == "\udcff \x00"
