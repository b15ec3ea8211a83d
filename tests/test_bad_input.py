"""Whatever is wrong with what is given: one line that says what to do, a fitting status, nothing left running."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from asgi_conformance.tests.fakes import SAMPLES, Outcome, Run, fake_server, run_checks

CHECKS_FAILED, BAD_USAGE, NOTHING_JUDGED, NOT_READY = 1, 4, 5, 6
VERDICTS = SAMPLES / "verdicts.py"
GOOD = f"--server-command={fake_server()}"
HEADER = "from asgi_conformance.servers.adapter import Server\n"


def assert_refused(outcome: Outcome, *parts: str) -> None:
    """Assert that a run ended for bad usage, with one line that holds all of these parts."""
    assert outcome.clean, outcome.output
    assert len(outcome.errors) == 1, outcome.output
    for part in parts:
        assert part in outcome.errors[0]
    assert outcome.status == BAD_USAGE


def write(path: Path, content: str, executable: bool = False) -> Path:
    """Write a file and return its path."""
    path.write_text(content, encoding="utf-8")
    if executable:
        path.chmod(0o755)
    return path


# --- options ----------------------------------------------------------------------------------------------------------


OPTIONS = {
    "unknown server": (["--server=nosuch"], ["unknown server 'nosuch'", "known are uvicorn,", "--server-command"]),
    "unknown variant": (["--server=uvicorn:nosuch"], ["uvicorn has no variant 'nosuch'", "there are: httptools, h11"]),
    "two of a kind": (["--server=uvicorn:h11-httptools"], ["'h11' and 'httptools' of uvicorn exclude each other"]),
    "two servers": (["--server=uvicorn", GOOD], ["--server and --server-command exclude each other"]),
    "unknown placeholder": (["--server-command=run {app} {prot}"], ["{prot} is not known", "{port}"]),
    "placeholder in a placeholder": (["--server-command=run {app:{x}}"], ["command template", "{app:{x}}"]),
    "unbalanced quote": (["--server-command=run '{app}"], ["command template", "No closing quotation"]),
    "unbalanced brace": (["--server-command=run {app"], ["command template's '{app' is malformed"]),
    "empty command": (["--server-command="], ["command template is empty"]),
    "adapter without a colon": (["--server-adapter=nosuch"], ["'nosuch' is not of the form module:object"]),
    "adapter that is no name": (["--server-adapter=.:x"], ["the server adapter '.:x'"]),
    "adapter in no module": (["--server-adapter=nosuch:it"], ["cannot be imported", "No module named 'nosuch'"]),
    "adapter that is not there": (["--server-adapter=sys:nosuch"], ["'sys:nosuch' cannot be imported", "nosuch"]),
    "adapter of another type": (["--server-adapter=sys:path"], ["'sys:path' is a list, not a Server"]),
    "arguments": ([GOOD, "--server-args='a"], ["--server-args", "No closing quotation"]),
    "no time": ([GOOD, "--time-scale=0"], ["--time-scale has to be greater than 0"]),
    "no number": ([GOOD, "--time-scale=nan"], ["--time-scale has to be greater than 0"]),
    "results in no folder": (
        [GOOD, "--results=nosuch/x.json"],
        ["--results=nosuch/x.json cannot be written", "No such"],
    ),
    "results in place of a folder": ([GOOD, "--results=."], ["--results=. cannot be written", "Is a directory"]),
    "no interpreter": ([GOOD, "--server-python=nosuch"], ["--server-python=nosuch is no program that can be run"]),
    "folder for an interpreter": ([GOOD, "--server-python=."], ["--server-python=. is no program that can be run"]),
    "no expectations": ([GOOD, "--expectations=nosuch.toml"], ["expectations file nosuch.toml does not exist"]),
    "expectations in no folder": (
        [GOOD, "--expectations=nosuch/new.toml", "--update-expectations"],
        ["expectations file nosuch/new.toml cannot be written"],
    ),
}


@pytest.mark.parametrize(("arguments", "parts"), OPTIONS.values(), ids=OPTIONS.keys())
def test_an_option_that_cannot_be_used(tmp_path: Path, arguments: list[str], parts: list[str]) -> None:
    """The run is refused before anything is launched."""
    assert_refused(run_checks(tmp_path, *arguments, VERDICTS, "-k", "pass"), *parts)


@pytest.mark.parametrize("arguments", [["--level=may"], ["--time-scale=fast"], ["--no-such-option"]])
def test_an_option_that_argparse_refuses(tmp_path: Path, arguments: list[str]) -> None:
    """pytest names the option and the values that there are."""
    outcome = run_checks(tmp_path, GOOD, *arguments, VERDICTS)
    assert arguments[0].partition("=")[0] in outcome.output.rpartition("error: ")[2]
    assert outcome.status == BAD_USAGE
    assert outcome.clean, outcome.output


# --- what has to be installed -----------------------------------------------------------------------------------------

NOT_INSTALLED = """
it = Server("it", "{python} -m it", distribution="no-such-distribution", requires=("no-such[all]", "other"))
"""


def test_a_server_that_is_not_installed(tmp_path: Path) -> None:
    """The line holds the command that installs it."""
    write(tmp_path / "mine.py", HEADER + NOT_INSTALLED)
    outcome = run_checks(tmp_path, "--server-adapter=mine:it", VERDICTS)
    assert_refused(
        outcome, "it is not installed", f"{sys.executable} -m pip install 'no-such[all]' other", "--server-python"
    )


def test_a_server_that_is_not_installed_for_another_interpreter(tmp_path: Path) -> None:
    """The command is that of the other interpreter."""
    write(tmp_path / "mine.py", HEADER + NOT_INSTALLED)
    other = write(tmp_path / "python", f'#!/bin/sh\nexec {sys.executable} "$@"\n', executable=True)
    outcome = run_checks(tmp_path, "--server-adapter=mine:it", f"--server-python={other}", VERDICTS)
    assert_refused(outcome, "it is not installed", f"{other} -m pip install 'no-such[all]' other")


@pytest.mark.parametrize(
    "script",
    ["exit 0", "echo hello", "echo 2.7.18; exit 1", "echo 3.7.16; exit 1", "exit 1"],
    ids=["says nothing", "says something else", "Python 2.7", "Python 3.7", "fails"],
)
def test_an_interpreter_that_is_none(tmp_path: Path, script: str) -> None:
    """The suite says what it needs there."""
    other = write(tmp_path / "other", f"#!/bin/sh\n{script}\n", executable=True)
    outcome = run_checks(tmp_path, GOOD, f"--server-python={other}", VERDICTS)
    assert_refused(outcome, f"--server-python={other} is no Python interpreter of version 3.8 or later")


def test_an_interpreter_that_is_no_program(tmp_path: Path) -> None:
    """A file that the system cannot run is named as such."""
    other = write(tmp_path / "other", "\0", executable=True)
    outcome = run_checks(tmp_path, GOOD, f"--server-python={other}", VERDICTS)
    assert_refused(outcome, f"--server-python={other}", "cannot be run")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("raise RuntimeError('a bad day')", "a bad day"),
        ("it = (", "never closed"),
        (HEADER + "it = Server()", "missing"),
    ],
    ids=["raises", "is no Python", "is declared wrong"],
)
def test_an_adapter_that_cannot_be_imported(tmp_path: Path, content: str, complaint: str) -> None:
    """Whatever its module raises is told in a line."""
    write(tmp_path / "mine.py", content)
    outcome = run_checks(tmp_path, "--server-adapter=mine:it", VERDICTS)
    assert_refused(outcome, "the server adapter 'mine:it' cannot be imported", complaint)


# --- expectations -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("[[expected", ["cannot be read", "end of document"]),
        ('[[expected]]\nchecks = ["tests/samples/verdicts.py"]', ["entry 1", "reason"]),
        (
            '[[expected]]\nreason = "why"\nchecks = ["nosuch.py::test_a"]',
            ["entry 1", "there is no check 'nosuch.py::test_a'"],
        ),
        (
            '[[expected]]\nreason = "why"\nchecks = ["tests/samples/verdicts.py::test_nosuch"]',
            ["there is no check 'tests/samples/verdicts.py::test_nosuch'"],
        ),
    ],
    ids=["broken TOML", "no reason", "unknown module", "unknown check"],
)
def test_expectations_that_cannot_be_used(tmp_path: Path, content: str, parts: list[str]) -> None:
    """The line names the file and what is wrong in it, and the server that has been launched already is gone."""
    path = write(tmp_path / "known.toml", content)
    assert_refused(run_checks(tmp_path, GOOD, f"--expectations={path}", VERDICTS), str(path), *parts)


# --- servers that cannot be tested ------------------------------------------------------------------------------------


def assert_not_ready(outcome: Outcome, *parts: str) -> None:
    """Assert that the server is given up at the first check, with one line that holds all of these parts."""
    assert outcome.clean, outcome.output
    assert outcome.status == NOT_READY
    assert len(outcome.errors) == 1, outcome.output
    for part in parts:
        assert part in outcome.errors[0]


def test_a_server_that_exits_at_once(tmp_path: Path) -> None:
    """The line has the status and the command line to try by hand; the end of the log is there too."""
    outcome = run_checks(tmp_path, f"--server-command={fake_server('--exit')}", VERDICTS)
    assert "    the fake server has better things to do" in outcome.output
    assert_not_ready(outcome, "ended with status 3 before it was ready", "fake_server.py --exit")


def test_a_server_that_is_not_ready_is_no_error_of_the_suite(tmp_path: Path) -> None:
    """The summary puts the blame where it belongs, and no check is said to have failed."""
    outcome = run_checks(tmp_path, f"--server-command={fake_server('--exit')}", VERDICTS)
    assert "errors of the suite" not in outcome.output
    assert outcome.verdicts == {}


def test_a_server_that_cannot_be_launched(tmp_path: Path) -> None:
    """The line says what cannot be run."""
    assert_not_ready(
        run_checks(tmp_path, "--server-command=./nosuch {port} {app}", VERDICTS), "cannot be run", "./nosuch"
    )


def test_a_server_that_never_listens(tmp_path: Path) -> None:
    """The line says how long was waited, and what to do on a slow machine."""
    outcome = run_checks(tmp_path, f"--server-command={fake_server('--deaf')}", "--time-scale=0.05", VERDICTS)
    assert_not_ready(outcome, "was not ready after 1 seconds", "refused a connection", "--time-scale")


@pytest.mark.parametrize(
    ("app", "complaint"),
    [("nosuch:app", "No module named 'nosuch'"), ("asgi_probe:nosuch", "has no attribute 'nosuch'")],
)
def test_an_application_that_cannot_be_imported(tmp_path: Path, app: str, complaint: str) -> None:
    """The server's own words are in the end of its log."""
    outcome = run_checks(tmp_path, f"--server-command={fake_server().replace('{app}', app)}", VERDICTS)
    assert complaint in outcome.output
    assert outcome.status == NOT_READY
    assert "ended with status 1 before it was ready" in outcome.errors[0]
    assert outcome.left == []


