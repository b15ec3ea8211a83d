"""Faults in the events of a WebSocket: messages, the disconnect, the close, and the end of the application."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel

from asgi_conformance.servers.reference import websocket_events
from asgi_conformance.servers.reference.call import Call
from asgi_conformance.servers.reference.channel import ClientDisconnected
from asgi_conformance.servers.reference.events import Application, Message, Receive, Scope, Send
from asgi_conformance.servers.reference.faults.registry import event_fault, fault, send_fault, server_fault
from asgi_conformance.servers.reference.websocket import Disconnect, WebSocket


class Text(str):
    """What looks like a str, and is none exactly."""


received = functools.partial(event_fault, kind="websocket")
sent = functools.partial(send_fault, kind="websocket")


def is_a(event: Any, kind: str) -> bool:
    return isinstance(event, dict) and event.get("type") == kind


# --- messages to the application --------------------------------------------------------------------------------------


@received("ws-receive-type-of-a-subclass", "websocket.receive.type.type", "core.event.*", "core.strings.*")
def _(event: Message) -> None:
    if event["type"] == "websocket.receive":
        event["type"] = Text("websocket.receive")


@received(
    "ws-receive-called-message", "websocket.receive.type.value", "websocket.*", "rfc6455.*", "rfc7692.*", "core.*"
)
def _(event: Message) -> None:
    if event["type"] == "websocket.receive":
        event["type"] = "websocket.message"


@received("ws-text-in-capitals", "websocket.receive.text.value", "websocket.receive.*", "websocket.fragments.*", "*")
def _(event: Message) -> None:
    if isinstance(event.get("text"), str):
        event["text"] = event["text"].upper()


@received("ws-text-cut-at-nul", "websocket.receive.text.value", "rfc6455.text.*", "rfc6455.fragments.*", "rfc7692.*")
def _(event: Message) -> None:
    if isinstance(event.get("text"), str):
        event["text"] = event["text"].partition("\0")[0]


@received("ws-binary-without-its-last-byte", "websocket.receive.bytes.value", "*")
def _(event: Message) -> None:
    if isinstance(event.get("bytes"), bytes):
        event["bytes"] = event["bytes"][:-1]


@received("ws-text-of-a-subclass", "websocket.receive.text.type", "core.strings.*", "core.event.*")
def _(event: Message) -> None:
    if "text" in event:
        event["text"] = Text(event["text"])


@received("ws-bytes-is-a-bytearray", "websocket.receive.bytes.type", "core.strings.*", "core.event.*")
def _(event: Message) -> None:
    if "bytes" in event:
        event["bytes"] = bytearray(event["bytes"])


@received(
    "ws-other-key-is-empty",
    "websocket.receive.exactly-one",
    *("websocket.receive.*", "websocket.fragments.*", "websocket.ping.*", "websocket.disconnect.*"),
    *("rfc6455.*", "rfc7692.*", "core.*"),
)
def _(event: Message) -> None:
    if event["type"] == "websocket.receive":
        event.setdefault("text", "")
        event.setdefault("bytes", b"")


@received("ws-empty-message-is-none", "websocket.receive.empty", "websocket.receive.*", "rfc6455.*", "rfc7692.*")
def _(event: Message) -> None:
    for key in ("text", "bytes"):
        if key in event and not event[key]:
            event[key] = None


def _patched(name: str, breaks: str, *also: str) -> Callable[[Callable[[], None]], None]:
    return server_fault(name, breaks, *also, suite="websocket")


@_patched("ws-messages-out-of-order", "websocket.receive.each-message", "websocket.disconnect.messages-first", "*")
def _() -> None:
    def next_message(self: WebSocket) -> str | bytes:
        message = self.messages.pop()
        self.unreceived -= len(message) + 1
        self.channel.changed.notify()
        return message

    WebSocket.next_message = next_message  # type: ignore[method-assign]


@_patched("ws-one-message-in-fifty-lost", "websocket.receive.each-message", "rfc6455.*", "rfc7692.*")
def _() -> None:
    original = WebSocket.on_data

    def on_data(self: WebSocket, piece: Any) -> None:
        before = len(self.messages)
        original(self, piece)
        if len(self.messages) > max(before, 50):
            self.unreceived -= len(self.messages.pop()) + 1

    WebSocket.on_data = on_data  # type: ignore[method-assign]


@_patched(
    "ws-fragments-are-messages",
    "websocket.receive.whole-message",
    *(
        "websocket.fragments.handled",
        "websocket.receive.*",
        "websocket.ping.hidden",
        "rfc6455.*",
        "rfc7692.*",
        "core.*",
    ),
    "websocket.disconnect.*",
)
def _() -> None:
    def on_data(self: WebSocket, piece: Any) -> None:
        message = bytes(piece.data)
        self.messages.append(message.decode("utf-8", "replace") if piece.header.opcode != 2 else message)
        self.unreceived += len(message) + 1
        self.channel.changed.notify()

    WebSocket.on_data = on_data  # type: ignore[method-assign]


@_patched(
    "ws-first-fragment-is-an-event", "websocket.fragments.handled", "websocket.receive.*", "rfc6455.*", "rfc7692.*", "*"
)
def _() -> None:
    original = WebSocket.on_data

    def on_data(self: WebSocket, piece: Any) -> None:
        original(self, piece)
        if not piece.header.fin and piece.header.opcode:
            self.messages.append("")
            self.unreceived += 1
            self.channel.changed.notify()

    WebSocket.on_data = on_data  # type: ignore[method-assign]


@_patched("ws-pings-not-answered", "websocket.ping.answered", "rfc6455.*")
def _() -> None:
    def on_ping(self: WebSocket, payload: bytes) -> None:
        return

    WebSocket.on_ping = on_ping  # type: ignore[method-assign]


@_patched("ws-pings-are-messages", "websocket.ping.hidden", "rfc6455.*", "rfc7692.*")
def _() -> None:
    original = WebSocket.on_ping

    def on_ping(self: WebSocket, payload: bytes) -> None:
        original(self, payload)
        self.messages.append(payload)
        self.unreceived += len(payload) + 1
        self.channel.changed.notify()

    WebSocket.on_ping = on_ping  # type: ignore[method-assign]


# --- messages from the application ------------------------------------------------------------------------------------


@sent("ws-text-sent-in-capitals", "websocket.send.text.value", "websocket.*", "rfc6455.*", "rfc7692.*", "core.*")
async def _(event: Any, send: Send) -> None:
    if is_a(event, "websocket.send") and isinstance(event.get("text"), str):
        event = {**event, "text": event["text"].upper()}
    await send(event)


@sent("ws-send-not-known", "websocket.send.type.value", "*")
async def _(event: Any, send: Send) -> None:
    if is_a(event, "websocket.send"):
        raise ValueError("unknown event type")
    await send(event)


@sent("ws-bytes-sent-reversed", "websocket.send.bytes.value", "websocket.*", "rfc6455.*", "rfc7692.*", "core.*")
async def _(event: Any, send: Send) -> None:
    if is_a(event, "websocket.send") and isinstance(event.get("bytes"), bytes):
        event = {**event, "bytes": event["bytes"][::-1]}
    await send(event)


def _demanding(name: str, breaks: str, wanted: Callable[[Message], bool], *also: str) -> None:
    """Declare the fault of refusing messages that are right, but for something that is not demanded."""

    @sent(name, breaks, *also)
    async def _(event: Any, send: Send) -> None:
        if is_a(event, "websocket.send") and not wanted(event):
            raise ValueError("refused")
        await send(event)


_EVERYWHERE = ("websocket.*", "rfc6455.*", "rfc7692.*", "core.*")
_demanding("ws-bytes-key-demanded", "websocket.send.bytes.default", lambda event: "bytes" in event, *_EVERYWHERE)
_demanding("ws-text-key-demanded", "websocket.send.text.default", lambda event: "text" in event, *_EVERYWHERE)
_demanding(
    "ws-key-of-none-refused",
    "websocket.send.both-keys",
    lambda event: (
        None not in (event.get("text", ""), event.get("bytes", b""))
        or (not event.get("text") and not event.get("bytes"))
    ),
    "websocket.send.exactly-one.*",
)


@sent("ws-empty-messages-not-sent", "websocket.send.empty", "rfc6455.*", "rfc7692.*")
async def _(event: Any, send: Send) -> None:
    if is_a(event, "websocket.send") and (event.get("text") == "" or event.get("bytes") == b""):
        return
    await send(event)


@sent("ws-repeated-messages", "websocket.send.each-message", "websocket.*", "rfc6455.*", "rfc7692.*", "core.*")
async def _(event: Any, send: Send) -> None:
    await send(event)
    if is_a(event, "websocket.send"):
        await send(event)


def _lenient(name: str, breaks: str, is_wrong: Callable[[Any], bool], *also: str) -> None:
    """Declare the fault of taking an event that is wrong, and doing nothing about it."""

    @sent(name, breaks, *also)
    async def _(event: Any, send: Send) -> None:
        if not is_wrong(event):
            await send(event)


def _has_wrong(kind: str, key: str, right: type) -> Callable[[Any], bool]:
    return lambda event: is_a(event, kind) and event.get(key) is not None and not isinstance(event[key], right)


_KNOWN = (
    "websocket.accept",
    "websocket.close",
    "websocket.send",
    "websocket.http.response.start",
    "websocket.http.response.body",
)
_lenient(
    "ws-neither-accepted",
    "websocket.send.exactly-one.neither",
    lambda event: is_a(event, "websocket.send") and event.get("text") is None and event.get("bytes") is None,
    "core.send.*",
)
_lenient(
    "ws-both-accepted",
    "websocket.send.exactly-one.both",
    lambda event: is_a(event, "websocket.send") and event.get("text") is not None and event.get("bytes") is not None,
)
_lenient(
    "ws-type-of-any-type",
    "websocket.send.type.type",
    lambda event: isinstance(event, dict) and "type" in event and not isinstance(event["type"], str),
    *("websocket.accept.type.type", "websocket.close.type.type"),
)
_lenient("ws-any-text-accepted", "websocket.send.text.type", _has_wrong("websocket.send", "text", str))
_lenient(
    "ws-any-bytes-accepted",
    "websocket.send.bytes.type",
    _has_wrong("websocket.send", "bytes", bytes),
    "core.send.bytes-like",
)
_lenient(
    "ws-no-type-accepted", "core.send.missing-key.raises", lambda event: isinstance(event, dict) and "type" not in event
)
_lenient(
    "ws-unknown-types-accepted",
    "core.send.unknown-type.raises",
    lambda event: isinstance(event, dict) and isinstance(event.get("type"), str) and event["type"] not in _KNOWN,
)
_lenient("ws-anything-but-dicts-accepted", "core.send.not-a-dict.raises", lambda event: not isinstance(event, dict))
_lenient("ws-any-close-code-accepted", "websocket.close.code.type", _has_wrong("websocket.close", "code", int))
_lenient("ws-any-close-reason-accepted", "websocket.close.reason.type", _has_wrong("websocket.close", "reason", str))


@fault("ws-second-accept-taken", "core.send.wrong-order.raises", "websocket.accept.once", suite="websocket")
def _(application: Application) -> Application:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        accepted = False

        async def changed(event: Any) -> None:
            nonlocal accepted
            if is_a(event, "websocket.accept") and accepted:
                return
            await send(event)
            accepted = accepted or is_a(event, "websocket.accept")

        await application(scope, receive, changed if scope["type"] == "websocket" else send)

    return faulty


@sent("ws-extra-keys-refused", "core.send.extra-keys-accepted")
async def _(event: Any, send: Send) -> None:
    if isinstance(event, dict) and "extra" in event:
        raise ValueError("unknown key")
    await send(event)


@_patched("ws-send-waits-for-receive", "core.receive.pending-while-sending", "websocket.*", "rfc6455.*", "rfc7692.*")
def _() -> None:
    receive, send = WebSocket.receive, WebSocket.send

    async def locked_receive(self: WebSocket) -> Message:
        async with self.__dict__.setdefault("lock", anyio.Lock()):
            return await receive(self)

    async def locked_send(self: WebSocket, event: Message) -> None:
        async with self.__dict__.setdefault("lock", anyio.Lock()):
            await send(self, event)

    WebSocket.receive = locked_receive  # type: ignore[method-assign]
    WebSocket.send = locked_send  # type: ignore[method-assign]


@_patched("ws-only-a-hundred", "core.application.concurrent")
def _() -> None:
    original = WebSocket.call_application
    open_now = 0

    async def call_application(self: WebSocket) -> None:
        nonlocal open_now
        open_now += 1
        try:
            if open_now > 100:
                await anyio.sleep_forever()
            await original(self)
        finally:
            open_now -= 1

    WebSocket.call_application = call_application  # type: ignore[method-assign, assignment]


@_patched("ws-send-never-waits", "core.send.back-pressure")
def _() -> None:
    async def flush(self: WebSocket) -> None:
        await anyio.lowlevel.checkpoint()
        if self.client_left:
            self.after_client_left()

    WebSocket.flush = flush  # type: ignore[method-assign, assignment]


# --- the disconnect ---------------------------------------------------------------------------------------------------


@received("ws-disconnect-type-of-a-subclass", "websocket.disconnect.type.type", "core.event.*", "core.strings.*")
def _(event: Message) -> None:
    if event["type"] == "websocket.disconnect":
        event["type"] = Text("websocket.disconnect")


def _how_it_ended(name: str, breaks: str, hide: Callable[[WebSocket], bool], *also: str) -> None:
    """Declare the fault of keeping the end of a connection to oneself."""

    @_patched(name, breaks, *also)
    def _() -> None:
        original = WebSocket.how_it_ended

        def how_it_ended(self: WebSocket) -> Disconnect | None:
            return None if hide(self) else original(self)

        WebSocket.how_it_ended = how_it_ended  # type: ignore[method-assign]


_ENDS = ("websocket.disconnect.*", "websocket.send-after-close.*", "rfc6455.*", "rfc7692.*", "websocket.denial.*")


def _closed_by_client(self: WebSocket) -> bool:
    return self.disconnect is not None and self.disconnect.code != 1006 and not self.finished


_how_it_ended("ws-client-close-not-told", "websocket.disconnect.client-close", _closed_by_client, *_ENDS)
_how_it_ended(
    "ws-loss-not-told",
    "websocket.disconnect.socket-lost",
    lambda self: self.disconnect is not None and self.disconnect.code == 1006 and not self.close_sent and self.accepted,
    *_ENDS,
)
_how_it_ended(
    "ws-own-close-not-told",
    "websocket.disconnect.application-close",
    lambda self: self.finished and self.accepted,
    *_ENDS,
)
_how_it_ended(
    "ws-denial-not-told", "websocket.disconnect.denied", lambda self: self.finished and not self.accepted, *_ENDS
)
_how_it_ended(
    "ws-failure-not-told",
    "websocket.disconnect.server-close",
    lambda self: self.accepted and self.close_sent and not self.finished and (self.disconnect or (1006,))[0] == 1006,
    *_ENDS,
)
_how_it_ended(
    "ws-early-loss-not-told",
    "websocket.disconnect.during-handshake",
    lambda self: not self.accepted and not self.finished,
    *_ENDS,
)


@_patched(
    "ws-disconnect-while-it-is-quiet",
    "websocket.disconnect.not-early",
    "websocket.*",
    "rfc6455.*",
    "rfc7692.*",
    "core.*",
)
def _() -> None:
    original = WebSocket.next_event

    def next_event(self: WebSocket) -> Message | None:
        event = original(self)
        return event if event is not None or not self.accepted else self.disconnect_event(Disconnect(1006))

    WebSocket.next_event = next_event  # type: ignore[method-assign]


@_patched(
    "ws-waiting-receive-forgotten", "websocket.disconnect.while-waiting", *_ENDS, "websocket.fragments.*", "core.*"
)
def _() -> None:
    async def receive(self: WebSocket) -> Message:
        if (event := self.next_event()) is not None:
            return event
        while (event := self.next_event()) is None or event["type"] == "websocket.disconnect":
            await self.channel.changed.wait()
        return event

    WebSocket.receive = receive  # type: ignore[method-assign]


@_patched("ws-disconnect-before-messages", "websocket.disconnect.messages-first", "rfc6455.*", "rfc7692.*")
def _() -> None:
    original = WebSocket.end

    def end(self: WebSocket, disconnect: Disconnect) -> None:
        if disconnect.code != 1006:
            self.messages.clear()
            self.unreceived = 0
        original(self, disconnect)

    WebSocket.end = end  # type: ignore[method-assign]


@_patched(
    "ws-message-after-the-disconnect", "websocket.disconnect.last", "websocket.disconnect.repeatable", "rfc6455.*"
)
def _() -> None:
    original = WebSocket.next_event

    def next_event(self: WebSocket) -> Message | None:
        if self.__dict__.get("told"):
            return {"type": "websocket.receive", "text": "too late"}
        event = original(self)
        self.__dict__["told"] = event is not None and event["type"] == "websocket.disconnect" and self.accepted
        return event

    WebSocket.next_event = next_event  # type: ignore[method-assign]


def _code(name: str, breaks: str, change: Callable[[int], Any], *also: str) -> None:
    @received(name, breaks, *also)
    def _(event: Message) -> None:
        if event["type"] == "websocket.disconnect":
            event["code"] = change(event["code"])


_code("ws-code-is-a-str", "websocket.disconnect.code.type", str, "websocket.disconnect.code.*", "rfc6455.*", "core.*")
_code(
    "ws-code-always-1000",
    "websocket.disconnect.code.value",
    lambda code: code if code in (1005, 1006) else 1000,
    *("rfc6455.*", "rfc7692.*"),
)
_code(
    "ws-no-code-is-1000", "websocket.disconnect.code.no-code", lambda code: 1000 if code == 1005 else code, "rfc6455.*"
)
_code(
    "ws-no-frame-is-1000",
    "websocket.disconnect.code.no-frame",
    lambda code: 1000 if code == 1006 else code,
    *("websocket.disconnect.code.handshake", "rfc6455.*"),
)


@_patched("ws-no-handshake-is-1000", "websocket.disconnect.code.handshake")
def _() -> None:
    original = WebSocket.how_it_ended

    def how_it_ended(self: WebSocket) -> Disconnect | None:
        end = original(self)
        return end if end is None or self.accepted else Disconnect(1000)

    WebSocket.how_it_ended = how_it_ended  # type: ignore[method-assign]


@received("ws-reason-left-out", "websocket.disconnect.reason.value", "websocket.disconnect.reason.*", "rfc6455.*")
def _(event: Message) -> None:
    event.pop("reason", None)


@received(
    "ws-reason-is-bytes", "websocket.disconnect.reason.type", "websocket.disconnect.reason.*", "rfc6455.*", "core.*"
)
def _(event: Message) -> None:
    if isinstance(event.get("reason"), str):
        event["reason"] = event["reason"].encode()


# --- the close --------------------------------------------------------------------------------------------------------


@_patched("ws-close-says-nothing", "websocket.close.after-accept", "websocket.*", "rfc6455.*", "rfc7692.*", "core.*")
def _() -> None:
    original = WebSocket.close

    def close(self: WebSocket, message: websocket_events.Close) -> None:
        if not self.accepted:
            original(self, message)

    WebSocket.close = close  # type: ignore[method-assign]


@sent("ws-close-code-always-1000", "websocket.close.code.value", "rfc6455.*", "websocket.disconnect.code.*")
async def _(event: Any, send: Send) -> None:
    if is_a(event, "websocket.close") and isinstance(event.get("code"), int) and event["code"] >= 1000:
        event = {**event, "code": 1000}
    await send(event)


@sent("ws-close-code-defaults-to-1001", "websocket.close.code.default", "rfc6455.*", "rfc7692.*")
async def _(event: Any, send: Send) -> None:
    await send({"code": 1001, **event} if is_a(event, "websocket.close") else event)


@sent("ws-close-reason-left-out", "websocket.close.reason.value", "rfc6455.*")
async def _(event: Any, send: Send) -> None:
    if is_a(event, "websocket.close") and isinstance(event.get("reason"), str):
        event = {key: value for key, value in event.items() if key != "reason"}
    await send(event)


@sent("ws-close-reason-by-default", "websocket.close.reason.default", "rfc6455.*")
async def _(event: Any, send: Send) -> None:
    if is_a(event, "websocket.close") and not event.get("reason"):
        event = {**event, "reason": "closed"}
    await send(event)


# --- send on a closed connection --------------------------------------------------------------------------------------


@sent(
    "ws-send-after-close-returns",
    "websocket.send-after-close.raises",
    *(
        "websocket.disconnect.then-send-raises",
        "websocket.send-after-close.*",
        "websocket.denial.*",
        "core.send.*",
        "rfc6455.*",
    ),
)
async def _(event: Any, send: Send) -> None:
    try:
        await send(event)
    except ClientDisconnected:
        return


@sent(
    "ws-send-after-close-raises-no-oserror",
    "websocket.send-after-close.oserror",
    *("websocket.send-after-close.not-logged", "websocket.send-after-close.server-specific"),
)
async def _(event: Any, send: Send) -> None:
    try:
        await send(event)
    except ClientDisconnected:
        raise RuntimeError("closed") from None


@_patched("ws-error-of-send-kills", "websocket.send-after-close.caught", "*")
def _() -> None:
    original = Call.on_application_error

    def on_application_error(self: Call, error: BaseException) -> None:
        if isinstance(error, ClientDisconnected):
            os._exit(70)
        original(self, error)

    Call.on_application_error = on_application_error  # type: ignore[method-assign]


@_patched("ws-error-of-send-logged", "websocket.send-after-close.not-logged")
def _() -> None:
    original = Call.on_application_error

    def on_application_error(self: Call, error: BaseException) -> None:
        if isinstance(error, ClientDisconnected):
            print("ERROR: the client has disconnected", file=sys.stderr)
        original(self, error)

    Call.on_application_error = on_application_error  # type: ignore[method-assign]


@_patched(
    "ws-send-after-own-close-returns", "websocket.send-after-close.own-close", "websocket.denial.*", "core.send.*"
)
def _() -> None:
    original = WebSocket.send

    async def send(self: WebSocket, event: Message) -> None:
        if not self.finished:
            await original(self, event)

    WebSocket.send = send  # type: ignore[method-assign]


@_patched(
    "ws-message-after-own-close-sent",
    "websocket.send-after-close.own-close.no-effect",
    *("websocket.send-after-close.own-close", "rfc6455.*"),
)
def _() -> None:
    original = WebSocket.send

    async def send(self: WebSocket, event: Message) -> None:
        if self.finished and self.accepted and is_a(event, "websocket.send") and not self.channel.ended:
            data = websocket_events.check(event, ("websocket.send",))
            assert isinstance(data, websocket_events.Data)
            self.write_message(data)
            return
        await original(self, event)

    WebSocket.send = send  # type: ignore[method-assign]


# --- the end of the application ---------------------------------------------------------------------------------------


@_patched("ws-unanswered-left-waiting", "websocket.application-ends.handshake.ends", "core.*", "websocket.denial.*")
def _() -> None:
    original = WebSocket.run

    async def run(self: WebSocket) -> None:
        await original(self)
        if self.__dict__.get("unanswered"):
            while not self.channel.gone:
                await self.channel.changed.wait()

    def on_unanswered(self: WebSocket) -> None:
        self.__dict__["unanswered"] = True

    WebSocket.run = run  # type: ignore[method-assign]
    WebSocket.on_unanswered = on_unanswered  # type: ignore[method-assign]


@_patched("ws-left-open-by-the-application", "websocket.application-ends.accepted.ends", "core.*", "rfc6455.*")
def _() -> None:
    original = WebSocket.on_application_end

    def on_application_end(self: WebSocket) -> None:
        if not self.accepted:
            original(self)

    WebSocket.on_application_end = on_application_end  # type: ignore[method-assign]
