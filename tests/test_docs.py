"""What the documentation names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from asgi_conformance.tests.fakes import ROOT, SAMPLES, fake_server, run_checks

DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
CHECK = re.compile(r"conformance/[\w/]+\.py::test_\w+")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_checks_exist(document: Path) -> None:
    """A check that a document names is a function of the module that it names."""
    for name in CHECK.findall(document.read_text(encoding="utf-8")):
        path, _, function = name.partition("::")
        assert f"async def {function}(" in (ROOT / path).read_text(encoding="utf-8"), name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
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
        for option in re.findall(
            r"(?<![\w-])--(?:server|level|expectations|update|results|time|replay|confirm)[\w-]*",
            document.read_text(encoding="utf-8"),
        )
    }
    assert named - known == set()
    assert named
