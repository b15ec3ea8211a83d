"""Results files as the reports read them: one run of the suite against one server each."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from asgi_conformance.fixtures.requirements import LEVELS
from asgi_conformance.fixtures.results import SCHEMA, Result
from asgi_conformance.fixtures.verdicts import FAIL, OBSERVED, PASS, VERDICTS, WARN

_FIELDS = {field.name for field in dataclasses.fields(Result)}
_TEXTS = ("id", "level", "verdict", "message", "transcript", "title")
_OPTIONAL = ("observation", "expected")
_PROBE = "asgi_probe:app"


class BadResults(Exception):
    """A results file that cannot be used; the text is one line and says which, and why."""


@dataclass(frozen=True)
class Run:
    """What a results file holds: the server and the circumstances, and the result of each check by its id."""

    path: Path
    suite: str
    name: str
    variant: str
    version: str
    python: str
    argv: tuple[str, ...]
    platform: str
    started: str
    duration: float
    checks: dict[str, Result]

    @property
    def server(self) -> str:
        """The server as ``--server`` takes it, such as ``hypercorn:trio``."""
        return f"{self.name}:{self.variant}" if self.variant else self.name

    @property
    def label(self) -> str:
        """The server and its version, such as ``hypercorn:trio 0.17.3``."""
        return f"{self.server} {self.version}".strip()

    def counts(self) -> Counter[str]:
        """Return how many checks got each verdict."""
        return Counter(result.verdict for result in self.checks.values())

    def kept(self, level: str) -> tuple[int, int]:
        """Return how many checks of a level were kept, and how many were judged: kept or broken."""
        counts = Counter(result.verdict for result in self.checks.values() if result.level == level)
        kept = counts[PASS] + counts[OBSERVED]
        return kept, kept + counts[FAIL] + counts[WARN]

    def unexpected(self) -> list[Result]:
        """Return what would turn a gate red at the level ``must``, in the order of the checks' ids."""
        return [self.checks[name] for name in sorted(self.checks) if self.checks[name].fails("must")]

    def known(self) -> int:
        """Return how many broken checks are known, with a reason."""
        return sum(result.broken and result.expected is not None for result in self.checks.values())

    def again(self, check: str) -> str:
        """Return the command line that judges this server by one check alone."""
        if self.name != "command":
            return f"pytest --server={self.server} {shlex.quote(check)}"
        words = [_template(word) for word in self.argv]
        return f"pytest --server-command={shlex.quote(' '.join(words))} {shlex.quote(check)}"


def load(paths: Iterable[Path]) -> list[Run]:
    """Read results files, and all of those in folders; return their runs: servers by name and variant, old versions first.

    Raises ``BadResults`` for the first that cannot be used, and for a folder without one.
    """
    return sorted((read(file) for path in paths for file in _files(path)), key=_place)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(path.glob("*.json"))
    if not found:
        raise BadResults(f"there are no results files in {path} (pytest --results=FILE.json writes one)")
    return found


def read(path: Path) -> Run:
    """Read one results file. Raises ``BadResults``."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadResults(f"the results file {path} cannot be read: {getattr(error, 'strerror', error)}") from None
    except json.JSONDecodeError as error:
        raise BadResults(f"{path} is no results file: it is not JSON, {error}") from None
    except RecursionError:
        raise BadResults(f"{path} is no results file: its JSON is nested too deep") from None
    if not isinstance(content, dict) or "schema" not in content:
        raise BadResults(f"{path} is no results file: it has no 'schema' (pytest --results=FILE.json writes one)")
    if content["schema"] != SCHEMA:
        raise BadResults(f"{path} has the schema {content['schema']!r}; this version of the suite reads {SCHEMA}")
    return _run(path, content)


def _run(path: Path, content: dict[str, Any]) -> Run:
    server = content.get("server")
    if not isinstance(server, dict) or not isinstance(server.get("name"), str):
        raise BadResults(f"{path} is no results file: 'server' has no 'name'")
    argv: Any = server.get("argv")
    if not _are_texts(argv):
        raise BadResults(f"{path}: 'argv' of the server is not a list of texts")
    for key in ("variant", "version", "python"):
        if not isinstance(server.get(key), (str, type(None))):
            raise BadResults(f"{path}: {key!r} of the server is no text")
    for key in ("suite", "platform", "started"):
        if not isinstance(content.get(key), str):
            raise BadResults(f"{path}: {key!r} is no text")
    if not _is_number(content.get("duration")):
        raise BadResults(f"{path}: 'duration' is no number")
    listed = content.get("checks")
    if not isinstance(listed, list):
        raise BadResults(f"{path}: 'checks' is not a list")
    checks = [_result(path, number, fields) for number, fields in enumerate(listed, 1)]
    return Run(
        path,
        content["suite"],
        server["name"],
        server.get("variant") or "",
        server.get("version") or "",
        server.get("python") or "",
        tuple(argv),
        content["platform"],
        content["started"],
        float(content["duration"]),
        {result.id: result for result in checks},
    )


def _result(path: Path, number: int, fields: Any) -> Result:
    where = f"{path}, check {number}"
    if not isinstance(fields, dict):
        raise BadResults(f"{where} is not an object")
    try:
        # What a later version of the suite adds, without changing what these fields mean, is passed over.
        result = Result(**{key: value for key, value in fields.items() if key in _FIELDS})
    except TypeError:
        missing = [key for key in ("id", "requirements", "level", "verdict") if key not in fields]
        raise BadResults(f"{where} has no {missing[0]!r}") from None
    for key in (*_TEXTS, *_OPTIONAL):
        value = getattr(result, key)
        if not isinstance(value, str) and not (value is None and key in _OPTIONAL):
            raise BadResults(f"{where}: {key!r} is no text")
    if result.verdict not in VERDICTS:
        raise BadResults(f"{where}: there is no verdict {result.verdict!r}")
    if result.level not in LEVELS:
        raise BadResults(f"{where}: there is no level {result.level!r}")
    if not _are_texts(result.requirements):
        raise BadResults(f"{where}: 'requirements' is not a list of ids")
    if not _is_number(result.duration):
        raise BadResults(f"{where}: 'duration' is no number")
    return result


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _place(run: Run) -> tuple[str, str, bool, Version, str, Sequence[int], str]:
    try:
        version, odd = Version(run.version), False
    except InvalidVersion:  # of a server whose version is not Python's: before those that are
        version, odd = Version("0"), True
    python = [int(word) for word in run.python.split(".") if word.isdigit()]
    return run.name, run.variant, not odd, version, run.version if odd else "", python, run.started


def _template(word: str) -> str:
    """Return a word of a command line as the template that made it."""
    if word in (_PROBE, "0"):
        return "{app}" if word == _PROBE else "{port}"
    word = word.replace("127.0.0.1:0", "{host}:{port}").replace("127.0.0.1", "{host}")
    return word if not re.search(r"[\s'\"\\\\$]", word) else shlex.quote(word)
