"""What the documents say about checks and requirements is true: each one that they name exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from asgi_conformance.fixtures.requirements import catalogue
from asgi_conformance.tests.fakes import ROOT, SAMPLES, fake_server, run_checks

DOCUMENTS = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").glob("*.md"))]
CHECK = re.compile(r"[`\"](?:conformance/)?((?:\w+/)?test_\w+\.py)::(test_\w+)(?:\[([^\]`\"]+)\])?[`\"]")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
OPTION = re.compile(r"(?<![\w-])--(?:server|level|expectations|update|results|time|replay|confirm)[\w-]*")
REQUIREMENT = re.compile(
    r"`((?:core|interop|process|tls|rfc\d+)(?:\.[a-z0-9-]+)+|(?:http|lifespan|websocket)(?:\.[a-z0-9-]+){2,})`"
)  # an event's type is a word and another, as in websocket.close


@pytest.fixture(scope="module")
def collected() -> list[tuple[str, str, str]]:
    """Every check: its module below ``conformance``, its function, and what stands in brackets behind it."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "conformance"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^conformance/(\S+\.py)::(\w+)(?:\[(.*)\])?$", listed, re.MULTILINE)
    assert len(found) > 1000
    return found


def test_checks_that_are_named_exist(collected: list[tuple[str, str, str]]) -> None:
    named = {one for document in DOCUMENTS for one in CHECK.findall(document.read_text(encoding="utf-8"))}
    assert len(named) > 50
    assert {one for one in named if not any(fits(one, check) for check in collected)} == set()


def fits(named: tuple[str, str, str], check: tuple[str, str, str]) -> bool:
    """Tell whether a check is one of those named: its module by its end, its case by words of its own."""
    module, function, words = named
    same = f"/{check[0]}".endswith(f"/{module}") and check[1] == function
    return same and (not words or f"-{words}-" in f"-{check[2]}-")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.stem))
def test_requirements_that_are_named_exist(document: Path) -> None:
    named = set(REQUIREMENT.findall(document.read_text(encoding="utf-8")))
    documents = {requirement.document for requirement in catalogue().values()}
    assert named - set(catalogue()) - documents == set()


@pytest.mark.parametrize(
    "named",
    [
        ("test_frames.py", "test_no_such_check", ""),
        ("test_no_such_module.py", "test_length_is_sent", ""),
        ("test_frames.py", "test_length_is_sent", "0-byte"),
        ("http/test_frames.py", "test_length_is_sent", "0-bytes-text"),
    ],
)
def test_checks_that_do_not_exist_are_missed(
    named: tuple[str, str, str], collected: list[tuple[str, str, str]]
) -> None:
    assert not any(fits(named, check) for check in collected)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.stem))
def test_links_lead_somewhere(document: Path) -> None:
    """A link to a file of the project leads to one."""
    for target in LINK.findall(document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


def test_options_exist(tmp_path: Path) -> None:
    """An option of the suite that a document names is one."""
    told = run_checks(tmp_path, f"--server-command={fake_server()}", SAMPLES / "verdicts.py", "--help").output
    known = set(re.findall(r"--[a-z][\w-]+", told))
    named = {
        option
        for document in (ROOT / "README.md", ROOT / "docs" / "gate.md")
        for option in OPTION.findall(document.read_text(encoding="utf-8"))
    }
    assert named - known == set()
    assert named
