"""The command ``explain``: all that the suite knows of one requirement, or of one check."""

from __future__ import annotations

import difflib
import shlex
import sys
import textwrap
from collections.abc import Sequence

from asgi_conformance.fixtures.requirements import Requirement, catalogue
from asgi_conformance.reporting import matters
from asgi_conformance.reporting.checks import ROOT, Check, checks, citing
from asgi_conformance.reporting.links import link

UNKNOWN = 2
"""The exit status where nothing, or more than one thing, has such an id."""

_WIDTH = 110
_MARGIN = " " * 13
_MOST = 8  # ids that are offered where none, or several, fit


def explain(given: str) -> int:
    """Print what is known of the requirement or check with this id, or the only one that begins so."""
    name, _, parameters = given.partition("[")
    names = [*catalogue(), *checks()]
    found = _meant(name, names)
    if len(found) != 1:
        near = found or difflib.get_close_matches(name, [*names, *map(_short, checks())], _MOST, 0.6)
        said = "may mean several ids" if found else "is the id of no requirement and of no check"
        print(f"asgi-conformance: {given!r} {said}{_offered(near)}", file=sys.stderr)
        return UNKNOWN
    if found[0] in catalogue():
        if parameters:
            print(f"asgi-conformance: {given!r}: a requirement has no parameters", file=sys.stderr)
            return UNKNOWN
        _print_requirement(catalogue()[found[0]])
    else:
        _print_check(checks()[found[0]], parameters.rstrip("]"))
    return 0


def _meant(name: str, names: Sequence[str]) -> list[str]:
    """Return the ids that may be meant: the exact one; or those that begin so, folders and modules left out or not."""
    if name in names:
        return [name]
    found = [each for each in checks() if name == _short(each)]
    return found or [each for each in names if name and (each.startswith(name) or _short(each).startswith(name))]


def _short(name: str) -> str:
    """Return the name of a check's function."""
    return name.rpartition("::")[2]


def _offered(names: Sequence[str]) -> str:
    if not names:
        return "; asgi-conformance requirements lists them"
    more = f", and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return f": {', '.join(names[:_MOST])}{more}"


def _print_requirement(requirement: Requirement) -> None:
    _print_text("requirement", f"{requirement.id}   {requirement.level}")
    _print_cited(requirement)
    found = citing(requirement.id)
    if not found:
        _print_text("no check", requirement.unchecked or "")
        return
    for check in found:
        print()
        cases = [case for case, names in check.cases if requirement.id in names]
        _print_source(check, cases)
    modules = list(dict.fromkeys(check.id.partition("::")[0] for check in found))
    ids = [check.id for check in found]
    print()
    _print_run(ids if len(ids) <= _MOST else modules)


def _print_check(check: Check, parameters: str) -> None:
    _print_source(check, [])
    for name in check.requirements_of(parameters):
        requirement = catalogue()[name]
        print()
        _print_text("requirement", f"{name}   {requirement.level}")
        _print_cited(requirement)
    print()
    _print_run([f"{check.id}[{parameters}]" if parameters else check.id])


def _print_cited(requirement: Requirement) -> None:
    _print_text("quote", f'"{requirement.quote}"')
    _print_text("document", f'{requirement.document}, "{requirement.section}"')
    address = link(requirement)
    if address:
        print(f"{_MARGIN}{address}")
    _print_text("since", f"version {requirement.since}" if requirement.since else "every version of the document")
    if requirement.stance:
        _print_text("judged so", requirement.stance)
    meaning = matters.of(requirement)
    if meaning:
        _print_text("if it fails", meaning)


def _print_source(check: Check, cases: Sequence[str]) -> None:
    _print_text("check", check.id)
    if cases:
        _print_text("cases", ", ".join(cases))
    _print_text("expected", check.title)
    print(f"{'source':<{len(_MARGIN)}}{check.path.relative_to(ROOT).as_posix()}:{check.line}")
    print(textwrap.indent(check.source.rstrip(), _MARGIN))


def _print_run(ids: Sequence[str]) -> None:
    print(f"{'run it':<{len(_MARGIN)}}asgi-conformance run --server=NAME {shlex.join(ids)}")


def _print_text(label: str, text: str) -> None:
    lines = textwrap.wrap(text, _WIDTH - len(_MARGIN), break_on_hyphens=False, break_long_words=False) or [""]
    print("\n".join(f"{label if not number else '':<{len(_MARGIN)}}{line}" for number, line in enumerate(lines)))
