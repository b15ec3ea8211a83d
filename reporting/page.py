"""The report as a static page: it works from disk and offline, with the evidence in files beside it if it is much."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jinja2

from asgi_conformance import __version__
from asgi_conformance.fixtures.verdicts import VERDICTS
from asgi_conformance.reporting import matrix
from asgi_conformance.reporting.loading import Run

_MOST_INLINE = 1_500_000  # characters of evidence that the page itself holds


def write(runs: Sequence[Run], folder: Path) -> list[Path]:
    """Write ``index.html``, and ``evidence-N.js`` where the evidence is much, and return the paths of what was written."""
    found = matrix.build(runs)
    pieces = [matrix.as_script(piece) for piece in found.evidence]
    inline = sum(map(len, pieces)) <= _MOST_INLINE
    for stale in folder.glob("evidence-*.js"):
        stale.unlink()
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("asgi_conformance.reporting"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html.j2").render(
        columns=found.data["columns"],
        verdicts=VERDICTS,
        seen=[verdict for verdict in VERDICTS if any(run.counts()[verdict] for run in runs)],
        meanings=MEANINGS,
        symbols=SYMBOLS,
        letters=matrix.LETTERS,
        data=matrix.as_script({**found.data, "symbols": SYMBOLS, "letters": matrix.LETTERS}),
        evidence=pieces if inline else [],
        suite=__version__,
        rows=len(found.data["rows"]),
    )
    written = [folder / "index.html"]
    written[0].write_text(page, encoding="utf-8", errors="backslashreplace")
    if not inline:
        for number, piece in enumerate(pieces):
            path = folder / f"evidence-{number}.js"
            path.write_text(f"evidence({number}, {piece});\n", encoding="utf-8", errors="backslashreplace")
            written.append(path)
    return written


SYMBOLS = {
    "pass": "✓",
    "fail": "✗",
    "warn": "!",
    "unsupported": "○",
    "inapplicable": "\u2013",
    "observed": "◇",
    "unstable": "≈",
    "error": "E",
}
"""The sign of each verdict, so that no verdict is told by its colour alone."""

MEANINGS = {
    "pass": "the requirement is kept",
    "fail": "a MUST is broken, or the server crashed or no longer answers",
    "warn": "a SHOULD is broken",
    "unsupported": "an optional feature that the server does not offer",
    "inapplicable": "the requirement does not bind this server, or not as it can be configured",
    "observed": "there is no rule: which of the permitted behaviours the server chose",
    "unstable": "what failed once did not fail again: no verdict",
    "error": "the suite itself failed",
}
"""What each verdict means, in the page's legend."""
