"""The command ``requirements``: what is asked of a server, how many checks look at it, and what none does."""

from __future__ import annotations

import itertools
import sys
import textwrap
from collections import Counter

from asgi_conformance.fixtures import requirements
from asgi_conformance.fixtures.requirements import LEVELS, Requirement
from asgi_conformance.reporting.checks import checks

UNKNOWN = 2
"""The exit status where there is no such document."""

_WIDTH = 100


def list_requirements(document: str | None = None, uncovered: bool = False) -> int:
    """Print every requirement (of one document), how many there are, and which have no check, with the reason.

    With ``uncovered`` only these. A check with several cases is counted once.
    """
    catalogue = list(requirements.catalogue().values())
    documents = list(dict.fromkeys(requirement.document for requirement in catalogue))
    if document is not None and document not in documents:
        print(f"asgi-conformance: there is no document {document!r}; there are {', '.join(documents)}", file=sys.stderr)
        return UNKNOWN
    chosen = [requirement for requirement in catalogue if document in (None, requirement.document)]
    cited = Counter(name for check in checks().values() for name in check.all_requirements())
    if not uncovered:
        for name, group in itertools.groupby(chosen, lambda requirement: requirement.document):
            print(f"{name}\n")
            for requirement in group:
                _print(requirement, f'"{requirement.quote}"', cited[requirement.id])
            print()
    unchecked = [requirement for requirement in chosen if not cited[requirement.id]]
    levels = Counter(requirement.level for requirement in chosen)
    counts = ", ".join(f"{levels[level]} {level}" for level in LEVELS if levels[level])
    print(f"{len(chosen)} requirements ({counts}); {len(unchecked)} without a check{':' if unchecked else ''}")
    for requirement in unchecked:
        _print(requirement, requirement.unchecked or "no reason is given")
    return 0


def _print(requirement: Requirement, text: str, count: int | None = None) -> None:
    told = "" if count is None else f"  {count} {'check' if count == 1 else 'checks'}"
    print(f"  {requirement.id}  {requirement.level}{told}")
    print(textwrap.fill(text, _WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6, break_on_hyphens=False))
