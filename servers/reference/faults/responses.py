"""Faults in the response: its status, its headers, its body, and when they are on the wire."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import anyio

from asgi_conformance.servers.reference import events, wire
from asgi_conformance.servers.reference.events import Application, Headers, Message, Receive, Scope, Send, Start
from asgi_conformance.servers.reference.exchange import Exchange
from asgi_conformance.servers.reference.faults.registry import fault, send_fault, server_fault

BODIES = ("http.*", "core.*", "rfc9112.*")  # hardly an exchange does not have one


BODILESS = "rfc9112.bodiless.ends-with-headers"
HELD_OPEN = ("http.connection.long-response", "http.disconnect.not-early")


def _is(event: Any, kind: str) -> bool:
    return isinstance(event, dict) and event.get("type") == kind


def _own(name: bytes) -> bool:
    return name.startswith(b"x") or name in (b"location", b"content-type", b"content-encoding")


def _headers_fault(name: str, breaks: str, *also: str) -> Callable[[Callable[[Headers], Headers]], None]:
    """Declare a function that changes the application's headers on their way to the wire."""

    def declare(change: Callable[[Headers], Headers]) -> None:
        def replace() -> None:
            original = Exchange.frame_headers

            def frame_headers(self: Exchange, start: Start) -> Headers:
                return original(self, start._replace(headers=change(start.headers)))

            Exchange.frame_headers = frame_headers  # type: ignore[method-assign]

        server_fault(name, breaks, *also)(replace)

    return declare


# --- the start --------------------------------------------------------------------------------------------------------


@send_fault("status-off-by-one", "http.start.status.value", "http.*", "rfc9110.*", "rfc9112.*", "core.*")
async def _(event: Any, send: Send) -> None:
    if _is(event, "http.response.start") and isinstance(event.get("status"), int) and event["status"] != 204:
        event = {**event, "status": event["status"] ^ 1}
    await send(event)


@send_fault("start-is-not-sent", "http.start.type.value", "*")
async def _(event: Any, send: Send) -> None:
    if _is(event, "http.response.start") and event.get("status") != 204:
        event = {**event, "status": 404, "headers": []}
    await send(event)


@_headers_fault(
    "header-values-cut", "http.start.headers.exact", "http.start.*", "http.body.after-last.*", "http.start.once"
)
def _(headers: Headers) -> Headers:
    return [(name, value + b"!" if _own(name) else value) for name, value in headers]


@_headers_fault("headers-backwards", "http.start.headers.order", "http.start.headers.*", "http.cookies.set-cookie")
def _(headers: Headers) -> Headers:
    return headers[::-1]


@_headers_fault(
    "headers-joined", "http.start.headers.duplicates", "http.start.headers.order", "http.cookies.set-cookie"
)
def _(headers: Headers) -> Headers:
    joined: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        joined.setdefault(name, []).append(value)
    return [(name, b", ".join(values)) for name, values in joined.items()]


@_headers_fault("cookies-joined", "http.cookies.set-cookie")
def _(headers: Headers) -> Headers:
    cookies = [value for name, value in headers if name == b"set-cookie"]
    others = [field for field in headers if field[0] != b"set-cookie"]
    return [*others, (b"set-cookie", b", ".join(cookies))] if cookies else others


@_headers_fault("headers-dropped", "http.start.headers.shape", "http.start.*")
def _(headers: Headers) -> Headers:
    return [field for field in headers if not field[0].startswith(b"x-")]


@_headers_fault("content-encoding-dropped", "http.start.headers.content-encoding")
def _(headers: Headers) -> Headers:
    return [field for field in headers if field[0] != b"content-encoding"]


@send_fault("headers-required", "http.start.headers.default")
async def _(event: Any, send: Send) -> None:
    if _is(event, "http.response.start") and "headers" not in event:
        raise ValueError("no headers")
    await send(event)


@send_fault("headers-a-list-of-lists-only", "http.start.headers.shape")
async def _(event: Any, send: Send) -> None:
    headers = event.get("headers", []) if _is(event, "http.response.start") else []
    if not isinstance(headers, list) or not all(isinstance(pair, list) for pair in headers):
        raise TypeError("headers are a list of lists")
    await send(event)


@server_fault("trailers-waited-for", "http.start.trailers.default", "*")
def _() -> None:
    original = events.read_start

    def read_start(event: Message) -> Start:
        start = original(event)
        return start._replace(trailers=start.status != 204)

    events.READERS["http.response.start"] = read_start


def _unchecked(name: str, breaks: str, accept: Callable[[bytes, bytes], bool], *also: str) -> None:
    """Declare the fault of writing headers that ``accept`` is true of without a look at them."""

    def replace() -> None:
        original = events.header

        def header(pair: tuple[object, ...]) -> tuple[bytes, bytes]:
            if len(pair) == 2 and all(isinstance(part, bytes) for part in pair) and accept(*pair):  # type: ignore[arg-type]
                return pair  # type: ignore[return-value]
            return original(pair)

        events.header = header

    server_fault(name, breaks, *also)(replace)


