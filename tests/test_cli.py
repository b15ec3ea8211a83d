"""The command line `asgi-conformance`: the same as pytest, without knowing it, from any directory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from asgi_conformance import __version__
from asgi_conformance.fixtures import requirements
from asgi_conformance.reporting import checks, cli
from asgi_conformance.servers import registry
from asgi_conformance.servers.adapter import Server
from asgi_conformance.tests.fakes import BARE, ROOT, Outcome, Run, fake_server, read_results

COMMAND = f"--server-command={fake_server()}"
CHECKS = "conformance/http/test_scope_path.py"


def run_suite(folder: Path, *arguments: str) -> Outcome:
    """Run ``asgi-conformance run`` without the plugins that happen to be installed."""
    module = "asgi_conformance.reporting.cli"
    return Run(folder, module, "run", "-p", "pytest_asyncio.plugin", *arguments, environment=BARE).outcome()


def ids_in(path: Path) -> list[str]:
    """Return the ids of the checks in a results file."""
    return [check["id"] for check in read_results(path)["checks"]]


# --- run --------------------------------------------------------------------------------------------------------------


def test_checks_are_named_by_their_ids_in_any_directory(tmp_path: Path) -> None:
    """A file of checks, and one check by the id that the results have, are found wherever the command is started."""
    results = tmp_path / "results.json"
    outcome = run_suite(tmp_path, COMMAND, "--results=results.json", CHECKS, "-k", "decoded")
    assert outcome.left == []
    ids = ids_in(results)
    assert all(name.startswith(f"{CHECKS}::") for name in ids)
    outcome = run_suite(tmp_path, COMMAND, "--results=results.json", ids[0])
    assert ids_in(results) == ids[:1]
    assert outcome.left == []


def test_without_a_place_every_check_is_run_and_nothing_else(tmp_path: Path) -> None:
    """The working directory's own tests, their configuration and their conftest are none of the suite's business."""
    (tmp_path / "tests").mkdir()
    for path in (tmp_path / "conftest.py", tmp_path / "tests" / "conftest.py", tmp_path / "test_own.py"):
        path.write_text("raise RuntimeError('this is not for the suite')\n", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(
        "[tool.pytest.ini_options]\naddopts = '--no-such-option'\n", encoding="utf-8"
    )
    outcome = run_suite(tmp_path, COMMAND, "--collect-only", "-q")
    assert outcome.status == 0
    collected = [line for line in outcome.output.splitlines() if "::" in line]
    assert any(line.startswith(f"{CHECKS}::") for line in collected)
    assert all(line.startswith("conformance/") for line in collected)


def test_a_place_of_one_s_own_is_the_only_one(tmp_path: Path) -> None:
    """Checks outside of the suite are run by it, with their conftest."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "conftest.py").write_text(
        "import pytest\n\n@pytest.fixture\ndef of_our_own() -> int:\n    return 204\n", encoding="utf-8"
    )
    (tmp_path / "own" / "test_own.py").write_text(
        '"""Ours."""\n'
        "from asgi_conformance.fixtures.checks import requires\n"
        "from asgi_conformance.tests.samples.verdicts import A_MUST\n\n"
        "@requires(A_MUST)\n"
        "async def test_ours(http, of_our_own):\n"
        '    """The server answers."""\n'
        "    assert (await http.exchange()).status == of_our_own\n",
        encoding="utf-8",
    )
    outcome = run_suite(tmp_path, COMMAND, "-k", "ours", "own")
    assert outcome.verdicts == {"pass": 1}
    assert outcome.status == 0


def test_run_from_an_installed_wheel(tmp_path: Path) -> None:
    """With nothing but the package itself, and no pyproject.toml beside it, the suite runs, and in a worker too."""
    package = tmp_path / "site" / "asgi_conformance"
    others = shutil.ignore_patterns(".*", "*.pyc.*", "tests", "docs", "benchmarks", "*.egg-info", "*.toml")
    shutil.copytree(ROOT, package, ignore=others)
    for folder in ("conformance/requirements", "servers/expectations"):
        shutil.copytree(ROOT / folder, package / folder, dirs_exist_ok=True)
    arguments = ("run", COMMAND, "--results=results.json", "-n", "1", CHECKS, "-k", "decoded")
    script = "from asgi_conformance.reporting.cli import main\nraise SystemExit(main())\n"  # as pip makes it
    (tmp_path / "command.py").write_text(script, encoding="utf-8")
    outcome = Run(tmp_path, "command", *arguments, environment={"PYTHONPATH": str(tmp_path / "site")}).outcome()
    assert f"rootdir: {package}" in outcome.output, outcome.output
    assert "Module already imported" not in outcome.output
    assert "PytestDeprecationWarning" not in outcome.output
    assert all(name.startswith(f"{CHECKS}::") for name in ids_in(tmp_path / "results.json"))
    assert outcome.left == []