OTHER_SERVER = """
import asyncio, sys

async def answer(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")

async def main():
    async with await asyncio.start_server(answer, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()

asyncio.run(main())
"""


def test_a_server_that_does_not_call_the_probe(tmp_path: Path) -> None:
    """A server that answers by itself is not ready, and the line says that the application was not called."""
    script = write(tmp_path / "other.py", OTHER_SERVER)
    outcome = run_checks(tmp_path, f"--server-command={{python}} {script} {{port}}", "--time-scale=0.05", VERDICTS)
    assert_not_ready(
        outcome, "was not ready after 1 seconds", "the application was not called: the server answered 200"
    )


# --- servers that misbehave while they are tested ---------------------------------------------------------------------


def test_a_server_that_ignores_sigterm(tmp_path: Path) -> None:
    """Its checks count, and it is ended all the same."""
    outcome = run_checks(tmp_path, f"--server-command={fake_server('--ignore-sigterm')}", VERDICTS, "-k", "pass")
    assert outcome.status == 0
    assert outcome.verdicts == {"pass": 1}
    assert outcome.clean, outcome.output


def test_a_server_that_dies(tmp_path: Path) -> None:
    """The check at hand fails with the end of the log, and the next one gets a fresh server."""
    command = fake_server("--die-at=2")
    outcome = run_checks(tmp_path, f"--server-command={command}", VERDICTS, "-k", "pass or fail or observed")
    assert outcome.status == CHECKS_FAILED
    assert outcome.verdicts == {"fail": 2, "observed": 1}
    assert outcome.output.count("the server has ended with status 9") >= 2  # in each account, and may be in the summary
    assert "    the fake server dies now" in outcome.output
    assert outcome.clean, outcome.output


