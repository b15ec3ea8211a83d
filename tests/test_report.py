"""The commands that report: what they write and print of results files, and their exit statuses."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from asgi_conformance.fixtures.requirements import catalogue
from asgi_conformance.reporting import badge, cli, diff, github, links, loading, markdown, matrix, page
from asgi_conformance.tests import reports
from asgi_conformance.tests.fakes import BARE, PYTEST, SAMPLES, Run, fake_server
from asgi_conformance.tests.reports import CHECK, check, write

OTHER = "conformance/http1/test_framing.py::test_something[http1]"


def named(number: int, verdict: str, **fields: object) -> dict[str, object]:
    """Return one of many checks."""
    return check(f"conformance/http/test_a.py::test_{number:03}", verdict, **fields)


# --- report -----------------------------------------------------------------------------------------------------------


def test_what_a_report_consists_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A page, Markdown and a badge a run; what was written is printed with its size."""
    paths = [write(tmp_path / f"{v}.json", check(), version=v, variant="h11") for v in ("0.1", "0.2")]
    folder = tmp_path / "deep" / "report"
    assert cli.main(["report", *map(str, paths), "-o", str(folder)]) == 0
    names = {"index.html", "report.md", "badge-uvicorn-h11-0.1.json", "badge-uvicorn-h11-0.2.json"}
    assert {path.name for path in folder.iterdir()} == names
    assert {Path(line.split("  ")[0]).name for line in capsys.readouterr().out.splitlines()} == names


def test_a_report_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line says so."""
    path = write(tmp_path / "a.json", check())
    assert cli.main(["report", str(path), "-o", str(path)]) == 2
    assert f"the report cannot be written to {path}" in capsys.readouterr().err


def test_the_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    """It loads nothing, and whatever is in a results file stays text."""
    hostile = "</script><img src=x onerror=alert(1)>\u2028"
    path = write(tmp_path / "a.json", check(verdict="fail", message=hostile, title=hostile), version=hostile)
    page.write(loading.load([path]), tmp_path)
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<(link|img|iframe)|\bsrc\s*=\s*[\"']|@import|url\(", text)
    assert text.count("</script>") == 1
    assert "\u2028" not in text.partition("<script>")[2]


def test_much_evidence_stands_in_files_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of an earlier report, which may have had more, are taken away."""
    monkeypatch.setattr(page, "_MOST_INLINE", 0)
    monkeypatch.setattr(matrix, "_LARGEST", 100)
    transcripts = ["a" * 200, "b" * 200, "c" * 200]
    path = write(tmp_path / "a.json", *(named(n, "fail", transcript=t) for n, t in enumerate(transcripts)))
    (tmp_path / "evidence-7.js").write_text("stale", encoding="utf-8")
    written = page.write(loading.load([path]), tmp_path)
    assert [path.name for path in written] == ["index.html", *(f"evidence-{n}.js" for n in range(3))]
    assert not (tmp_path / "evidence-7.js").exists()
    for number, transcript in enumerate(transcripts):
        assert transcript in (tmp_path / f"evidence-{number}.js").read_text(encoding="utf-8")


def test_the_matrix_keeps_each_text_once(tmp_path: Path) -> None:
    """Verdicts are a character each, transcripts are there only where something broke, and once."""
    broken = check(verdict="fail", transcript=reports.TRANSCRIPT, message="a", expected="known")
    first = write(tmp_path / "1.json", broken, check(OTHER, transcript="of a pass"), version="1")
    second = write(tmp_path / "2.json", broken, version="2")
    found = matrix.build(loading.load([first, second]))
    assert [(row[0], row[4]) for row in found.data["rows"]] == [(CHECK, "FF"), (OTHER, "p-")]
    (piece,) = found.evidence
    assert piece["texts"] == ["a", "known", reports.TRANSCRIPT]
    assert piece["cells"] == {0: {0: [1, 0, 2, 3], 1: [1, 0, 2, 3]}}
    assert [column["follows"] for column in found.data["columns"]] == [False, True]