def test_the_help_of_run_has_the_suite_s_options(tmp_path: Path) -> None:
    """It is pytest's, with ours among them."""
    outcome = Run(tmp_path, "asgi_conformance.reporting.cli", "run", "--help").outcome()
    assert outcome.status == 0
    assert "--server=NAME[:VARIANT]" in outcome.output
    assert "--maxfail" in outcome.output


def test_the_installed_command_is_this_one() -> None:
    """``asgi-conformance`` calls ``main``."""
    (point,) = metadata.entry_points(group="console_scripts", name="asgi-conformance")
    assert point.value == "asgi_conformance.reporting.cli:main"


# --- servers ----------------------------------------------------------------------------------------------------------


def test_the_table_of_servers(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is installed has its version, another the command that installs it; then variants, and what it can do."""
    servers = {
        "here": Server(
            "here", "run", distribution="pytest", variants={"http": {"a": "", "b": ""}, "loop": {"c": ""}}, reload="-r"
        ),
        "away": Server("away", "run", distribution="no-such-distribution", requires=("no-such[all]", "other")),
        "own": Server("own", "run"),
    }
    monkeypatch.setattr(registry, "names", lambda: [*servers, "broken"])
    monkeypatch.setattr(registry, "find", lambda name: servers[name] if name in servers else registry.load("nosuch:it"))
    assert cli.main(["servers"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines if not line.startswith(" ")][:4] == ["name", "here", "away", "own"]
    assert lines[1].split() == ["here", pytest.__version__, "http:", "a,", "b"]
    assert lines[2].strip() == "loop: c"
    assert lines[2].index("loop") == lines[1].index("http") == lines[0].index("variants")
    assert [line.strip() for line in lines[3:5]] == ["HTTP/1.0, HTTP/1.1, lifespan, WebSocket,", "reload"]
    assert "not installed (pip install 'no-such[all]' other)" in lines[5]
    assert lines[-1] == "broken: the server adapter 'nosuch:it' cannot be imported: No module named 'nosuch'"


def test_every_shipped_server_is_in_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    """The table has the names that ``--server`` takes, and fits a wide terminal."""
    assert cli.main(["servers"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines if not line.startswith(" ")} == {"name", *registry.names()}
    assert max(map(len, lines)) <= 130


# --- requirements -----------------------------------------------------------------------------------------------------


def test_every_requirement_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Each id and quote is there, the number of them all, and the reason of each that has no check."""
    assert cli.main(["requirements"]) == 0
    output = capsys.readouterr().out
    words = requirements.normalise(output)
    catalogue = requirements.catalogue().values()
    unchecked = [requirement for requirement in catalogue if requirement.unchecked]
    for requirement in catalogue:
        number = len(checks.citing(requirement.id))
        count = f"{number} check{'' if number == 1 else 's'}"
        assert f'{requirement.id} {requirement.level} {count} "{requirement.quote}"' in words
    for requirement in unchecked:
        assert f"{requirement.id} {requirement.level} {requirement.unchecked}" in words
    assert f"{len(catalogue)} requirements (" in words
    assert f"; {len(unchecked)} without a check" in words
    assert max(map(len, output.splitlines())) <= 120


def test_the_requirements_of_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of other documents are left out, and not counted."""
    assert cli.main(["requirements", "--document=www.rst"]) == 0
    output = capsys.readouterr().out
    chosen = [requirement for requirement in requirements.catalogue().values() if requirement.document == "www.rst"]
    assert f"{len(chosen)} requirements (" in output
    assert "asgi.rst" not in output
    assert "core." not in output


def test_a_reader_that_leaves_early() -> None:
    """``asgi-conformance requirements | head -1`` ends without a word."""
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "asgi_conformance.reporting.cli", "requirements"], stdout=writing, stderr=subprocess.PIPE
    )
    os.close(writing)
    os.close(reading)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, b"")


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    """It is the package's."""
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"asgi-conformance {__version__}\n"
