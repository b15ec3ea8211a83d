"""Runs of the suite in a process of their own, against a fake server, and what they leave behind."""

from __future__ import annotations

import atexit
import json
import multiprocessing
import os
import re
import select
import shlex
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "tests" / "samples"
LONGEST = 60.0  # seconds that a run may take on a busy machine
_MARK = "ASGI_CONFORMANCE_TEST_RUN"

PYTEST = (
    *("-c", str(ROOT / "pyproject.toml"), "-p", "no:cacheprovider"),
    *("-p", "asgi_conformance.fixtures.plugin", "-p", "pytest_asyncio.plugin"),
)
"""The options that give pytest the suite's configuration, whatever the working directory."""
BARE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""What saves half of a run's time: the plugins that happen to be installed are not imported."""


def fake_server(*switches: str) -> str:
    """Return the value of ``--server-command`` that launches ``fake_server.py``."""
    words = ["{python}", str(ROOT / "tests" / "fake_server.py"), *switches, "{port}", "{app}"]
    return " ".join(word if word.startswith("{") else shlex.quote(word) for word in words)


@dataclass(frozen=True)
class Outcome:
    """How a run ended, what it wrote, and what it left running or lying about."""

    status: int | None
    output: str
    left: list[str]

    @property
    def errors(self) -> list[str]:
        """The lines in which pytest tells a mistake: of the user's, or why a check could not be carried out."""
        lines = [line for line in self.output.splitlines() if line.startswith("ERROR")]
        return [line.partition(" - ")[2] or line.removeprefix("ERROR: ") for line in lines]

    @property
    def verdicts(self) -> dict[str, int]:
        """The counts in the summary's line of verdicts."""
        line = next((line for line in self.output.splitlines() if line.startswith("verdicts ")), "")
        return {name: int(count) for count, name in re.findall(r"(\d+) (\w+)", line)}

    @property
    def clean(self) -> bool:
        """Whether nothing is left, and nobody was shown a traceback of the suite's own."""
        told = "INTERNALERROR" in self.output or "Traceback" in self.output
        return not self.left and not told


class _Traces:
    """What a run would leave behind: processes that inherited a mark, folders in a ``TMPDIR`` of its own."""

    def __init__(self, folder: Path) -> None:
        self._mark = uuid.uuid4().hex
        self._temporary = Path(tempfile.mkdtemp(dir=folder))
        self.environment = {"TMPDIR": str(self._temporary), _MARK: self._mark, "COLUMNS": "300", "CI": ""}

    def outcome(self, status: int | None, output: str) -> Outcome:
        """Look for what should have ended or gone with the run."""
        processes = [process for process in self._processes() if not _ends(process)]
        for process in processes:
            os.kill(process, signal.SIGKILL)  # so that a failing test leaves nothing behind either
        folders = [path.name for path in self._temporary.iterdir() if path.name.startswith("asgi-")]
        return Outcome(status, output, [*(f"process {process}" for process in processes), *folders])

    def _processes(self) -> list[int]:
        found = []
        for environment in Path("/proc").glob("[0-9]*/environ"):
            try:
                if self._mark.encode() in environment.read_bytes():
                    found.append(int(environment.parent.name))
            except OSError:  # it has ended, or is not ours to see
                continue
        return found


def _ends(process: int, within: float = 2.0) -> bool:
    """Tell whether a process is about to end, as one that has been killed is, or a worker of pytest-xdist."""
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return descriptor in select.select([descriptor], [], [], within)[0]
    finally:
        os.close(descriptor)


class Run:
    """``python -m ...`` in a process of its own."""

    def __init__(self, folder: Path, *command: str | Path, environment: Mapping[str, str] | None = None) -> None:
        self._traces = _Traces(folder)
        self._popen = subprocess.Popen(
            [sys.executable, "-m", *map(str, command)],
            cwd=folder,
            env={**os.environ, **(environment or {}), **self._traces.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process that was started, and to nothing below it."""
        self._popen.send_signal(number)

    def turn_away(self) -> None:
        """Read the first line of the output, and close it."""
        assert self._popen.stdout is not None
        self._popen.stdout.readline()
        self._popen.stdout.close()
        self._popen.stdout = None

    def outcome(self) -> Outcome:
        """Wait for the end, and look for what should have ended or gone with it."""
        try:
            output, _ = self._popen.communicate(timeout=LONGEST)
        finally:
            self._popen.kill()
            self._popen.wait()
        return self._traces.outcome(self._popen.returncode, output or "")


# --- many short runs --------------------------------------------------------------------------------------------------

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["pytest", "asgi_conformance.fixtures.client", "asgi_conformance.fixtures.expectations"])


def run_checks(folder: Path, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> Outcome:
    """Run checks with pytest, without further plugins, and return the outcome.

    It is ``python -m pytest``, forked from a process that has imported what every run imports: a run that ends at once
    for bad usage takes a third of the time.
    """
    traces = _Traces(folder)
    output = folder / "output.txt"
    environment = {**BARE, **traces.environment, **(environment or {})}
    process = _forks.Process(target=_pytest, args=(folder, output, environment, [*PYTEST, *map(str, arguments)]))
    process.start()
    process.join(LONGEST)
    if process.is_alive():
        process.kill()
        process.join()
    return traces.outcome(process.exitcode, output.read_text(encoding="utf-8"))


def _pytest(folder: Path, output: Path, environment: Mapping[str, str], arguments: list[str]) -> None:
    os.setsid()
    os.chdir(folder)
    os.environ.update(environment)
    for number, path, flags in ((0, os.devnull, os.O_RDONLY), (1, output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)):
        os.dup2(os.open(path, flags), number)
    os.dup2(1, 2)
    sys.path.insert(0, str(folder))
    status = pytest.main(arguments)
    atexit._run_exitfuncs()  # which multiprocessing leaves out
    sys.exit(int(status))


# --- results ----------------------------------------------------------------------------------------------------------


def read_results(path: Path) -> dict[str, Any]:
    """Return the content of a results file."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def verdicts_in(path: Path) -> dict[str, str]:
    """Return each check's verdict in a results file, by the name of its function and case."""
    return {check["id"].rpartition("::")[2]: check["verdict"] for check in read_results(path)["checks"]}
