"""Running the whole suite against the reference server under one fault, in a process of its own."""

from __future__ import annotations

import fnmatch
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from asgi_conformance.servers.reference.faults import Fault

ROOT = Path(__file__).parent.parent
QUICK = 0.2  # of every deadline: what the reference server has not done by then it does not do at all


@dataclass(frozen=True)
class Outcome:
    """The verdict on each check, and the requirements that it cites."""

    verdicts: dict[str, str]
    requirements: dict[str, list[str]]
    messages: dict[str, str]
    titles: dict[str, str]

    def failed(self) -> set[str]:
        """Return the ids of the checks that found the fault."""
        return {check for check, verdict in self.verdicts.items() if verdict in ("fail", "warn")}

    def unrelated(self, fault: Fault) -> set[str]:
        """Return the checks that failed though the fault has nothing to do with what they cite."""
        patterns = (fault.breaks, *fault.also)
        return {
            check
            for check in self.failed()
            if not any(fnmatch.fnmatchcase(name, pattern) for name in self.requirements[check] for pattern in patterns)
        }


def run(server: str = "reference", fault: str | None = None, scale: float = QUICK, *arguments: str) -> Outcome:
    """Run all checks against the reference server, under a fault if one is named, and return what came of each."""
    with tempfile.TemporaryDirectory(prefix="fault-") as folder:
        results, expectations = Path(folder, "results.json"), Path(folder, "none.toml")
        expectations.write_text("")
        command = [sys.executable, "-m", "pytest", str(ROOT / "conformance"), "-q", "--no-header", "--tb=no"]
        command += ["-p", "pytest_asyncio.plugin", "-p", "no:cacheprovider", f"--server={server}"]
        command += [f"--results={results}", f"--expectations={expectations}", f"--time-scale={scale}", *arguments]
        if fault is not None:
            command.append(f"--server-args=--fault {fault}")
        environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # compiling the checks anew costs more than running them
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if not results.exists():
            raise AssertionError(f"no results under the fault {fault}:\n{done.stdout}\n{done.stderr}")
        checks = json.loads(results.read_text())["checks"]
    return Outcome(
        {check["id"]: check["verdict"] for check in checks},
        {check["id"]: check["requirements"] for check in checks},
        {check["id"]: check["message"] for check in checks},
        {check["id"]: check["title"] for check in checks},
    )
