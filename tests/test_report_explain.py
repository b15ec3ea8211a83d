"""The commands that look things up: ``explain``, and what checks the requirements have."""

from __future__ import annotations

import pytest

from asgi_conformance.fixtures.requirements import catalogue, normalise
from asgi_conformance.reporting import checks, cli, matters
from asgi_conformance.tests.fakes import ROOT

REQUIREMENT = "http.scope.server.unix"
CHECK = "conformance/http/test_scope_types.py::test_server_is_the_path_of_the_unix_socket"
CASES = "conformance/http/test_wrong_events.py::test_wrong_event_at_the_start"


def explained(capsys: pytest.CaptureFixture[str], name: str) -> str:
    """Return what ``explain`` prints, in one line."""
    assert cli.main(["explain", name]) == 0
    return normalise(capsys.readouterr().out)


def test_every_requirement_has_a_check_or_a_reason() -> None:
    """What the modules say of themselves agrees with the catalogue."""
    cited = {name for check in checks.checks().values() for name in check.all_requirements()}
    assert cited <= set(catalogue())
    uncovered = [name for name in catalogue() if name not in cited]
    assert uncovered == [name for name, requirement in catalogue().items() if requirement.unchecked]


def test_every_section_says_what_a_failure_means() -> None:
    """One or two sentences for each section that is quoted, and for no other."""
    sections = {(name.partition(".")[0], requirement.section) for name, requirement in catalogue().items()}
    texts = {(family, section): text for family, found in matters.matters().items() for section, text in found.items()}
    assert sections == set(texts)
    for where, text in texts.items():
        assert text.endswith("."), where
        assert text.count(". ") <= 1, where


def test_a_requirement_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """Quote, place, link, version, stance, what a failure means, the check with its source, how to run it."""
    requirement = catalogue()[REQUIREMENT]
    text = explained(capsys, REQUIREMENT)
    source = (ROOT / CHECK.partition("::")[0]).read_text(encoding="utf-8")
    line = source[: source.index("async def test_server_is_the_path_of_the_unix_socket")].count("\n") - 1
    for part in (
        f"{REQUIREMENT} MUST",
        f'"{requirement.quote}"',
        f'www.rst, "{requirement.section}"',
        "https://asgi.readthedocs.io/en/latest/specs/www.html#http-connection-scope",
        f"version {requirement.since}",
        f"judged so {requirement.stance}",
        matters.of(requirement) or "there is none",
        f"check {CHECK}",
        f"conformance/http/test_scope_types.py:{line}",
        'assert items(scope["server"]) == [http.instance.socket_path, None]',
        f"asgi-conformance run --server=NAME {CHECK}",
    ):
        assert part in text


def test_a_requirement_without_a_check_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """The reason stands where the check would."""
    requirement = next(requirement for requirement in catalogue().values() if requirement.unchecked)
    assert f"no check {requirement.unchecked}" in explained(capsys, requirement.id)


FLUSHED = "test_each_piece_is_flushed"


@pytest.mark.parametrize(
    "name",
    [f"conformance/http/test_response_body.py::{FLUSHED}{ending}" for ending in ("", "[http1-with-length]")]
    + [FLUSHED, FLUSHED[:-3]],
)
def test_a_check_is_explained(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """By its id, with or without parameters, by its function's name, and by the beginning of these."""
    text = explained(capsys, name)
    assert text.startswith(f"check conformance/http/test_response_body.py::{FLUSHED} expected")
    assert "requirement http.body.flushed MUST" in text


def test_a_case_has_its_own_requirements(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a check whose cases cite several, only that of the case which is asked for is told, and only that is run."""
    text = explained(capsys, f"{CASES}[http1-no-status]")
    assert text.count(" requirement ") == 1
    assert "requirement http.start.status.required SHOULD" in text
    assert text.endswith(f"asgi-conformance run --server=NAME '{CASES}[http1-no-status]'")
    assert explained(capsys, CASES).count(" requirement ") > 1
    assert "cases no-status" in explained(capsys, "http.start.status.required")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("http.scope.serve", "may mean several ids: http.scope.server.type, "),
        (CHECK.rpartition("::")[2], f"may mean several ids: {CHECK}, conformance/websocket/"),
        ("http.scope.server.unx", "is the id of no requirement and of no check: http.scope.server.unix"),
        ("xyzzy", "is the id of no requirement and of no check; asgi-conformance requirements lists them"),
        ("", "is the id of no requirement and of no check"),
        (f"{REQUIREMENT}[http1]", "a requirement has no parameters"),
    ],
)
def test_an_id_that_is_none(name: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line says so, with those that may be meant."""
    assert cli.main(["explain", name]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert len(captured.err.splitlines()) == 1


def test_only_what_no_check_covers(capsys: pytest.CaptureFixture[str]) -> None:
    """``requirements --uncovered`` has each with its reason, and nothing else."""
    assert cli.main(["requirements", "--uncovered"]) == 0
    output = capsys.readouterr().out
    words = normalise(output)
    uncovered = [requirement for requirement in catalogue().values() if requirement.unchecked]
    for requirement in uncovered:
        assert f"{requirement.id} {requirement.level} {requirement.unchecked}" in words
    ids = [line.split()[0] for line in output.splitlines() if line.startswith("  ") and not line.startswith("   ")]
    assert ids == [requirement.id for requirement in uncovered]