def test_rows_stand_in_the_order_of_protocols_and_sections(tmp_path: Path) -> None:
    """The ASGI core comes first; a requirement that this version does not know has a section of its own, the last."""
    path = write(
        tmp_path / "a.json",
        check("conformance/websocket/test_a.py::test_a", requirements=["websocket.denial.sent"]),
        check("conformance/http/test_a.py::test_z", requirements=["http.gone"]),
        check("conformance/http/test_a.py::test_a"),
        check("conformance/core/test_a.py::test_a", requirements=["core.application.arguments"]),
        check("elsewhere/test_a.py::test_a", requirements=[]),
    )
    found = matrix.build(loading.load([path]))
    sections = [(protocol, document) for protocol, document, *_ in found.data["sections"]]
    expected = [("core", "asgi.rst"), ("http", "www.rst"), ("http", ""), ("websocket", "extensions.rst")]
    assert sections == [*expected, ("elsewhere", "")]


@pytest.mark.parametrize(
    ("requirement", "address"),
    [
        ("http.scope.path.decoded", "https://asgi.readthedocs.io/en/latest/specs/www.html#http-connection-scope"),
        ("rfc9110.head.no-content", "https://www.rfc-editor.org/rfc/rfc9110.html#section-9.3.2"),
        ("process.signal.sigterm", None),
    ],
)
def test_where_a_requirement_can_be_read(requirement: str, address: str | None) -> None:
    """The link goes to the section."""
    assert links.link(catalogue()[requirement]) == address


# --- Markdown, annotations, badges ------------------------------------------------------------------------------------


def test_markdown_tells_what_is_not_expected(tmp_path: Path) -> None:
    """Known failures are counted only; a known one that passes is told."""
    path = write(
        tmp_path / "a.json",
        named(1, "fail", message="<b>it *broke*\nand more", title="It holds, @somebody."),
        named(2, "fail", expected="known"),
        named(3, "pass", expected="a reason"),
        named(4, "warn", level="SHOULD"),
    )
    text = markdown.text(loading.load([path]))
    assert "| uvicorn 0.30.0 | 33.3 % | 0 % | 1 | 2 | 1 | 1 | 2 |" in text
    assert "## uvicorn 0.30.0: 2 not expected" in text
    assert r"\<b\>it \*broke\*<br>" in text
    assert "@somebody" not in text
    assert "it passed, though it is expected to fail: a reason" in text
    assert "test_002" not in text
    assert "test_004" not in text


def test_markdown_is_short(tmp_path: Path) -> None:
    """What does not fit is counted, over all runs."""
    checks = [named(number, "fail", message="x" * 5000) for number in range(45)]
    paths = [write(tmp_path / f"{version}.json", *checks, version=version) for version in ("1", "2")]
    text = markdown.text(loading.load(paths))
    assert "- and 5 more" in text
    assert "- and 45 more" in text
    assert len(text) < 40_000


def test_markdown_where_all_is_well(tmp_path: Path) -> None:
    """It says so."""
    assert "Nothing failed that is not listed" in markdown.text(loading.load([write(tmp_path / "a.json", check())]))


