"""Running the whole suite against the reference server under one fault, in a process of its own."""

from __future__ import annotations

import fnmatch
import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from asgi_conformance.fixtures.delivery import DELIVERIES
from asgi_conformance.fixtures.requirements import catalogue
from asgi_conformance.servers.reference.faults import Fault

ROOT = Path(__file__).parent.parent
QUICK = 0.2  # of every deadline: what the reference server has not done by then it does not do at all
AGAIN = [f"[{word}" for word in ("http1-tls", *(delivery.name for delivery in DELIVERIES[1:]))]  # others once more
BOOTING = 0.5  # where it has to start several processes meanwhile


@dataclass(frozen=True)
class Outcome:
    """The verdict on each check under some faults, or none, and the requirements that it cites."""

    faults: tuple[Fault, ...]
    verdicts: dict[str, str]
    requirements: dict[str, list[str]]
    messages: dict[str, str]
    titles: dict[str, str]

    def failed(self) -> set[str]:
        """Return the ids of the checks that found the fault."""
        return {check for check, verdict in self.verdicts.items() if verdict in ("fail", "warn")}

    def related(self, fault: Fault) -> set[str]:
        """Return the checks that failed and cite a requirement which cannot hold under the fault."""
        return {check for check in self.failed() if any(concerns(fault, name) for name in self.requirements[check])}

    def unrelated(self) -> set[str]:
        """Return the checks that failed though none of the faults has anything to do with what they cite."""
        return self.failed().difference(*(self.related(fault) for fault in self.faults))


def concerns(fault: Fault, requirement: str) -> bool:
    """Tell whether a requirement cannot hold under a fault."""
    return any(fnmatch.fnmatchcase(requirement, pattern) for pattern in (fault.breaks, *fault.also))


SUITES = {
    "http": ("core", "http", "http1"),
    "lifespan": ("lifespan",),
    "interop": ("interop",),
    "process": ("process",),
    "tls": ("tls",),
    "websocket": ("websocket",),
    "all": ("core", "http", "http1", "tls", "websocket", "lifespan/test_scope.py", "lifespan/test_state.py"),
    "all processes": ("lifespan", "process"),
}
"""Which folders of checks, or modules, a fault can show in."""
FUNDAMENTAL = ("all", "all processes")
"""The suites of faults with which nothing works, so that every check of theirs has to find them."""


NAMES = "FAULTS_IN_FORCE"
"""The environment variable that tells ``one_case`` the names of the faults."""
WHOLE = "WHOLE_FAULT_TABLE"
"""The environment variable with which each fault is tried on every check of its suite, which takes an hour."""


@functools.cache
def modules_of(fault: Fault) -> tuple[str, ...]:
    """Return the folders or modules of checks that a fault is tried on.

    Those of its suite that name what it breaks, or what else cannot hold then; the whole suite where there is none.
    """
    folders = [ROOT / "conformance" / folder for folder in SUITES[fault.suite]]
    named = [f'"{name}"' for name in (fault.breaks, *fault.also) if "*" not in name]
    modules = [path for folder in folders if folder.is_dir() for path in sorted(folder.glob("test_*.py"))]
    found = tuple(str(path) for path in modules if any(name in _source(path) for name in named))
    whole = fault.suite in FUNDAMENTAL or os.environ.get(WHOLE)
    return tuple(map(str, folders)) if whole or not found else found


@functools.cache
def _source(path: Path) -> str:
    return path.read_text(encoding="utf-8")


# Other faults look at what these take away, or change what these are seen by.
ALONE = (
    "scope-no-dict",
    "scope-type-missing",
    "scope-type-wrong",
    "asgi-no-dict",
    "query_string-missing",
    "path-missing",
    "raw-path-empty",
    "raw-path-under-root-path",
    "root-path-left-out",
    "root-path-invented",
    "path-in-capitals",
    "path-with-query",
    "state-empty",
    "called-when-the-body-is-complete",
    "bare-cr-ends-lines",
    "line-breaks-sent",
    "malformed-headers-sent",
    "more-body-defaults-to-true",
    "status-defaults-to-200",
    "refused-event-is-the-last",
    "lifespan-called-for-a-request",
    "websocket-type-wrong",
    *("tls-left-out-over-1.2", "tls-left-out-over-1.3", "tls-left-out-with-a-certificate"),
    *("tls-left-out-of-later-requests", "extension-of-pairs", "certificates-not-asked-for"),
    "failed-handshake-is-left-open",
    "handshakes-one-at-a-time",
    "left-handshake-is-the-last",
)


