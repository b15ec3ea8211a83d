"""What the documents say about checks and requirements is true: each one that they name exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from asgi_conformance.fixtures.requirements import catalogue

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted((ROOT / "docs").glob("*.md"))
CHECK = re.compile(r"`(?:conformance/)?((?:\w+/)?test_\w+\.py)::(test_\w+)(?:\[([^\]`]+)\])?`")
REQUIREMENT = re.compile(
    r"`((?:core|interop|process|rfc\d+)(?:\.[a-z0-9-]+)+|(?:http|lifespan|websocket)(?:\.[a-z0-9-]+){2,})`"
)  # an event's type is a word and another, as in websocket.close


@pytest.fixture(scope="module")
def collected() -> list[tuple[str, str, str]]:
    """Every check: its module below ``conformance``, its function, and what stands in brackets behind it."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "conformance"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^conformance/(\S+\.py)::(\w+)(?:\[(.*)\])?$", listed, re.MULTILINE)
    assert len(found) > 1000
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.stem))
def test_checks_that_are_named_exist(document: Path, collected: list[tuple[str, str, str]]) -> None:
    named = CHECK.findall(document.read_text(encoding="utf-8"))
    assert named
    missing = [one for one in named if not any(fits(one, check) for check in collected)]
    assert missing == []


def fits(named: tuple[str, str, str], check: tuple[str, str, str]) -> bool:
    """Tell whether a check is one of those named: its module by its end, its case by words of its own."""
    module, function, words = named
    same = f"/{check[0]}".endswith(f"/{module}") and check[1] == function
    return same and (not words or f"-{words}-" in f"-{check[2]}-")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.stem))
def test_requirements_that_are_named_exist(document: Path) -> None:
    named = set(REQUIREMENT.findall(document.read_text(encoding="utf-8")))
    assert named - set(catalogue()) == set()


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