def test_annotations(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """On demand, and in GitHub Actions, each failure that is not expected is a workflow command of one line."""
    path = write(tmp_path / "a.json", check(verdict="fail", message="100 %\nno"), named(2, "fail", expected="known"))
    arguments = ["report", str(path), "-o", str(tmp_path)]
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    cli.main(arguments)
    assert "::error" not in capsys.readouterr().out
    cli.main([*arguments, "--github"])
    told = capsys.readouterr().out
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    cli.main(arguments)
    assert capsys.readouterr().out == told
    (line,) = (line for line in told.splitlines() if line.startswith("::"))
    assert line.startswith("::error title=uvicorn 0.30.0%3A http.scope.path.decoded (MUST)::100 %25%0A")
    assert f"pytest --server=uvicorn '{CHECK}'" in line


def test_not_too_many_annotations(tmp_path: Path) -> None:
    """The rest is counted."""
    path = write(tmp_path / "a.json", *(named(number, "fail") for number in range(60)))
    lines = list(github.lines(loading.load([path])))
    assert len(lines) == 51
    assert "10 more checks failed" in lines[-1]


@pytest.mark.parametrize(
    ("verdicts", "message", "colour"),
    [
        (["pass", "observed", "inapplicable"], "0.30.0 keeps 100 % of MUST", "brightgreen"),
        (["pass"] * 1999 + ["fail"], "0.30.0 keeps 99.9 % of MUST", "green"),
        (["pass", "fail"], "0.30.0 keeps 50 % of MUST", "red"),
        (["pass", "error", "unstable"], "0.30.0 not judged: 2 unstable or in error", "lightgrey"),
        (["inapplicable"], "not judged", "lightgrey"),
    ],
)
def test_badge(
    verdicts: list[str], message: str, colour: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is what shields.io reads; a share is never rounded up to all, and doubt is no share."""
    path = write(tmp_path / "a.json", *(named(number, verdict) for number, verdict in enumerate(verdicts)))
    assert cli.main(["badge", str(path)]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content == {"schemaVersion": 1, "label": "ASGI: uvicorn", "message": message, "color": colour}


def test_the_name_of_a_badge_is_a_file_s(tmp_path: Path) -> None:
    """Whatever the variant is called."""
    run = loading.read(write(tmp_path / "a.json", variant="a/b c", version=None))
    assert badge.file_names([run]) == ["badge-uvicorn-a-b-c.json"]


def test_badges_of_one_release_are_told_apart(tmp_path: Path) -> None:
    """By the Python that each was run on, and what still has the same name by a number."""
    paths = [
        write(tmp_path / f"{number}.json", python=python)
        for number, python in enumerate(("3.12.1", "3.13.0", "3.13.0"))
    ]
    stem = "badge-uvicorn-0.30.0-python3"
    names = badge.file_names([loading.read(path) for path in paths])
    assert names == [f"{stem}.12.1.json", f"{stem}.13.0.json", f"{stem}.13.0-2.json"]


# --- diff -------------------------------------------------------------------------------------------------------------

WORSE = ["pass fail", "pass warn", "warn fail", "observed fail", "inapplicable fail", "pass unstable", "pass error"]
BETTER = ["fail pass", "warn pass", "fail warn", "error pass", "unstable observed"]
OTHERS = ["pass observed", "pass unsupported", "fail inapplicable", "inapplicable pass", "fail error", "fail unstable"]


@pytest.mark.parametrize(
    ("change", "direction"),
    [(c, "worse") for c in WORSE] + [(c, "better") for c in BETTER] + [(c, "other") for c in OTHERS],
)
def test_the_direction_of_a_change(
    change: str, direction: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only what got worse has exit status 1."""
    paths = [write(tmp_path / f"{n}.json", check(verdict=verdict)) for n, verdict in enumerate(change.split())]
    assert cli.main(["diff", *map(str, paths)]) == (diff.WORSE if direction == "worse" else 0)
    lines = capsys.readouterr().out.splitlines()
    assert f"{direction} (1)" in lines
    assert f"  {change.replace(' ', ' -> ')}   http.scope.path.decoded   MUST   {CHECK}" in lines


def test_checks_of_one_run_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A new check that fails is told; that the suite has grown makes no server worse."""
    before = write(tmp_path / "a.json", named(1, "pass"), named(2, "pass"))
    after = write(tmp_path / "b.json", named(2, "pass"), named(3, "fail"), named(4, "pass"), version="0.31.0")
    assert cli.main(["diff", str(before), str(after)]) == 0
    output = capsys.readouterr().out
    assert "from uvicorn 0.30.0 on Python 3.12.1" in output
    assert "to   uvicorn 0.31.0 on Python 3.12.1" in output
    assert "new checks (2): 1 pass, 1 fail\n  fail         conformance/http/test_a.py::test_003" in output
    assert "gone checks (1): 1 pass" in output
    assert output.endswith("0 worse, 0 better, 0 other, 2 new, 1 gone\n")


# --- JUnit ------------------------------------------------------------------------------------------------------------


def test_junit_has_names_and_one_line_messages(tmp_path: Path) -> None:
    """pytest's own ``--junitxml``: the class and name of the check, the requirement and what happened, and the account."""
    sample = SAMPLES / "verdicts.py"
    arguments = ("pytest", *PYTEST, f"--server-command={fake_server()}", "--junitxml=junit.xml", sample)
    Run(tmp_path, *arguments, environment=BARE).outcome()
    cases = {case.get("name"): case for case in ElementTree.parse(tmp_path / "junit.xml").iter("testcase")}
    failure = cases["test_fail[http1]"].find("failure")
    assert failure is not None
    assert (failure.get("message") or "").splitlines() == ["core.application.arguments: assert 204 == 205"]
    assert "transcript" in (failure.text or "")
    assert (cases["test_fail[http1]"].get("classname") or "").endswith("verdicts")
    verdicts = {name: case.find("properties/property[@name='verdict']") for name, case in cases.items()}
    assert {property_.get("value") for property_ in verdicts.values() if property_ is not None} >= {"pass", "fail"}
