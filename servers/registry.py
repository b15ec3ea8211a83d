"""Finding a server's adapter: by the name of a shipped one, by entry point, or by ``module:object``."""

from __future__ import annotations

import importlib
import os
import sys
from importlib.metadata import entry_points

from asgi_conformance.servers.adapter import Server

ENTRY_POINTS = "asgi_conformance.servers"
_SHIPPED = {
    name: f"asgi_conformance.servers.{name}:{name}"
    for name in ("uvicorn", "hypercorn", "daphne", "granian", "gunicorn", "anycorn", "h2corn")
} | {"reference": "asgi_conformance.servers.reference.adapter:reference"}


class UnknownServer(Exception):
    """No adapter has this name, or it cannot be imported; the text is one line and says what to do."""


def names() -> list[str]:
    """Return the names of all servers that have an adapter, shipped ones first."""
    return [*_SHIPPED, *(point.name for point in entry_points(group=ENTRY_POINTS) if point.name not in _SHIPPED)]


def find(name: str) -> Server:
    """Return the adapter called ``name``. Raises ``UnknownServer``."""
    if name in _SHIPPED:
        return load(_SHIPPED[name])
    for point in entry_points(group=ENTRY_POINTS, name=name):
        return load(point.value)
    raise UnknownServer(
        f"unknown server {name!r}: known are {', '.join(names())}; "
        "for any other use --server-command or --server-adapter (see CONTRIBUTING.md)"
    )


def load(reference: str) -> Server:
    """Return the adapter at ``module:object``, looked for in the working directory too. Raises ``UnknownServer``."""
    module, colon, attribute = reference.partition(":")
    if not colon or not module or not attribute:
        raise UnknownServer(f"the server adapter {reference!r} is not of the form module:object")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        server = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # whatever somebody else's module does
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise UnknownServer(f"the server adapter {reference!r} cannot be imported: {first}") from None
    if not isinstance(server, Server):
        raise UnknownServer(f"the server adapter {reference!r} is a {type(server).__name__}, not a Server")
    return server


def from_command(template: str) -> Server:
    """Return an adapter for a server that is known only by its command line (``--server-command``)."""
    return Server(name="command", command=template, tcp="")
