"""Faults in what ``send`` accepts, refuses, and does once the client has left."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel

from asgi_conformance.servers.reference.call import is_disconnect
from asgi_conformance.servers.reference.channel import Channel
from asgi_conformance.servers.reference.events import Application, Receive, Scope, Send
from asgi_conformance.servers.reference.exchange import Exchange
from asgi_conformance.servers.reference.faults.registry import fault, send_fault, server_fault

TYPES = ("http.response.start", "http.response.body", "http.response.trailers")


def _is(event: Any, kind: str) -> bool:
    return isinstance(event, dict) and event.get("type") == kind


# --- events that are accepted though they are wrong -------------------------------------------------------------------


@send_fault("accepts-unknown-types", "core.send.unknown-type.raises")
async def _(event: Any, send: Send) -> None:
    if isinstance(event, dict) and isinstance(event.get("type"), str) and event["type"] not in TYPES:
        return
    await send(event)


@send_fault("accepts-events-without-a-type", "core.send.missing-key.raises")
async def _(event: Any, send: Send) -> None:
    if isinstance(event, dict) and "type" not in event:
        return
    await send(event)


@send_fault("accepts-anything-but-dicts", "core.send.not-a-dict.raises")
async def _(event: Any, send: Send) -> None:
    if isinstance(event, dict):
        await send(event)


@send_fault("accepts-types-that-are-no-str", "http.start.type.type", "http.body.type.type")
async def _(event: Any, send: Send) -> None:
    if isinstance(event, dict) and not isinstance(event.get("type", ""), str):
        return
    await send(event)


@send_fault("status-defaults-to-200", "http.start.status.required", "core.send.missing-key.raises")
async def _(event: Any, send: Send) -> None:
    if _is(event, "http.response.start"):
        event = {"status": 200, **event}
    await send(event)


@send_fault("accepts-any-status", "http.start.status.type")
async def _(event: Any, send: Send) -> None:
    if _is(event, "http.response.start") and "status" in event and not isinstance(event["status"], int):
        event = {**event, "status": 200}
    await send(event)


def _right_headers(headers: Any) -> bool:
    try:
        pairs = [list(pair) for pair in headers]
    except TypeError:
        return False
    return not isinstance(headers, (str, bytes, dict)) and all(
        len(pair) == 2 and all(isinstance(part, bytes) for part in pair) for pair in pairs
    )


@send_fault("accepts-any-headers", "http.start.headers.type", "core.send.wrong-type.raises", "http.start.headers.shape")
async def _(event: Any, send: Send) -> None:
    if _is(event, "http.response.start") and not _right_headers(event.get("headers", [])):
        event = {**event, "headers": []}
    await send(event)


@send_fault("encodes-str-in-headers", "core.send.wrong-type.raises", "http.start.headers.type")
async def _(event: Any, send: Send) -> None:
    def encoded(part: Any) -> Any:
        return part.encode("latin-1") if isinstance(part, str) else part

    if _is(event, "http.response.start") and isinstance(event.get("headers"), list):
        pairs = [[encoded(p) for p in pair] if isinstance(pair, list) else pair for pair in event["headers"]]
        event = {**event, "headers": pairs}
    await send(event)


@send_fault("accepts-any-body", "http.body.body.type")
async def _(event: Any, send: Send) -> None:
    if _is(event, "http.response.body") and not isinstance(event.get("body", b""), bytes):
        event = {**event, "body": b""}
    await send(event)


@send_fault("accepts-any-more-body", "http.body.more-body.type")
async def _(event: Any, send: Send) -> None:
    if _is(event, "http.response.body"):
        event = {**event, "more_body": bool(event.get("more_body", False))}
    await send(event)


@fault("accepts-any-order", "core.send.wrong-order.raises")
def _(application: Application) -> Application:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def lenient(event: Any) -> None:
            nonlocal started
            if _is(event, "http.response.body") and not started:
                return
            if _is(event, "http.response.start") and started:
                return
            await send(event)
            started = started or _is(event, "http.response.start")

        await application(scope, receive, lenient)

    return faulty


# --- events that are refused though they are right --------------------------------------------------------------------


@send_fault("refuses-additional-keys", "core.send.extra-keys-accepted")
async def _(event: Any, send: Send) -> None:
    known = {"type", "status", "headers", "trailers", "body", "more_body"}
    if isinstance(event, dict) and isinstance(event.get("type"), str) and set(event) - known:
        raise ValueError("unknown key")
    await send(event)


@fault("refused-event-is-the-last", "core.send.invalid-event.no-effect", "rfc9110.*", "http.transfer-encoding.ignored")
def _(application: Application) -> Application:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        refused = False

        async def offended(event: Any) -> None:
            nonlocal refused
            if refused:
                raise RuntimeError("an event was refused before")
            try:
                await send(event)
            except (ValueError, TypeError):
                refused = True
                raise

        await application(scope, receive, offended)

    return faulty


@send_fault("text-refused-and-sent", "core.send.invalid-event.no-effect")
async def _(event: Any, send: Send) -> None:
    try:
        await send(event)
    except TypeError:
        if isinstance(event, dict) and isinstance(event.get("body"), str):
            await send({"type": "http.response.body", "body": event["body"].encode(), "more_body": True})
        raise


# --- how long send takes ----------------------------------------------------------------------------------------------


@fault("send-never-returns", "core.send.returns", "http.body.*", "core.*")
def _(application: Application) -> Application:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        count = 0

        async def stuck(event: Any) -> None:
            nonlocal count
            count += 1
            if count > 15:
                await anyio.sleep_forever()
            await send(event)

        await application(scope, receive, stuck)

    return faulty


@server_fault("send-never-waits", "core.send.back-pressure")
def _() -> None:
    async def flush(self: Exchange) -> None:
        await anyio.lowlevel.checkpoint()

    Exchange.flush = flush  # type: ignore[method-assign, assignment]


@server_fault("send-waits-for-ever", "core.send.unblocked-by-close")
def _() -> None:
    original = Channel.flush

    async def flush(self: Channel) -> None:
        try:
            await original(self)
        except OSError:
            await anyio.sleep_forever()
        if self.broken:
            await anyio.sleep_forever()

    Channel.flush = flush  # type: ignore[method-assign]


# --- once the client has left -----------------------------------------------------------------------------------------


def _after_client_left(
    name: str, breaks: str, *also: str, variant: str = ""
) -> Callable[[Callable[[Exchange], None]], None]:
    def declare(react: Callable[[Exchange], None]) -> None:
        def replace() -> None:
            Exchange.after_client_left = react  # type: ignore[method-assign, assignment]

        server_fault(name, breaks, *also, variant=variant)(replace)

    return declare


@_after_client_left(
    "send-after-close-returns",
    "http.send-after-close.raises",
    "http.send-after-close.oserror",
    "http.disconnect.then-send-raises",
)
def _(exchange: Exchange) -> None:
    pass


@_after_client_left(
    "send-after-close-raises-runtime-error", "http.send-after-close.oserror", "http.send-after-close.not-logged"
)
def _(exchange: Exchange) -> None:
    raise RuntimeError("the client has left")


@_after_client_left("send-after-close-raises-too-soon", "core.send.after-close.no-op", variant="2.3")
def _(exchange: Exchange) -> None:
    raise OSError("the client has left")


def _disconnect_error(name: str, breaks: str, *also: str) -> Callable[[Callable[[BaseException], None]], None]:
    def declare(react: Callable[[BaseException], None]) -> None:
        def replace() -> None:
            original = Exchange.on_application_error

            def on_application_error(self: Exchange, error: BaseException) -> None:
                if is_disconnect(error):
                    react(error)
                original(self, error)

            Exchange.on_application_error = on_application_error  # type: ignore[method-assign, assignment]

        server_fault(name, breaks, *also)(replace)

    return declare


@_disconnect_error(
    "dies-of-its-own-error",
    "http.send-after-close.caught",
    "http.send-after-close.*",
    "core.send.error-caught-and-ignored",
)
def _(error: BaseException) -> None:
    os._exit(70)


@_disconnect_error("logs-its-own-error", "http.send-after-close.not-logged")
def _(error: BaseException) -> None:
    traceback.print_exception(type(error), error, error.__traceback__, file=sys.stderr)
