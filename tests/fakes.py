"""Runs of the suite in a process of their own, against a fake server, and what they leave behind."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "tests" / "samples"
MARK = "ASGI_CONFORMANCE_TEST_RUN"
LONGEST = 60.0  # seconds that a run may take on a busy machine


def fake_server(*switches: str) -> str:
    """Return the value of ``--server-command`` that launches ``fake_server.py``."""
    words = ["{python}", str(ROOT / "tests" / "fake_server.py"), *switches, "{port}", "{app}"]
    return " ".join(word if word.startswith("{") else shlex.quote(word) for word in words)


@dataclass(frozen=True)
class Outcome:
    """How a run ended, what it wrote, and what it left running or lying about."""

    status: int
    output: str
    processes: list[str]
    folders: list[str]

    @property
    def errors(self) -> list[str]:
        """The lines in which pytest tells a mistake: of the user's, or why a check could not be carried out."""
        lines = [line for line in self.output.splitlines() if line.startswith("ERROR")]
        return [line.partition(" - ")[2] or line.removeprefix("ERROR: ") for line in lines]

    @property
    def clean(self) -> bool:
        """Whether nothing is left, and nobody was shown a traceback of the suite's own."""
        return not self.processes and not self.folders and "INTERNALERROR" not in self.output and "Traceback" not in self.output

    @property
    def verdicts(self) -> dict[str, int]:
        """The counts in the summary's line of verdicts."""
        line = next(line for line in self.output.splitlines() if line.startswith("verdicts "))
        return {name: int(count) for count, name in re.findall(r"(\d+) (\w+)", line)}


class Run:
    """``python -m ...`` in a process of its own, with a mark in its environment that all its descendants inherit."""

    def __init__(self, folder: Path, *command: str | Path, environment: Mapping[str, str] | None = None) -> None:
        self.mark = uuid.uuid4().hex
        self.temporary = folder / f"temporary-{self.mark}"
        self.temporary.mkdir()
        own = {"TMPDIR": str(self.temporary), MARK: self.mark, "COLUMNS": "300"}
        self._popen = subprocess.Popen(
            [sys.executable, "-m", *map(str, command)],
            cwd=folder,
            env={**os.environ, **(environment or {}), **own},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process that was started, and to nothing below it."""
        self._popen.send_signal(number)

    def outcome(self) -> Outcome:
        """Wait for the end, and look for what should have ended or gone with it."""
        try:
            output, _ = self._popen.communicate(timeout=LONGEST)
        finally:
            self._popen.kill()
            self._popen.wait()
        processes = _marked(self.mark)
        for process in processes:
            os.kill(process, signal.SIGKILL)  # so that a failing test leaves nothing behind either
        folders = [path.name for path in self.temporary.iterdir() if path.name.startswith("asgi-")]
        return Outcome(self._popen.returncode, output, [str(process) for process in processes], folders)


def _marked(mark: str) -> list[int]:
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in environment.read_bytes():
                found.append(int(environment.parent.name))
        except OSError:  # it has ended, or is not ours to see
            continue
    return found


PYTEST = (
    *("pytest", "-c", str(ROOT / "pyproject.toml"), "-p", "no:cacheprovider"),
    *("-p", "asgi_conformance.fixtures.plugin", "-p", "pytest_asyncio.plugin"),
)
"""The beginning of a pytest command with the suite's configuration, whatever the working directory."""
BARE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""What halves the time of a run: the plugins that happen to be installed are not imported."""


def run_checks(folder: Path, *arguments: str | Path) -> Outcome:
    """Run checks with ``python -m pytest`` and no further plugins, and return the outcome."""
    return Run(folder, *PYTEST, *arguments, environment=BARE).outcome()


def read_results(path: Path) -> dict[str, Any]:
    """Return the content of a results file."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def verdicts_in(path: Path) -> dict[str, str]:
    """Return each check's verdict in a results file, by the name of its function and case."""
    return {check["id"].rpartition("::")[2]: check["verdict"] for check in read_results(path)["checks"]}
