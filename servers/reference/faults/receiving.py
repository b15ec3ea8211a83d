"""Faults in the events that an application receives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio

from asgi_conformance.servers.reference.events import Application, Message, Receive, Scope, Send
from asgi_conformance.servers.reference.exchange import Exchange
from asgi_conformance.servers.reference.faults.registry import event_fault, fault, receive_fault, server_fault
from asgi_conformance.servers.reference.faults.scopes import NoDict, Text

BODIES = ("http.request.*", "http.transfer-encoding.inbound", "core.receive.*", "http.scope-per-request.*")
DISCONNECTS = (
    "http.disconnect.*",
    "http.send-after-close.*",
    "core.send.after-close.no-op",
    "core.send.error-caught-*",
)


# --- every event ------------------------------------------------------------------------------------------------------


@event_fault("event-no-dict", "core.event.is-dict")
def _(event: Message) -> Any:
    return NoDict(event)


@event_fault("event-key-bytes", "core.event.keys-unicode")
def _(event: Message) -> None:
    event[b"probe"] = None  # type: ignore[index]


@event_fault("event-type-missing", "core.event.type.present", "*")  # nothing can be done with such events
def _(event: Message) -> None:
    del event["type"]


@event_fault(
    "event-type-subclass", "core.event.type.type", "http.*.type.type", "core.event.serializable", "core.strings.exact"
)
def _(event: Message) -> None:
    event["type"] = Text(event["type"])


@event_fault("event-type-not-namespaced", "core.event.type.namespaced", "*")  # no event is what it should be
def _(event: Message) -> None:
    event["type"] = event["type"].rpartition(".")[2]


@event_fault("event-with-an-object", "core.event.serializable")
def _(event: Message) -> None:
    event["probe"] = object()


@event_fault("event-with-a-tuple", "core.event.tuples-as-lists")
def _(event: Message) -> None:
    event["probe"] = (1, 2)


# --- the request ------------------------------------------------------------------------------------------------------


@receive_fault("request-without-body-is-no-request", "http.request.first", "*")
def _(receive: Receive) -> Receive:
    async def skipping() -> Message:
        event = await receive()
        empty = event["type"] == "http.request" and not event["body"] and not event["more_body"]
        return await receive() if empty else event

    return skipping


@event_fault("request-is-called-something-else", "http.request.first", "*")
def _(event: Message) -> None:
    if event["type"] == "http.request":
        event["type"] = "http.body"


@event_fault(
    "request-type-subclass", "http.request.type.type", "core.event.*", "core.strings.exact", "http.disconnect.*"
)
def _(event: Message) -> None:
    if event["type"] == "http.request":
        event["type"] = Text("http.request")


@event_fault("request-type-wrong", "http.request.type.value", "*")
def _(event: Message) -> None:
    if event["type"] == "http.request":
        event["type"] = "http.request.body"


@event_fault("request-body-bytearray", "http.request.body.type", "core.event.serializable")
def _(event: Message) -> None:
    if "body" in event:
        event["body"] = bytearray(event["body"])


@event_fault(
    "request-body-short", "http.request.body.value", *BODIES, "core.application.*", "rfc9112.persistence.default"
)
def _(event: Message) -> None:
    if "body" in event:
        event["body"] = event["body"][:-1]


@event_fault(
    "request-body-long", "http.request.body.concatenated", *BODIES, *DISCONNECTS, "rfc9112.persistence.default"
)
def _(event: Message) -> None:
    if "body" in event:
        event["body"] += b"!"


@event_fault("request-body-invented", "http.request.body.default", *BODIES, *DISCONNECTS, "rfc9112.persistence.default")
def _(event: Message) -> None:
    if "body" in event:
        event["body"] = event["body"] or b"invented"


@event_fault("request-body-still-coded", "http.request.body.dechunked", *BODIES, "rfc9112.persistence.default")
def _(event: Message) -> None:
    if event.get("body"):
        event["body"] = b"%x\r\n%b\r\n" % (len(event["body"]), event["body"])


@fault("request-body-never-ends", "http.transfer-encoding.inbound", *BODIES, "core.event.*", "core.strings.*")
def _(application: Application) -> Application:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        chunked = scope["type"] == "http" and b"transfer-encoding" in dict(scope["headers"])

        async def endless() -> Message:
            event = await receive()
            if chunked and event["type"] == "http.request" and not event["more_body"]:
                if not event["body"]:
                    await anyio.sleep_forever()
                event["more_body"] = True
            return event

        await application(scope, endless, send)

    return faulty


@event_fault("more-body-int", "http.request.more-body.type", "http.request.*", "http.transfer-encoding.inbound")
def _(event: Message) -> None:
    if "more_body" in event:
        event["more_body"] = int(event["more_body"])


@receive_fault("more-body-late-end-swallowed", "http.request.more-body.ends", *BODIES, "core.event.*")
def _(receive: Receive) -> Receive:
    begun = False

    async def swallowing() -> Message:
        nonlocal begun
        event = await receive()
        if begun and event["type"] == "http.request" and not event["body"]:
            event = await receive()
        begun = True
        return event

    return swallowing


@event_fault("more-body-left-out", "http.request.more-body.default", *BODIES, "core.event.*", "core.application.*")
def _(event: Message) -> None:
    event.pop("more_body", None)


@receive_fault("request-repeated", "http.request.more-body.last", *DISCONNECTS, *BODIES, "core.*")
def _(receive: Receive) -> Receive:
    last: Message | None = None

    async def repeating() -> Message:
        nonlocal last
        if last is not None:
            event, last = last, None
            return event
        event = await receive()
        if event["type"] == "http.request" and not event["more_body"]:
            last = event
        return event

    return repeating


@receive_fault("truncated-body-complete", "http.request.more-body.truncated")
def _(receive: Receive) -> Receive:
    open_body = False

    async def completing() -> Message:
        nonlocal open_body
        event = await receive()
        if open_body and event["type"] == "http.disconnect":
            event = {"type": "http.request", "body": b"", "more_body": False}
        open_body = event.get("more_body", False)
        return event

    return completing


# --- the disconnect ---------------------------------------------------------------------------------------------------


@receive_fault("disconnect-right-after-the-body", "http.disconnect.not-early", "core.receive.pending-while-sending")
def _(receive: Receive) -> Receive:
    over = False

    async def early() -> Message:
        nonlocal over
        if over:
            return {"type": "http.disconnect"}
        event = await receive()
        over = event["type"] == "http.request" and not event["more_body"]
        return event

    return early


def _receive_with(decide: Callable[[Exchange, bool], bool]) -> Callable[[], None]:
    """Have ``receive`` never return a disconnect for which ``decide`` (exchange, had left when called) is true."""

    def replace() -> None:
        original = Exchange.receive

        async def receive(self: Exchange) -> Message:
            had_left = self.client_left
            event = await original(self)
            if event["type"] == "http.disconnect" and decide(self, had_left):
                await anyio.sleep_forever()
            return event

        Exchange.receive = receive  # type: ignore[method-assign]

    return replace


server_fault(
    "disconnect-never-after-the-response", "http.disconnect.after-response.comes", "http.disconnect.*", "core.receive.*"
)(_receive_with(lambda exchange, had_left: exchange.complete))
server_fault("disconnect-never-after-the-client", "http.disconnect.after-close", *DISCONNECTS)(
    _receive_with(lambda exchange, had_left: had_left and not exchange.complete)
)
server_fault(
    "disconnect-never-while-waiting",
    "http.disconnect.while-waiting",
    *DISCONNECTS,
    "core.event.*",
    "http.request.more-body.*",
)(_receive_with(lambda exchange, had_left: not had_left and not exchange.complete))


@fault("disconnect-is-a-request-after-the-response", "http.disconnect.after-response.only", "http.disconnect.*")
def _(application: Application) -> Application:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        complete = False

        async def noting(event: Message) -> None:
            nonlocal complete
            await send(event)
            complete = complete or (event.get("type") == "http.response.body" and not event.get("more_body", False))

        async def wrong() -> Message:
            event = await receive()
            return {"type": "http.request", "body": b"", "more_body": False} if complete else event

        await application(scope, wrong, noting if scope["type"] == "http" else send)

    return faulty


@receive_fault("disconnect-only-once", "http.disconnect.repeatable")
def _(receive: Receive) -> Receive:
    told = False

    async def once() -> Message:
        nonlocal told
        event = await receive()
        if told and event["type"] == "http.disconnect":
            await anyio.sleep_forever()
        told = told or event["type"] == "http.disconnect"
        return event

    return once


@event_fault("disconnect-type-subclass", "http.disconnect.type.type", "core.event.*", "core.strings.exact")
def _(event: Message) -> None:
    if event["type"] == "http.disconnect":
        event["type"] = Text("http.disconnect")


@event_fault(
    "disconnect-type-wrong", "http.disconnect.type.value", "http.disconnect.*", "http.request.more-body.truncated"
)
def _(event: Message) -> None:
    if event["type"] == "http.disconnect":
        event["type"] = "http.disconnected"


# --- receive itself ---------------------------------------------------------------------------------------------------


@receive_fault("receive-raises", "core.receive.yields-event", "*")
def _(receive: Receive) -> Receive:
    async def raising() -> Message:
        raise RuntimeError("a fault")

    return raising


@fault("send-waits-for-receive", "core.receive.pending-while-sending", "http.disconnect.*")
def _(application: Application) -> Application:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        lock = anyio.Lock()

        async def locked_receive() -> Message:
            async with lock:
                return await receive()

        async def locked_send(event: Message) -> None:
            async with lock:
                await send(event)

        if scope["type"] == "http":
            await application(scope, locked_receive, locked_send)
        else:
            await application(scope, receive, send)

    return faulty


@receive_fault("cancelled-receive-loses-an-event", "core.receive.pending-while-sending")
def _(receive: Receive) -> Receive:
    lost = False

    async def losing() -> Message:
        nonlocal lost
        try:
            event = await receive()
            if lost:
                lost = False
                event = await receive()
        except anyio.get_cancelled_exc_class():
            lost = True
            raise
        return event

    return losing
