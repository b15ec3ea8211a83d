"""Where a requirement's sentence can be read in public: the address of its section."""

from __future__ import annotations

import re

from asgi_conformance.fixtures.requirements import Requirement

_TWICE = {"Disconnect - ``receive`` event", "Disconnected Client - ``send`` exception"}


def link(requirement: Requirement) -> str | None:
    """Return the address of the section that the requirement quotes, or None where no document stands behind it."""
    if requirement.url is None:
        return None
    if requirement.document.startswith("RFC"):
        number = requirement.section.partition(" ")[0]
        kind = "section" if number[0].isdigit() else "appendix"
        return f"{requirement.url}#{kind}-{number}"
    section = requirement.section
    if requirement.id.startswith("websocket.") and section in _TWICE:
        section = (
            "WebSocket"  # the second of two sections with one heading has a number for its anchor, which may change
        )
    return f"{requirement.url}#{_anchor(section)}"


def _anchor(heading: str) -> str:
    """Return a heading's anchor as Sphinx makes it."""
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")
