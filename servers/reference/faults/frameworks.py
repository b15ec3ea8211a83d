"""Faults that show in an application of a framework, under a real client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgi_conformance.servers.reference.events import Application, Message, Receive, Scope, Send
from asgi_conformance.servers.reference.faults.registry import Middleware, fault
from asgi_conformance.servers.reference.faults.running import one_call_at_a_time

Change = Callable[[Any], Any]


def _interop(name: str, breaks: str, *also: str) -> Callable[[Middleware], Middleware]:
    return fault(name, breaks, *also, suite="interop")


def _events(kind: str, on_receive: Change = lambda event: event, on_send: Change = lambda event: event) -> Middleware:
    """Return what changes the events of calls of a kind."""

    def middleware(application: Application) -> Application:
        async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
            async def changed_receive() -> Message:
                changed: Message = on_receive(dict(await receive()))
                return changed

            async def changed_send(event: Message) -> None:
                await send(on_send(dict(event)))

            if scope["type"] == kind:
                await application(scope, changed_receive, changed_send)
            else:
                await application(scope, receive, send)

        return faulty

    return middleware


@_interop("bodies-of-requests-cut-for-frameworks", "interop.json")
def _(application: Application) -> Application:
    def cut(event: Message) -> Message:
        return {**event, "body": event["body"][:-1]} if event.get("body") else event

    return _events("http", on_receive=cut)(application)


@_interop("pieces-held-back-for-clients", "interop.streaming")
def _(application: Application) -> Application:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        held = b""

        async def hold(event: Message) -> None:
            nonlocal held
            if event["type"] != "http.response.body":
                await send(event)
                return
            held += event.get("body", b"")
            if not event.get("more_body", False):
                await send({**event, "body": held})

        await application(scope, receive, hold if scope["type"] == "http" else send)

    return faulty


@_interop("texts-sent-as-bytes-to-clients", "interop.websocket")
def _(application: Application) -> Application:
    def in_bytes(event: Message) -> Message:
        if event["type"] == "websocket.send" and event.get("text") is not None:
            return {"type": "websocket.send", "bytes": event["text"].encode()}
        return event

    return _events("websocket", on_send=in_bytes)(application)


@_interop("codes-replaced-by-1000", "interop.websocket.closing")
def _(application: Application) -> Application:
    def normal(event: Message) -> Message:
        return {**event, "code": 1000} if "code" in event else event

    return _events("websocket", on_receive=normal, on_send=normal)(application)


@_interop("lifespan-of-frameworks-not-called", "interop.lifespan")
def _(application: Application) -> Application:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await application(scope, receive, send)
            return
        for _ in range(2):
            event = await receive()
            await send({"type": f"{event['type']}.complete"})

    return faulty


_interop("one-endpoint-at-a-time", "interop.threads", "interop.*")(one_call_at_a_time)