_unchecked(
    "pseudo-headers-sent",
    "http.start.headers.pseudo",
    lambda name, value: name.startswith(b":"),
    "rfc9110.sender-grammar",
)
_unchecked(
    "line-breaks-sent",
    "http.start.headers.no-injection",
    lambda name, value: bool(re.search(rb"[\r\n]", name + value)),
    "rfc9112.line.bare-cr-not-sent",
    "rfc9112.fields.obs-fold-not-sent",
)
_unchecked(
    "malformed-headers-sent",
    "rfc9110.sender-grammar",
    lambda name, value: (
        not re.search(rb"[\r\n]", name)
        and (not name or bool(re.search(rb"\0", name + value) or re.search(rb"[ :]", name[1:])))
    ),
)


# --- the body ---------------------------------------------------------------------------------------------------------


def _body_fault(name: str, breaks: str, *also: str) -> Callable[[Callable[[bytes], bytes]], None]:
    """Declare a function that changes the body of each event."""

    def declare(change: Callable[[bytes], bytes]) -> None:
        @send_fault(name, breaks, *also)
        async def changed(event: Any, send: Send) -> None:
            if _is(event, "http.response.body") and isinstance(event.get("body", b""), bytes):
                event = {**event, "body": change(event.get("body", b""))}
            await send(event)

    return declare


@_body_fault("body-changed", "http.body.body.value", *BODIES)
def _(body: bytes) -> bytes:
    return body[::-1] or b"!"


@_body_fault("body-short", "http.body.type.value", *BODIES)
def _(body: bytes) -> bytes:
    return body[:-1]


@send_fault("pieces-dropped", "http.body.body.concatenated", *BODIES)
async def _(event: Any, send: Send) -> None:
    if _is(event, "http.response.body") and event.get("more_body") is True:
        event = {**event, "body": b""}
    await send(event)


@send_fault("empty-piece-ends-the-body", "http.body.body.empty", "http.body.body.default")
async def _(event: Any, send: Send) -> None:
    if _is(event, "http.response.body") and event.get("body", b"") == b"":
        event = {**event, "more_body": False}
    await send(event)


@send_fault("body-required", "http.body.body.default")
async def _(event: Any, send: Send) -> None:
    if _is(event, "http.response.body") and "body" not in event:
        raise ValueError("no body")
    await send(event)


@send_fault("more-body-defaults-to-true", "http.body.more-body.default", "http.body.body.default", *HELD_OPEN)
async def _(event: Any, send: Send) -> None:
    if _is(event, "http.response.body"):
        event = {"more_body": True, **event}
    await send(event)


@fault("held-back-until-the-last", "http.body.flushed", "http.*", "core.*", "rfc9112.*", "rfc9110.*")
def _(application: Application) -> Application:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        held = b""

        async def holding(event: Any) -> None:
            nonlocal held
            if _is(event, "http.response.body") and isinstance(event.get("body", b""), bytes):
                held += event.get("body", b"")
                if event.get("more_body") is True:
                    return
                event, held = {**event, "body": held}, b""
            await send(event)

        await application(scope, receive, holding)

    return faulty


@fault("complete-when-the-application-returns", "http.body.completes", "http.*", "core.*", "rfc9112.*")
def _(application: Application) -> Application:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        begun, last = False, None

        async def deferring(event: Any) -> None:
            nonlocal begun, last
            if _is(event, "http.response.body"):
                if begun and event.get("more_body", False) is False:
                    last = event
                    return
                begun = True
            await send(event)

        await application(scope, receive, deferring)
        if last is not None:
            await send(last)

    return faulty


@send_fault("complete-at-the-first-piece", "http.body.more-body.value", "http.*", "core.*", "rfc9112.*")
async def _(event: Any, send: Send) -> None:
    if _is(event, "http.response.body") and event.get("more_body") is True:
        event = {**event, "more_body": False}
    await send(event)


@server_fault("late-messages-written", "http.body.after-last.ignored", "rfc9112.responses.one-per-request")
def _() -> None:
    def after_final_body(self: Exchange, event: object) -> None:
        assert isinstance(event, dict)
        if _is(event, "http.response.start"):
            self.channel.write(wire.head(event["status"], [(b"x-too-late", b"1")]))
        else:
            self.channel.write(event["body"])

    Exchange.after_final_body = after_final_body  # type: ignore[method-assign]


@server_fault("late-message-never-returns", "http.body.after-last.reaction", "http.body.after-last.ignored")
def _() -> None:
    original = Exchange.send

    async def send(self: Exchange, event: Message) -> None:
        if self.complete:
            await anyio.sleep_forever()
        await original(self, event)

    Exchange.send = send  # type: ignore[method-assign]


def _check_with(name: str, breaks: str, react: Callable[[Exchange, object], None], *also: str) -> None:
    """Declare the fault of doing something with an event that comes when it must not."""

    def replace() -> None:
        original = Exchange.check

        def check(self: Exchange, event: object) -> Any:
            if isinstance(event, dict) and event.get("type") in events.READERS and event["type"] != self.expected:
                react(self, event)
            return original(self, event)

        Exchange.check = check  # type: ignore[method-assign]

    server_fault(name, breaks, *also)(replace)


