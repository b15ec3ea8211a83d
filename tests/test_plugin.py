"""What pytest makes of verdicts: outcomes, the exit status, the results file, and an end that leaves nothing behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from asgi_conformance.tests.fakes import (
    BARE,
    PYTEST,
    ROOT,
    SAMPLES,
    Run,
    fake_server,
    read_results,
    run_checks,
)

COMMAND = f"--server-command={fake_server()}"
VERDICTS = SAMPLES / "verdicts.py"
MODULE = "tests/samples/verdicts.py"
NOT_READY = 6
PROMISED = {"id", "requirements", "level", "verdict", "duration", "message", "observation", "transcript", "expected"}


def expecting(folder: Path, *names: str) -> str:
    """Return the option for a file that expects these checks of the sample to fail."""
    path = folder / "known.toml"
    checks = ", ".join(f'"{MODULE}::test_{name}[http1]"' for name in names)
    path.write_text(f'[[expected]]\nreason = "as everyone knows"\nchecks = [{checks}]\n', encoding="utf-8")
    return f"--expectations={path}"


# --- the exit status --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("selected", "level", "status"),
    [
        ("pass", "must", 0),
        ("pass or warn or observed or unsupported or inapplicable", "must", 0),
        ("pass or warn", "should", 1),
        ("pass or observed or unsupported", "should", 0),
        ("pass or fail", "must", 1),
        ("pass or error", "must", 1),
    ],
)
def test_the_status_follows_the_level(tmp_path: Path, selected: str, level: str, status: int) -> None:
    """A broken SHOULD fails a run only where that is asked for; a broken MUST and an error always do."""
    outcome = run_checks(tmp_path, COMMAND, f"--level={level}", VERDICTS, "-k", selected)
    assert outcome.status == status
    assert outcome.verdicts == dict.fromkeys(selected.split(" or "), 1)
    assert outcome.clean or selected.endswith("error"), outcome.output


@pytest.mark.parametrize(
    ("expected", "selected", "level", "status", "said"),
    [
        (["fail"], "pass or fail", "must", 0, "expected     1 of the failures and 0 of the warnings"),
        (["warn"], "pass or warn", "should", 0, "expected     0 of the failures and 1 of the warnings"),
        (["pass"], "pass", "must", 1, "expected to fail, but passed (1)"),
        (["observed"], "observed", "must", 1, "expected to fail, but passed (1)"),
        (["unsupported"], "pass or unsupported", "must", 0, "1 unsupported"),
        (["error"], "error", "must", 1, "errors of the suite itself (1)"),
        (["fail"], "fail or error", "must", 1, "errors of the suite itself (1)"),
    ],
)
def test_expected_failures(
    tmp_path: Path, expected: Sequence[str], selected: str, level: str, status: int, said: str
) -> None:
    """A known failure is no failure, and a known failure that passes is one; an error is never excused."""
    known = expecting(tmp_path, *expected)
    outcome = run_checks(tmp_path, COMMAND, known, f"--level={level}", VERDICTS, "-k", selected)
    assert said in outcome.output
    assert outcome.status == status


def test_updated_expectations_make_a_gate_green(tmp_path: Path) -> None:
    """What failed is written to the file, what passed is taken out, and the next run has nothing to complain of."""
    known = expecting(tmp_path, "pass")
    selection = ("--level=should", VERDICTS, "-k", "not error")
    run_checks(tmp_path, COMMAND, known, "--update-expectations", *selection)
    written = (tmp_path / "known.toml").read_text(encoding="utf-8")
    assert "test_pass" not in written
    assert "test_fail" in written
    assert "test_warn" in written
    outcome = run_checks(tmp_path, COMMAND, known, *selection)
    assert outcome.status == 0
    assert "expected     1 of the failures and 1 of the warnings" in outcome.output


# --- what a person and a program read ---------------------------------------------------------------------------------


def test_a_failure_is_explained(tmp_path: Path) -> None:
    """Requirement, level, section and quote, expected and actual, where, and the transcript of both ends."""
    outcome = run_checks(tmp_path, COMMAND, VERDICTS, "-k", "fail")
    for part in (
        f"check        {MODULE}::test_fail[http1]",
        "   MUST   asgi.rst, ",
        "expected     The server answers with 205.",
        "actual       assert 204 == 205",
        f"at           {MODULE}:",
        "             assert await answer(http) == 205",
        "client                                       server",
        "GET /sample HTTP/1.1\\r\\n",
        "HTTP/1.1 204 -\\r\\n",
        "--> called with {'type': 'http'",
        "<-- return",
        "server       command on Python {}.{}.{}".format(*sys.version_info),
    ):
        assert part in outcome.output


def test_the_results_file_of_a_run(tmp_path: Path) -> None:
    """Every check is in it, with its verdict and what the verdict rests on; the server is described."""
    path = tmp_path / "results.json"
    outcome = run_checks(tmp_path, COMMAND, expecting(tmp_path, "warn"), f"--results={path}", VERDICTS)
    assert outcome.status == 1
    assert f"results      {path}" in outcome.output
    content = read_results(path)
    assert content.keys() == {"schema", "suite", "server", "platform", "started", "duration", "checks"}
    server = content["server"]
    python = "{}.{}.{}".format(*sys.version_info)
    assert [server[key] for key in ("name", "variant", "version", "python")] == ["command", "", None, python]
    assert server["argv"][:2] == [sys.executable, str(ROOT / "tests" / "fake_server.py")]
    checks = {check["id"]: check for check in content["checks"]}
    names = ("pass", "fail", "warn", "observed", "unsupported", "inapplicable", "error")
    assert {name: check["verdict"] for name, check in checks.items()} == {
        f"{MODULE}::test_{name}[http1]": name for name in names
    }
    for check in checks.values():
        assert check.keys() >= PROMISED
    failed, observed, known = (checks[f"{MODULE}::test_{name}[http1]"] for name in ("fail", "observed", "warn"))
    assert failed["message"].splitlines()[0] == "assert 204 == 205"
    assert "GET /sample" in failed["transcript"]
    assert failed["level"] == "MUST"
    assert len(failed["requirements"]) == 1
    assert observed["observation"] == "the first"
    assert known["expected"] == "as everyone knows"


# --- pytest-xdist -----------------------------------------------------------------------------------------------------


WORKERS = ("-p", "xdist", "-n", "2")


def test_two_workers_give_the_same_verdicts_as_one(tmp_path: Path) -> None:
    """Each worker has a server of its own, and the results come together in one file, expected failures included.

    But for the time that each took, and for what stands in the transcripts, which is never the same twice.
    """
    serial, parallel = tmp_path / "serial.json", tmp_path / "parallel.json"
    arguments = (COMMAND, expecting(tmp_path, "fail"), VERDICTS, "-k", "not error")
    first = run_checks(tmp_path, *arguments, f"--results={serial}")
    second = run_checks(tmp_path, *arguments, f"--results={parallel}", *WORKERS)
    files = read_results(serial), read_results(parallel)
    for file in files:
        assert file.pop("started") <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        assert file.pop("duration") > 0
        for check in file["checks"]:
            del check["duration"]
            check["transcript"] = bool(check["transcript"])
    assert files[1] == files[0]
    assert second.verdicts == first.verdicts
    assert second.status == first.status == 0
    assert second.left == []


def test_a_server_that_is_not_ready_for_two_workers(tmp_path: Path) -> None:
    """The status is the same as without them."""
    outcome = run_checks(tmp_path, f"--server-command={fake_server('--exit')}", VERDICTS, *WORKERS)
    assert outcome.status == NOT_READY
    assert outcome.clean, outcome.output


# --- an early end -----------------------------------------------------------------------------------------------------


@pytest.fixture
def background() -> Iterator[None]:
    """Have runs begin with SIGINT ignored, as those that a shell starts in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("background")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_in_the_background(tmp_path: Path, number: signal.Signals) -> None:
    test_a_signal_leaves_no_server(tmp_path, number, ())