def groups(faults: Iterable[Fault], largest: int = 8) -> list[list[Fault]]:
    """Put faults together that have nothing in common, so that one run shows what each of them fails.

    No requirement is concerned by two of a group, and no two are about the same thing.
    """
    concerned = {fault.name: {name for name in catalogue() if concerns(fault, name)} for fault in faults}
    found: list[list[Fault]] = []
    for fault in faults:
        for group in found:
            together = set().union(*(concerned[other.name] for other in group))
            alone = fault.name in ALONE or group[0].name in ALONE
            fits = len(group) < largest and same_run(group[0], fault) and not alone
            subjects = {subject(other) for other in group}
            if fits and subject(fault) not in subjects and concerned[fault.name].isdisjoint(together):
                group.append(fault)
                break
        else:
            found.append([fault])
    return found


def same_run(one: Fault, other: Fault) -> bool:
    """Tell whether one run of the suite can be made under both faults.

    What is wrong on the wire shows in the events, too: so the two kinds are kept apart.
    """
    return (one.variant, one.suite, about_bytes(one)) == (other.variant, other.suite, about_bytes(other))


def about_bytes(fault: Fault) -> bool:
    """Tell whether a fault breaks what an RFC says, and not what the ASGI specification does."""
    return fault.breaks.startswith("rfc")


def subject(fault: Fault) -> str:
    """Return what a fault is about: a key of the scope or of an event, or the connection as a whole."""
    words = fault.breaks.split(".")
    if words[0].startswith("rfc"):
        return words[1]
    if words[0] == "lifespan":
        return ".".join(words[:-1])
    if words[-2] in ("path", "raw-path", "root-path", "query-string"):
        return "request target"  # some faults make one of these from another
    return words[1] if words[1] in ("extensions", "error", "connection") else words[-2]


def run(*faults: Fault, variant: str = "", scale: float = QUICK, only: Iterable[str] = ("",)) -> Outcome:
    """Run the modules that the faults can show in, and return what came of each check.

    Without faults these are all, or the ones ``only`` names, below ``conformance``.
    """
    variant = faults[0].variant if faults else variant
    with tempfile.TemporaryDirectory(prefix="fault-") as folder:
        results, expectations = Path(folder, "results.json"), Path(folder, "none.toml")
        expectations.write_text("")
        modules = sorted({module for fault in faults for module in modules_of(fault)})
        modules = modules or [str(ROOT / "conformance" / name) for name in only]
        if not faults:
            scale = 1.0  # nothing is waited for in vain
        elif faults[0].suite in ("process", "interop", "all processes"):
            scale = max(scale, BOOTING)
        command = [sys.executable, "-m", "pytest", *modules, "-q", "--no-header", "--tb=no"]
        for plugin in ("pytest_asyncio.plugin", "_hypothesis_pytestplugin", "no:cacheprovider"):
            command += ["-p", plugin]
        command += ["--server=reference" + (f":{variant}" if variant else ""), "--hypothesis-profile=faults"]
        command += ["--no-confirm", f"--results={results}", f"--expectations={expectations}", f"--time-scale={scale}"]
        if faults:
            others = [*AGAIN, "http1]"] if faults[0].suite == "all processes" else AGAIN
            command += ["-k", " and ".join(f"not {word}" for word in others)]
            command.append(f"--server-args=--fault {','.join(fault.name for fault in faults)}")
        environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        if faults and faults[0].suite not in FUNDAMENTAL and not os.environ.get(WHOLE):
            environment[NAMES] = ",".join(fault.name for fault in faults)
            command += ["-p", "asgi_conformance.tests.one_case"]
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # compiling the checks anew costs more than running them
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if not results.exists():
            raise AssertionError(f"no results under {faults}:\n{done.stdout}\n{done.stderr}")
        checks = json.loads(results.read_text())["checks"]
    return Outcome(
        faults,
        {check["id"]: check["verdict"] for check in checks},
        {check["id"]: check["requirements"] for check in checks},
        {check["id"]: check["message"] for check in checks},
        {check["id"]: check["title"] for check in checks},
    )
