"""Named, minimal ways to break one requirement each, by which every check is shown to be able to fail.

A fault is applied to the reference server with ``--fault NAME``, or, where it is ASGI middleware, to any application
under any server: ``application = faults.apply(NAME, application)``.
"""

from __future__ import annotations

from asgi_conformance.servers.reference.events import Application
from asgi_conformance.servers.reference.faults import (
    frameworks,
    heads,
    http1,
    lifespans,
    processes,
    receiving,
    request_framing,
    responding,
    responses,
    running,
    scopes,
    sending,
    tls,
    websocket_events,
    websocket_handshake,
    websocket_wire,
)
from asgi_conformance.servers.reference.faults.registry import FAULTS, Fault

__all__ = [
    "FAULTS",
    "Fault",
    "apply",
    "frameworks",
    "heads",
    "http1",
    "lifespans",
    "processes",
    "receiving",
    "request_framing",
    "responding",
    "responses",
    "running",
    "scopes",
    "sending",
    "tls",
    "websocket_events",
    "websocket_handshake",
    "websocket_wire",
]


def apply(names: str, application: Application) -> Application:
    """Return the application with one fault, or several (``a,b``), between it and the server.

    Raises ``SystemExit`` for an unknown name.
    """
    for name in names.split(","):
        if name not in FAULTS:
            raise SystemExit(f"there is no fault {name!r}; there are: {', '.join(FAULTS)}")
        application = FAULTS[name].apply(application)
    return application
