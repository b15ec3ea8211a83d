"""What GitHub shows beside a pull request: a workflow command for each failure that is not expected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from asgi_conformance.reporting.loading import Run

_MOST = 50  # failures of all runs that are told one by one; GitHub itself shows ten of a step


def lines(runs: Sequence[Run]) -> Iterable[str]:
    """Return the workflow commands, ``::error title=...::...``."""
    found = [(run, result) for run in runs for result in run.unexpected()]
    for run, result in found[:_MOST]:
        cited = ", ".join(result.requirements)
        message = f"{result.headline}\nexpected: {result.title}\nagain: {run.again(result.id)}"
        yield f"::error title={_property(f'{run.label}: {cited} ({result.level})')}::{_data(message)}"
    if len(found) > _MOST:
        yield f"::error title=ASGI conformance::{len(found) - _MOST} more checks failed; the report lists them"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
