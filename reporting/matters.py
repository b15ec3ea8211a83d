"""What it means for an application's author that a server breaks a requirement: one text for each section."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from asgi_conformance.fixtures.requirements import Requirement, normalise

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FILE = Path(__file__).parent / "matters.toml"


@functools.cache
def matters() -> dict[str, dict[str, str]]:
    """Return the texts: by the first word of a requirement's id, then by the heading of its section."""
    found: dict[str, dict[str, str]] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return found


def of(requirement: Requirement) -> str | None:
    """Return what it means that this requirement is broken, if there is a text on its section."""
    text = matters().get(requirement.id.partition(".")[0], {}).get(requirement.section)
    return normalise(text) if text else None
