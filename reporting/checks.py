"""The suite's checks as they stand in their modules: which requirements each cites, and its source. Nothing is run."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "conformance"


@dataclass(frozen=True)
class Check:
    """One check with all its cases; ``cases`` has the name of each that cites requirements of its own, and these."""

    id: str
    requirements: tuple[str, ...]
    cases: tuple[tuple[str, tuple[str, ...]], ...]
    title: str
    path: Path
    line: int
    source: str

    def cites(self, requirement: str) -> bool:
        """Tell whether the check, or one of its cases, verifies the requirement."""
        return requirement in self.all_requirements()

    def all_requirements(self) -> list[str]:
        """Return the requirements that the check and its cases verify, each once."""
        return list(dict.fromkeys([*self.requirements, *(name for _, names in self.cases for name in names)]))

    def requirements_of(self, parameters: str) -> list[str]:
        """Return what the case with these parameters, such as ``http1-empty``, verifies; what all do if it is not known."""
        words = f"-{parameters}-"
        known = [names for case, names in self.cases if f"-{case}-" in words]
        return [*self.requirements, *known[0]] if known else self.all_requirements()


@functools.cache
def checks() -> dict[str, Check]:
    """Return every check by its id without parameters, ``conformance/http/test_x.py::test_y``."""
    found = {}
    for path in sorted(FOLDER.glob("*/test_*.py")):
        place = path.relative_to(ROOT)
        module = importlib.import_module(".".join(["asgi_conformance", *place.with_suffix("").parts]))
        for name, function in vars(module).items():
            if name.startswith("test_") and getattr(function, "is_check", False):
                check = _check(f"{place.as_posix()}::{name}", path, function)
                found[check.id] = check
    return found


def citing(requirement: str) -> list[Check]:
    """Return the checks that verify a requirement."""
    return [check for check in checks().values() if check.cites(requirement)]


def _check(name: str, path: Path, function: Callable[..., Any]) -> Check:
    written = inspect.unwrap(function)
    lines, line = inspect.getsourcelines(written)
    marks = getattr(function, "pytestmark", [])
    cases = [
        (str(row.id), cited)
        for mark in marks
        if mark.name == "parametrize"
        for row in mark.args[1]
        if (cited := _cited(getattr(row, "marks", ())))
    ]
    title = (inspect.getdoc(written) or "").partition("\n")[0]
    return Check(name, _cited(marks), tuple(cases), title, path, line, "".join(lines))


def _cited(marks: Iterable[Any]) -> tuple[str, ...]:
    return tuple(name for mark in marks if mark.name == "requires" for name in mark.args)
