"""``--confirm``: nobody is accused of what does not repeat on a fresh server, and nothing unstable is hidden."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from asgi_conformance.tests.fakes import SAMPLES, Outcome, fake_server, run_checks

COMMAND = f"--server-command={fake_server()}"
MODULE = "tests/samples/again.py"


def run(folder: Path, check: str, *arguments: str) -> Outcome:
    return run_checks(folder, COMMAND, f"{SAMPLES / 'again.py'}::test_{check}", *arguments)


def servers(folder: Path) -> list[str]:
    return (folder / "tried.txt").read_text(encoding="ascii").split()


def known(folder: Path, check: str, more: str = "") -> str:
    path = folder / "known.toml"
    path.write_text(
        f'[[expected]]\nreason = "as everyone knows"\n{more}\nchecks = ["{MODULE}::test_{check}[http1]"]\n',
        encoding="utf-8",
    )
    return f"--expectations={path}"


def test_failure_that_repeats(tmp_path: Path) -> None:
    """It is told once, and was seen on two servers."""
    outcome = run(tmp_path, "always_fails", "--confirm")
    assert (outcome.status, outcome.verdicts) == (1, {"fail": 1})
    assert len(set(servers(tmp_path))) == len(servers(tmp_path)) == 2
    assert outcome.output.count("transcript\n") == 1
    assert outcome.clean, outcome.output


def test_failure_that_does_not_repeat(tmp_path: Path) -> None:
    """It is unstable, tells what was seen, and fails the run."""
    outcome = run(tmp_path, "fails_once", "--confirm")
    assert (outcome.status, outcome.verdicts) == (1, {"unstable": 1})
    assert "actual       fail, but pass on a fresh server: assert 1 == 2" in outcome.output
    assert "GET / HTTP/1.1" in outcome.output
    assert outcome.clean, outcome.output


@pytest.mark.parametrize(("check", "verdict"), [("always_fails", "fail"), ("fails_once", "unstable")])
def test_junit_tells_the_verdict_once(tmp_path: Path, check: str, verdict: str) -> None:
    """A check that ran twice is one case with one verdict."""
    run(tmp_path, check, "--confirm", "--junitxml=junit.xml")
    told = ElementTree.parse(tmp_path / "junit.xml").findall(".//property[@name='verdict']")
    assert [each.get("value") for each in told] == [verdict]


def test_pass_is_not_tried_again(tmp_path: Path) -> None:
    outcome = run(tmp_path, "passes", "--confirm")
    assert (outcome.status, outcome.verdicts) == (0, {"pass": 1})
    assert len(servers(tmp_path)) == 1


def test_known_failure_is_not_tried_again(tmp_path: Path) -> None:
    outcome = run(tmp_path, "always_fails", "--confirm", known(tmp_path, "always_fails"))
    assert (outcome.status, outcome.verdicts) == (0, {"fail": 1})
    assert len(servers(tmp_path)) == 1


def test_known_failure_that_passes_is_tried_again(tmp_path: Path) -> None:
    """One that passes twice is to be taken out of the list."""
    outcome = run(tmp_path, "passes", "--confirm", known(tmp_path, "passes"))
    assert (outcome.status, outcome.verdicts) == (1, {"pass": 1})
    assert "it passed, though it is expected to fail" in outcome.output
    assert len(servers(tmp_path)) == 2


@pytest.mark.parametrize(
    ("check", "verdict"), [("fails_once", "unstable"), ("always_fails", "unstable"), ("passes", "pass")]
)
def test_known_to_be_unstable(tmp_path: Path, check: str, verdict: str) -> None:
    """Whatever it does, it does not fail the run; and where it fails, it is counted apart."""
    outcome = run(tmp_path, check, "--confirm", known(tmp_path, check, "unstable = true"))
    assert (outcome.status, outcome.verdicts) == (0, {verdict: 1})


@pytest.mark.parametrize(
    ("option", "environment", "verdict"),
    [((), "true", "unstable"), ((), "", "fail"), (("--no-confirm",), "true", "fail")],
)
def test_default(tmp_path: Path, option: tuple[str, ...], environment: str, verdict: str) -> None:
    """Failures are confirmed by default where ``CI`` is set."""
    outcome = run_checks(
        tmp_path, COMMAND, f"{SAMPLES / 'again.py'}::test_fails_once", *option, environment={"CI": environment}
    )
    assert outcome.verdicts == {verdict: 1}