# --- runs that judge nothing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([VERDICTS, "-k", "nosuch"], "deselected"),
        ([SAMPLES / "options.py"], "No check could be applied to this server: nothing was judged."),
        (
            [VERDICTS, "-k", "unsupported or inapplicable"],
            "No check could be applied to this server: nothing was judged.",
        ),
        ([Path(__file__).parent / "__init__.py"], "no tests ran"),
    ],
    ids=["nothing selected", "nothing applicable", "nothing offered", "nothing collected"],
)
def test_a_run_that_judges_nothing(tmp_path: Path, arguments: list[str | Path], said: str) -> None:
    """It is no success."""
    outcome = run_checks(tmp_path, GOOD, *arguments)
    assert said in outcome.output
    assert outcome.status == NOTHING_JUDGED
    assert outcome.clean, outcome.output


def test_a_place_that_does_not_exist(tmp_path: Path) -> None:
    """pytest names it."""
    assert_refused(run_checks(tmp_path, GOOD, "nosuch.py"), "file or directory not found: nosuch.py")


# --- the command line of the suite's own ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 2, "COMMAND"),
        (["walk"], 2, "'walk'"),
        (["requirements", "--document=nosuch.rst"], 2, "there is no document 'nosuch.rst'; there are asgi.rst,"),
        (["run", "--server=nosuch"], BAD_USAGE, "unknown server 'nosuch'"),
        (["run", GOOD, "conformance/nosuch.py"], BAD_USAGE, "file or directory not found: conformance/nosuch.py"),
    ],
    ids=["no command", "unknown command", "unknown document", "unknown server", "unknown place"],
)
def test_the_command_line(tmp_path: Path, arguments: list[str], status: int, said: str) -> None:
    """Bad usage is told in a line by it, or by pytest."""
    outcome = Run(tmp_path, "asgi_conformance.reporting.cli", *arguments).outcome()
    assert said in outcome.output
    assert outcome.status == status
    assert outcome.clean, outcome.output
