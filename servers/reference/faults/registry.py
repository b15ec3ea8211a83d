"""How a fault is declared: its name, the requirement that it breaks, and what else cannot hold then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from asgi_conformance.servers.reference.events import Application, Message, Receive, Scope, Send

Middleware = Callable[[Application], Application]


@dataclass(frozen=True)
class Fault:
    """One way to misbehave.

    ``breaks`` is the requirement that it is about. ``also`` names others that cannot hold either, as ids or patterns
    (``http.request.*``): a fault may fail checks of these, and of no others. ``variant`` is the reference server's
    variant that it is meant for. ``suite`` is the part of the suite whose traffic goes through what the fault replaces:
    ``http``, ``interop``, ``lifespan``, ``process``, ``tls``, ``websocket``, or, where nothing works under it, ``all`` or
    ``all processes`` (whose checks have a process of their own).
    """

    name: str
    breaks: str
    also: tuple[str, ...]
    apply: Middleware
    variant: str = ""
    suite: str = "http"


FAULTS: dict[str, Fault] = {}


def fault(
    name: str, breaks: str, *also: str, variant: str = "", suite: str = "http"
) -> Callable[[Middleware], Middleware]:
    """Declare a function from application to application as a fault; it may also replace parts of the server."""

    def declare(function: Middleware) -> Middleware:
        assert name not in FAULTS, name
        FAULTS[name] = Fault(name, breaks, also, function, variant, suite)
        return function

    return declare


def scope_fault(
    name: str, breaks: str, *also: str, kind: str = "http"
) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Declare a function that changes a scope of this kind, ``http`` or ``websocket``, or returns another in its place."""

    def declare(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
        @fault(name, breaks, *also, suite=kind)
        def middleware(application: Application) -> Application:
            async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
                if scope["type"] == kind:
                    changed = change(scope)
                    scope = scope if changed is None else changed
                await application(scope, receive, send)

            return faulty

        return change

    return declare


Replacement = Callable[[Receive], Callable[[], Any]]


def receive_fault(name: str, breaks: str, *also: str, kind: str = "http") -> Callable[[Replacement], Replacement]:
    """Declare a function from ``receive`` to what is given in its place, made for each call of this kind anew."""

    def declare(make: Replacement) -> Replacement:
        @fault(name, breaks, *also, suite=kind)
        def middleware(application: Application) -> Application:
            async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
                await application(scope, make(receive) if scope["type"] == kind else receive, send)

            return faulty

        return make

    return declare


EventChange = Callable[[Message], Any]


def event_fault(name: str, breaks: str, *also: str, kind: str = "http") -> Callable[[EventChange], EventChange]:
    """Declare a function that changes each event received in a call of this kind, or returns another in its place."""

    def declare(change: EventChange) -> EventChange:
        @receive_fault(name, breaks, *also, kind=kind)
        def make(receive: Receive) -> Callable[[], Any]:
            async def changed_receive() -> Any:
                event = dict(await receive())
                changed = change(event)
                return event if changed is None else changed

            return changed_receive

        return change

    return declare


def send_fault(
    name: str, breaks: str, *also: str, kind: str = "http"
) -> Callable[[Callable[[Any, Send], Any]], Callable[[Any, Send], Any]]:
    """Declare a coroutine function in place of ``send`` in calls of this kind: it is given the event and ``send``."""

    def declare(change: Callable[[Any, Send], Any]) -> Callable[[Any, Send], Any]:
        @fault(name, breaks, *also, suite=kind)
        def middleware(application: Application) -> Application:
            async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
                async def changed_send(event: Any) -> None:
                    await change(event, send)

                await application(scope, receive, changed_send if scope["type"] == kind else send)

            return faulty

        return change

    return declare


def server_fault(
    name: str, breaks: str, *also: str, variant: str = "", suite: str = "http"
) -> Callable[[Callable[[], None]], None]:
    """Declare a function that replaces parts of the reference server."""

    def declare(replace: Callable[[], None]) -> None:
        replaced = False

        @fault(name, breaks, *also, variant=variant, suite=suite)
        def middleware(application: Application) -> Application:
            nonlocal replaced
            if not replaced:  # a worker inherits it from its parent
                replace()
                replaced = True
            return application

    return declare