def _write_head(exchange: Exchange, event: Any) -> None:
    if _is(event, "http.response.start") and event["status"] == 500:
        exchange.channel.write(wire.head(event["status"], [(b"x-second", b"2")]))


def _write_body(exchange: Exchange, event: Any) -> None:
    if _is(event, "http.response.body") and not exchange.on_wire:
        exchange.channel.write(event["body"])


_check_with("second-start-written", "http.start.once", _write_head, "core.send.invalid-event.no-effect")
_check_with("body-without-start-written", "http.body.continues", _write_body, "core.send.*")


# --- framing ----------------------------------------------------------------------------------------------------------


def _framing_fault(
    name: str, breaks: str, *also: str
) -> Callable[[Callable[[Exchange, Start, Headers], Headers]], None]:
    """Declare a function that changes the header section, the server's own fields included."""

    def declare(change: Callable[[Exchange, Start, Headers], Headers]) -> None:
        def replace() -> None:
            original = Exchange.frame_headers

            def frame_headers(self: Exchange, start: Start) -> Headers:
                return change(self, start, original(self, start))

            Exchange.frame_headers = frame_headers  # type: ignore[method-assign]

        server_fault(name, breaks, *also)(replace)

    return declare


@_framing_fault(
    "transfer-encoding-of-the-application-sent", "http.transfer-encoding.ignored", "rfc9112.transfer-encoding.*"
)
def _(exchange: Exchange, start: Start, headers: Headers) -> Headers:
    own = [field for field in start.headers if field[0] == b"transfer-encoding"]
    return [*own, *(field for field in headers if not own or field[0] != b"transfer-encoding")]


@_framing_fault("transfer-encoding-twice", "rfc9112.transfer-encoding.not-twice", "*")
def _(exchange: Exchange, start: Start, headers: Headers) -> Headers:
    return [(n, b"chunked, chunked" if n == b"transfer-encoding" else v) for n, v in headers]


@_framing_fault("no-framing-at-all", "http.transfer-encoding.outbound", "http.*", "core.*", "rfc9112.*")
def _(exchange: Exchange, start: Start, headers: Headers) -> Headers:
    exchange.chunked = False
    return [field for field in headers if field[0] != b"transfer-encoding"]


@_framing_fault("both-framings", "rfc9112.transfer-encoding.not-with-content-length", "http.*", "core.*", "rfc9112.*")
def _(exchange: Exchange, start: Start, headers: Headers) -> Headers:
    if exchange.bodiless or exchange.http10:
        return headers
    if exchange.chunked:
        return [*headers, (b"content-length", b"4")]
    exchange.chunked = True
    return [*headers, (b"transfer-encoding", b"chunked")]


@_framing_fault("transfer-encoding-in-204", "rfc9112.transfer-encoding.not-in-204", "*")
def _(exchange: Exchange, start: Start, headers: Headers) -> Headers:
    return [*headers, (b"transfer-encoding", b"chunked")] if start.status == 204 else headers


@_framing_fault("content-length-in-204", "rfc9110.content-length.not-in-204")
def _(exchange: Exchange, start: Start, headers: Headers) -> Headers:
    return [*headers, (b"content-length", b"0")] if start.status == 204 else headers


def _with_body(name: str, breaks: str, having: Callable[[Exchange, Start], bool], *also: str) -> None:
    @_framing_fault(name, breaks, *also)
    def change(exchange: Exchange, start: Start, headers: Headers) -> Headers:
        if having(exchange, start):
            exchange.bodiless, exchange.chunked = False, True
            return [*headers, (b"transfer-encoding", b"chunked")]
        return headers


_with_body(
    "body-after-head",
    "rfc9110.head.no-content",
    lambda exchange, start: exchange.request.method == b"HEAD",
    "http.scope.method.*",
    BODILESS,
)
_with_body("body-in-204", "rfc9110.status-204.no-content", lambda exchange, start: start.status == 204, "*")
_with_body("body-in-304", "rfc9110.status-304.no-content", lambda exchange, start: start.status == 304, BODILESS)


@server_fault(
    "body-in-1xx", "rfc9110.status-1xx.no-content", "rfc9110.status.one-final", "rfc9110.status-1xx.not-to-1.0"
)
def _() -> None:
    original = events.read_start

    def read_start(event: Message) -> Start:
        if event.get("status") == 103:
            return original({**event, "status": 200})._replace(status=103)
        return original(event)

    events.READERS["http.response.start"] = read_start


@_framing_fault("head-waits-for-its-body", "rfc9110.head.no-content", BODILESS)
def _(exchange: Exchange, start: Start, headers: Headers) -> Headers:
    if exchange.request.method == b"HEAD" and start.content_length:
        exchange.bodiless, exchange.remaining = False, start.content_length
    return headers


@send_fault("length-in-204-never-taken", "rfc9110.content-length.not-in-204", "core.send.returns", BODILESS)
async def _(event: Any, send: Send) -> None:
    if _is(event, "http.response.start") and event.get("status") == 204 and event.get("headers"):
        await anyio.sleep_forever()
    await send(event)