@pytest.mark.parametrize(
    ("number", "workers"),
    [(signal.SIGINT, ()), (signal.SIGTERM, ()), (signal.SIGHUP, ()), (signal.SIGINT, WORKERS)],
    ids=["SIGINT", "SIGTERM", "SIGHUP", "SIGINT with two workers"],
)
def test_a_signal_leaves_no_server(tmp_path: Path, number: signal.Signals, workers: Sequence[str]) -> None:
    """Ctrl-C, a cancelled CI job, or a closed terminal ends the run in the middle of a check, and the server with it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    environment = {**BARE, "SAMPLE_PIPE": str(pipe)}
    run = Run(tmp_path, "pytest", *PYTEST, COMMAND, SAMPLES / "waiting.py", *workers, environment=environment)
    assert pipe.read_text(encoding="ascii") == "begun"  # opening the pipe waits for the check
    run.signal(number)
    outcome = run.outcome()
    assert outcome.status == pytest.ExitCode.INTERRUPTED
    assert outcome.left == []


def test_an_output_that_nobody_reads_leaves_no_server(tmp_path: Path) -> None:
    """Whoever reads the run's output goes away in the middle of it, as ``head`` does."""
    run = Run(tmp_path, "pytest", *PYTEST, COMMAND, SAMPLES / "verdicts.py", environment=BARE)
    run.turn_away()
    outcome = run.outcome()
    assert outcome.left == []


# --- other sessions ---------------------------------------------------------------------------------------------------


def test_an_unrelated_session_knows_nothing_of_the_suite(tmp_path: Path) -> None:
    """The options are not there where something else is tested, and a test there runs as ever."""
    outcome = Run(tmp_path, "pytest", "--help").outcome()
    assert "--junit-xml" in outcome.output
    assert "--server" not in outcome.output
    assert "asgi-conformance:" not in outcome.output
    (tmp_path / "test_it.py").write_text("def test_it():\n    assert True\n", encoding="utf-8")
    outcome = Run(tmp_path, "pytest").outcome()
    assert outcome.status == 0
    assert "1 passed" in outcome.output
    assert "server:" not in outcome.output


def test_an_installed_suite_is_run_by_its_name(tmp_path: Path) -> None:
    """``pytest --pyargs asgi_conformance`` works wherever it is started."""
    path = tmp_path / "results.json"
    arguments = ("--pyargs", "asgi_conformance", COMMAND, f"--results={path}", "-k", "test_scope_path")
    outcome = Run(tmp_path, "pytest", *arguments).outcome()
    assert outcome.verdicts, outcome.output
    modules = {check["id"].partition("::")[0] for check in read_results(path)["checks"]}
    assert modules == {"conformance/http/test_scope_path.py"}
    assert outcome.left == []
