"""The command ``diff``: what changed from one run to another, and whether anything got worse."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from asgi_conformance.fixtures.results import Result
from asgi_conformance.fixtures.verdicts import ERROR, FAIL, OBSERVED, PASS, UNSTABLE, VERDICTS, WARN
from asgi_conformance.reporting import loading
from asgi_conformance.reporting.loading import Run

WORSE = 1
"""The exit status where anything got worse."""

_HARM = {PASS: 0, OBSERVED: 0, WARN: 1, FAIL: 2, UNSTABLE: 2, ERROR: 2}


@dataclass
class Changes:
    """The checks whose verdict changed, by direction, and those that only one of the runs has."""

    worse: list[tuple[Result, Result]] = field(default_factory=list)
    better: list[tuple[Result, Result]] = field(default_factory=list)
    other: list[tuple[Result, Result]] = field(default_factory=list)
    new: list[Result] = field(default_factory=list)
    gone: list[Result] = field(default_factory=list)


def print_diff(before: Path, after: Path) -> int:
    """Print what changed between two results files, and return 1 if anything got worse. Raises ``BadResults``."""
    old, new = loading.read(before), loading.read(after)
    changes = compare(old, new)
    print(f"from {old.label} on Python {old.python} (suite {old.suite})")
    print(f"to   {new.label} on Python {new.python} (suite {new.suite})")
    for heading, pairs in (("worse", changes.worse), ("better", changes.better), ("other", changes.other)):
        _print_pairs(heading, pairs)
    for heading, results in (("new checks", changes.new), ("gone checks", changes.gone)):
        if results:
            counts = Counter(result.verdict for result in results)
            told = ", ".join(f"{counts[name]} {name}" for name in VERDICTS if counts[name])
            print(f"\n{heading} ({len(results)}): {told}")
            for result in results:
                if _HARM.get(result.verdict, 0):
                    print(f"  {result.verdict:<12} {result.id}")
    print(f"\n{len(changes.worse)} worse, {len(changes.better)} better, {len(changes.other)} other", end="")
    print(f", {len(changes.new)} new, {len(changes.gone)} gone")
    return WORSE if changes.worse else 0


def compare(before: Run, after: Run) -> Changes:
    """Return what changed.

    Whatever breaks, or can no longer be told, and did not break before is worse; ``unsupported`` and ``inapplicable``
    are neither good nor bad.
    """
    changes = Changes()
    for name in sorted({*before.checks, *after.checks}):
        old, new = before.checks.get(name), after.checks.get(name)
        if old is None or new is None:
            if new is not None:
                changes.new.append(new)
            if old is not None:
                changes.gone.append(old)
        elif old.verdict != new.verdict:
            _direction(changes, old, new).append((old, new))
    return changes


def _direction(changes: Changes, old: Result, new: Result) -> list[tuple[Result, Result]]:
    was, now = _HARM.get(old.verdict), _HARM.get(new.verdict)
    if now is not None and now > (was or 0):
        return changes.worse
    if was is not None and now is not None and now < was:
        return changes.better
    return changes.other


def _print_pairs(heading: str, pairs: Sequence[tuple[Result, Result]]) -> None:
    if not pairs:
        return
    print(f"\n{heading} ({len(pairs)})")
    for old, new in pairs:
        known = f", known: {textwrap.shorten(new.expected, 100, placeholder=' ...')}" if new.expected else ""
        print(f"  {old.verdict} -> {new.verdict}   {', '.join(new.requirements)}   {new.level}   {new.id}{known}")
        if new.broken or new.verdict in (ERROR, UNSTABLE):
            print(f"      {textwrap.shorten(new.headline, 200, placeholder=' ...')}")
