"""Servers across, checks down: what the page shows, as compact data; each text in it stands there once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from asgi_conformance.fixtures.requirements import LEVELS, MUST, SHOULD, Requirement, catalogue
from asgi_conformance.fixtures.results import Result
from asgi_conformance.fixtures.verdicts import (
    ERROR,
    FAIL,
    INAPPLICABLE,
    OBSERVED,
    PASS,
    UNSTABLE,
    UNSUPPORTED,
    VERDICTS,
    WARN,
)
from asgi_conformance.reporting.links import link
from asgi_conformance.reporting.loading import Run
from asgi_conformance.reporting.rates import rate

LETTERS = {
    PASS: "p",
    FAIL: "f",
    WARN: "w",
    UNSUPPORTED: "u",
    INAPPLICABLE: "i",
    OBSERVED: "o",
    UNSTABLE: "n",
    ERROR: "e",
}
"""One character for each verdict; the capital where the check is expected to fail."""

NOT_RUN = "-"
PROTOCOLS = {
    "core": "ASGI core",
    "http": "HTTP semantics",
    "http1": "HTTP/1.1 on the wire",
    "http2": "HTTP/2 on the wire",
    "websocket": "WebSocket",
    "lifespan": "Lifespan",
    "process": "The server as a process",
    "tls": "TLS",
}
"""The folders of checks, in the order in which they are shown, with their headings; others follow under their names."""

_EXPLAINED = (FAIL, WARN, UNSTABLE, ERROR)  # the verdicts whose transcript is shown
_LARGEST = 1_000_000  # characters of evidence in one piece
_IN_A_SCRIPT = {ord(mark): f"\\u{ord(mark):04x}" for mark in "<>&\u2028\u2029"}

CHECK = "{check}"
"""What stands for the check's id in the command line that runs it again."""


class Texts:
    """A table of texts without duplicates: each is told by its number."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, text: str | None) -> int:
        """Return the number of a text, which is 0 for none."""
        if not text:
            return 0
        found = self._numbers.get(text)
        if found is None:
            self.all.append(text)
            found = self._numbers[text] = len(self.all)
        return found


@dataclass(frozen=True)
class Matrix:
    """The page's data, and the evidence in pieces; both are ready for ``json.dumps``."""

    data: dict[str, Any]
    evidence: list[dict[str, Any]]


def build(runs: Sequence[Run]) -> Matrix:
    """Return the data of the page for these runs, which are its columns from left to right."""
    results = {name: next(run.checks[name] for run in runs if name in run.checks) for name in _union(runs)}
    known = catalogue()
    names = _rows(results)
    texts = Texts()
    cited = {name: place for place, name in enumerate(dict.fromkeys(r for n in names for r in results[n].requirements))}
    rows = []
    sections: list[dict[str, Any]] = []
    for place, name in enumerate(names):
        result = results[name]
        rows.append(
            [
                name,
                texts.number(result.title),
                LEVELS.index(result.level),
                [cited[requirement] for requirement in result.requirements],
                "".join(_letter(run.checks.get(name)) for run in runs),
            ]
        )
        group = (_protocol(name), *_section(result, known))
        if not sections or sections[-1]["key"] != group:
            first = known.get(result.requirements[0]) if result.requirements else None
            sections.append({"key": group, "start": place, "url": link(first) if first else None})
        sections[-1]["end"] = place + 1
    evidence, places = _evidence(runs, names)
    data = {
        "columns": [_column(run, runs[place - 1] if place else None) for place, run in enumerate(runs)],
        "protocols": {name: PROTOCOLS.get(name, name) for name in dict.fromkeys(s["key"][0] for s in sections)},
        "sections": [[*section["key"], section["url"], section["start"], section["end"]] for section in sections],
        "rows": rows,
        "requirements": [_requirement(name, known.get(name)) for name in cited],
        "texts": texts.all,
        "evidence": places,
    }
    return Matrix(data, evidence)


def _union(runs: Iterable[Run]) -> list[str]:
    return list(dict.fromkeys(name for run in runs for name in run.checks))


def _letter(result: Result | None) -> str:
    if result is None:
        return NOT_RUN
    letter = LETTERS[result.verdict]
    return letter.upper() if result.expected is not None else letter


def _protocol(check: str) -> str:
    words = check.removeprefix("conformance/").split("/")
    return words[0] if len(words) > 1 else "other"


def _section(result: Result, known: dict[str, Requirement]) -> tuple[str, str]:
    first = known.get(result.requirements[0]) if result.requirements else None
    return (first.document, first.section) if first else ("", "Requirements of another version of the suite")


def _rows(results: dict[str, Result]) -> list[str]:
    """Return the ids by protocol, then as the catalogue orders sections and requirements."""
    known = catalogue()
    places = {name: number for number, name in enumerate(known)}
    sections: dict[tuple[str, str], int] = {}
    for requirement in known.values():
        sections.setdefault((requirement.document, requirement.section), places[requirement.id])
    protocols = {name: number for number, name in enumerate(PROTOCOLS)}
    last = len(known)

    def place(name: str) -> tuple[Any, ...]:
        result, protocol = results[name], _protocol(name)
        first = places.get(result.requirements[0], last) if result.requirements else last
        section = sections.get(_section(result, known), last)
        return protocols.get(protocol, last), protocol, section, first, name

    return sorted(results, key=place)


def _requirement(name: str, entry: Requirement | None) -> list[Any]:
    if entry is None:
        return [name, "", "", "", "", "", None]
    return [name, entry.level, entry.document, entry.section, entry.quote, entry.stance or "", link(entry)]


def _column(run: Run, before: Run | None) -> dict[str, Any]:
    counts = run.counts()
    return {
        "name": run.name,
        "variant": run.variant,
        "server": run.server,
        "version": run.version,
        "label": run.label,
        "python": run.python,
        "platform": run.platform,
        "started": run.started,
        "duration": run.duration,
        "suite": run.suite,
        "argv": " ".join(run.argv),
        "file": run.path.name,
        "again": run.again(CHECK),
        "follows": before is not None and before.server == run.server,
        "checks": len(run.checks),
        "counts": {verdict: counts[verdict] for verdict in VERDICTS},
        "known": run.known(),
        "unexpected": len(run.unexpected()),
        "must": [*run.kept(MUST), rate(*run.kept(MUST))],
        "should": [*run.kept(SHOULD), rate(*run.kept(SHOULD))],
    }


def _evidence(runs: Sequence[Run], names: Sequence[str]) -> tuple[list[dict[str, Any]], list[int]]:
    """Return pieces of evidence, and the first row of each."""
    pieces: list[dict[str, Any]] = []
    starts: list[int] = []
    texts, size = Texts(), _LARGEST
    for row, name in enumerate(names):
        if size >= _LARGEST:
            texts, size = Texts(), 0
            pieces.append({"texts": texts.all, "cells": {}})
            starts.append(row)
        before = len(texts.all)
        cells = {}
        for column, run in enumerate(runs):
            result = run.checks.get(name)
            if result is None:
                continue
            transcript = result.transcript if result.verdict in _EXPLAINED else ""
            said = [result.message, result.observation, result.expected, transcript]
            numbers = [texts.number(text) for text in said]
            if any(numbers):
                cells[column] = numbers
        if cells:
            pieces[-1]["cells"][row] = cells
        size += sum(map(len, texts.all[before:])) + 12 * len(cells)
    return pieces, starts


def as_script(value: Any) -> str:
    """Return a value as JSON that may stand inside of a script element."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_IN_A_SCRIPT)
