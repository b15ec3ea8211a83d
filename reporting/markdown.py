"""The report as Markdown, short enough for a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Sequence

from asgi_conformance.fixtures.requirements import MUST, SHOULD, catalogue
from asgi_conformance.fixtures.results import Result
from asgi_conformance.fixtures.verdicts import VERDICTS
from asgi_conformance.reporting.links import link
from asgi_conformance.reporting.loading import Run
from asgi_conformance.reporting.rates import rate

_MOST = 40  # failures that are told one by one; GitHub takes comments of 65,536 characters
_LONGEST = 240  # characters of a message that are shown


def text(runs: Sequence[Run]) -> str:
    """Return a table of counts, a row a run, and what is not expected in each run; what does not fit is counted."""
    seen = [verdict for verdict in VERDICTS if any(run.counts()[verdict] for run in runs)]
    heads = ["server", "MUST kept", "SHOULD kept", *seen, "known", "not expected"]
    lines = ["# ASGI conformance", "", _row(heads), _row(["---", *["---:"] * (len(heads) - 1)])]
    for run in runs:
        counts = run.counts()
        cells = [_plain(run.label), rate(*run.kept(MUST)), rate(*run.kept(SHOULD)), *(counts[name] for name in seen)]
        lines.append(_row([*cells, run.known(), len(run.unexpected())]))
    left = _MOST
    for run in runs:
        unexpected = run.unexpected()
        if not unexpected:
            continue
        lines += ["", f"## {_plain(run.label)}: {len(unexpected)} not expected", ""]
        lines += [_item(result) for result in unexpected[:left]]
        if len(unexpected) > left:
            lines.append(f"- and {len(unexpected) - left} more")
        left -= min(left, len(unexpected))
    if not any(run.unexpected() for run in runs):
        lines += ["", "Nothing failed that is not listed as known."]
    return "\n".join(lines) + "\n"


def _item(result: Result) -> str:
    cited = " ".join(_cited(name) for name in result.requirements)
    happened = result.headline
    if len(happened) > _LONGEST:
        happened = happened[:_LONGEST] + " ..."
    return (
        f"- **{result.verdict}** {cited} {result.level}: {_plain(result.title)}<br>{_plain(happened)}<br>`{result.id}`"
    )


def _cited(name: str) -> str:
    requirement = catalogue().get(name)
    address = link(requirement) if requirement else None
    return f"[`{name}`]({address})" if address else f"`{name}`"


def _row(cells: Sequence[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _plain(text: str) -> str:
    """Return a text that Markdown shows as it is, and that mentions nobody."""
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", text).replace("@", "@\u200b")
