"""One release of a server, installed in an environment of its own and judged: what a matrix across versions is made of."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from asgi_conformance.servers import registry
from asgi_conformance.servers.adapter import Server

LATEST = "latest"
BROKEN = 1  # the exit status of a run with failures that are not expected
_NAME = re.compile(r"(?:py\d+-)?(?P<server>[a-z]\w*)-(?P<version>latest|\d[\w.]*)(?:-(?P<variant>[a-z][\w-]*))?")


class BadRelease(Exception):
    """There is no such release, or it cannot be installed; the message says what to do, in one line."""


@dataclass(frozen=True)
class Release:
    """A server at a version, such as ``0.30`` (its newest patch), ``0.30.1`` or ``latest``, perhaps in a variant."""

    name: str
    server: Server
    version: str
    variant: str

    def requirements(self) -> list[str]:
        """Return what pip has to install: the server's requirements, its own distribution held at the version."""
        return [self._held(Requirement(text)) for text in self.server.requires]

    def _held(self, requirement: Requirement) -> str:
        own = canonicalize_name(self.server.distribution or "")
        if self.version != LATEST and canonicalize_name(requirement.name) == own:
            patch = self.version.count(".") >= 2
            requirement.specifier = SpecifierSet(f"=={self.version}" if patch else f"=={self.version}.*")
        return str(requirement)

    @property
    def server_option(self) -> str:
        """The value of ``--server``."""
        return self.server.name + (f":{self.variant}" if self.variant else "")


def parse(name: str) -> Release:
    """Return the release that a name such as ``uvicorn-0.30``, ``hypercorn-latest-trio`` or ``py312-daphne-4.1`` means.

    Raises ``BadRelease`` for any other name, and for a server that pip cannot install.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        raise BadRelease(
            f"{name!r} is no release: say SERVER-VERSION[-VARIANT], such as uvicorn-0.30 or uvicorn-latest"
        )
    try:
        server = registry.find(found["server"])
    except registry.UnknownServer as error:
        raise BadRelease(str(error)) from None
    if server.distribution in (None, "asgi-conformance"):  # nobody knows its releases, or it is the reference server
        raise BadRelease(f"{server.name} has no releases to choose from: say pytest --server={server.name}")
    return Release(name, server, found["version"], found["variant"] or "")


def install(release: Release, environment: Path) -> Path:
    """Install a release in a virtual environment, made if it is not there; return its interpreter.

    The suite's own environment would not do: an old server may need older versions of what the suite stands on. It is
    uv that installs where there is one, for it is quicker. Raises ``BadRelease`` with the installer's last line.
    """
    python = environment / "bin" / "python"
    uv = shutil.which("uv")
    if not python.exists():
        make = [uv, "venv", "-q", "--python", sys.executable] if uv else [sys.executable, "-m", "venv"]
        _carry_out([*make, str(environment)], f"cannot make the environment {environment}")
    pip = [uv, "pip", "install", "-q", f"--python={python}"] if uv else [str(python), "-m", "pip", "install", "-q"]
    requirements = release.requirements()
    _carry_out([*pip, "--upgrade", *requirements], f"cannot install {' '.join(requirements)}")
    return python


def _carry_out(command: Sequence[str], otherwise: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise BadRelease(f"{otherwise}: {lines[-1] if lines else f'exit status {done.returncode}'}")


def judge(
    release: Release, environment: Path, results: Path, arguments: Sequence[str], run: Callable[[list[str]], int]
) -> int:
    """Install a release, ``run`` the suite against it with more ``arguments``, and return the exit status.

    The results file is ``results/NAME.json``. The shipped expectations are about the newest releases, so failures of an
    older one are what the matrix is to show: they do not make the exit status, whatever else goes wrong does.
    """
    python = install(release, environment)
    results.mkdir(parents=True, exist_ok=True)
    status = run(
        [
            f"--server={release.server_option}",
            f"--server-python={python}",
            f"--results={results / release.name}.json",
            *arguments,
        ]
    )
    if status == BROKEN and release.version != LATEST:
        print(f"{release.name}: the failures of a release that is not the newest are recorded, and break no gate")
        return 0
    return status
