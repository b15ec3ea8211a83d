"""A badge of one run, as JSON for an endpoint badge of shields.io."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from asgi_conformance.fixtures.requirements import MUST
from asgi_conformance.fixtures.verdicts import ERROR, UNSTABLE
from asgi_conformance.reporting import loading
from asgi_conformance.reporting.loading import Run
from asgi_conformance.reporting.rates import rate

_COLOURS = ((1.0, "brightgreen"), (0.99, "green"), (0.97, "yellowgreen"), (0.9, "yellow"), (0.75, "orange"))


def print_badge(path: Path) -> int:
    """Print the badge of a results file. Raises ``BadResults``."""
    print(text(loading.read(path)), end="")
    return 0


def text(run: Run) -> str:
    """Return the badge: the share of the checks of a MUST that the server keeps, known failures counted as failures."""
    kept, judged = run.kept(MUST)
    counts = run.counts()
    doubtful = counts[ERROR] + counts[UNSTABLE]
    if doubtful or not judged:
        message = f"{run.version} not judged: {doubtful} unstable or in error" if doubtful else "not judged"
        colour = "lightgrey"
    else:
        message = f"{run.version} keeps {rate(kept, judged)} of MUST"
        colour = next((name for least, name in _COLOURS if kept / judged >= least), "red")
    content = {"schemaVersion": 1, "label": f"ASGI: {run.server}", "message": message.strip(), "color": colour}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def file_names(runs: Sequence[Run]) -> list[str]:
    """Return the name of each run's badge among the others: ``badge-NAME-VARIANT-VERSION.json``.

    Runs that have all of this in common are told apart by their Python, and then by a number.
    """
    short = [_stem(run.name, run.variant, run.version) for run in runs]
    full = [
        name if short.count(name) == 1 else _stem(name, f"python{run.python}")
        for name, run in zip(short, runs, strict=True)
    ]
    seen: Counter[str] = Counter()
    names = []
    for name in full:
        seen[name] += 1
        names.append(f"badge-{name}.json" if seen[name] == 1 else f"badge-{name}-{seen[name]}.json")
    return names


def _stem(*words: str) -> str:
    return "-".join(re.sub(r"[^\w.+]+", "-", word) for word in words if word)
