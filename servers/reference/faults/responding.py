"""Faults in the head of a response, in what a client that waits is told, and in how a connection goes on or ends."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel
import h11

from asgi_conformance.servers.reference import events, wire
from asgi_conformance.servers.reference.channel import READ_AHEAD, Channel
from asgi_conformance.servers.reference.events import Headers, Message, Start
from asgi_conformance.servers.reference.exchange import Exchange
from asgi_conformance.servers.reference.faults.registry import server_fault
from asgi_conformance.servers.reference.http1 import HTTP1
from asgi_conformance.servers.reference.sockets import Stream

CLOSE = (b"connection", b"close")
PERSISTENCE = ("rfc9112.persistence.*", "rfc9112.pipelining.order")
FOLDED = re.compile(rb"\r\n[ \t]")
BARE_CR = re.compile(rb"\r(?!\n)")

FramesHead = Callable[[Exchange, Start, Headers], Headers]


def _frames_head(name: str, breaks: str, *also: str) -> Callable[[FramesHead], None]:
    """Declare a function that changes the fields of a response, the server's own included."""

    def declare(change: FramesHead) -> None:
        def replace() -> None:
            original = Exchange.frame_headers

            def frame_headers(self: Exchange, start: Start) -> Headers:
                return change(self, start, original(self, start))

            Exchange.frame_headers = frame_headers  # type: ignore[method-assign]

        server_fault(name, breaks, *also)(replace)

    return declare


def _own_errors(name: str, breaks: str, *also: str) -> Callable[[Callable[[Headers], Headers]], None]:
    """Declare a function that changes the fields of the responses that the server makes itself."""

    def declare(change: Callable[[Headers], Headers]) -> None:
        def replace() -> None:
            original_head, original = wire.head, HTTP1.answer_error

            def answer_error(self: HTTP1, status: int, head: bool = False) -> None:
                wire.head = lambda status, headers: original_head(status, change(headers))
                try:
                    original(self, status, head)
                finally:
                    wire.head = original_head

            HTTP1.answer_error = answer_error  # type: ignore[method-assign]

        server_fault(name, breaks, *also)(replace)

    return declare


def _accepts_headers(name: str, breaks: str, accept: Callable[[bytes, bytes], bool], *also: str) -> None:
    """Declare the fault of writing headers that ``accept`` is true of without a look at them."""

    def replace() -> None:
        original = events.header

        def header(pair: tuple[object, ...]) -> tuple[bytes, bytes]:
            if len(pair) == 2 and all(isinstance(part, bytes) for part in pair) and accept(*pair):  # type: ignore[arg-type]
                return pair  # type: ignore[return-value]
            return original(pair)

        events.header = header

    server_fault(name, breaks, *also)(replace)


def _writes_head(name: str, breaks: str, change: Callable[[int, bytes], bytes], *also: str) -> None:
    """Declare a function that changes the head of every response, as bytes."""

    def replace() -> None:
        original = wire.head
        wire.head = lambda status, headers: change(status, original(status, headers))

    server_fault(name, breaks, *also)(replace)


# --- lines ------------------------------------------------------------------------------------------------------------

_accepts_headers(
    "bare-cr-sent",
    "rfc9112.line.bare-cr-not-sent",
    lambda name, value: BARE_CR.search(name + b": " + value + b"\r\n") is not None,
    "http.start.headers.no-injection",
)
_accepts_headers(
    "folded-lines-sent",
    "rfc9112.fields.obs-fold-not-sent",
    lambda name, value: FOLDED.search(value) is not None or name.startswith(b" "),
    "rfc9112.fields.space-before-first-not-sent",
)
_accepts_headers(
    "names-with-leading-space-sent",
    "rfc9112.fields.space-before-first-not-sent",
    lambda name, value: name.startswith((b" ", b"\t")),
    "rfc9112.fields.obs-fold-not-sent",
)
_writes_head(
    "no-space-before-values",
    "rfc9110.whitespace.single-sp",
    lambda status, head: head.replace(b"\nx-probe: ", b"\nx-probe:"),
)
_writes_head(
    "no-space-without-a-reason",
    "rfc9112.status-line.space",
    lambda status, head: head if status in wire.REASONS else head.replace(b" \r\n", b"\r\n", 1),
)


@server_fault("any-status-sent", "rfc9112.status-line.three-digits", "http.start.status.*")
def _() -> None:
    original = events.read_start

    def read_start(event: Message) -> Start:
        status = event.get("status")
        if isinstance(status, int) and not isinstance(status, bool) and not 100 <= status <= 599:
            return original({**event, "status": 200})._replace(status=status)
        return original(event)

    events.READERS["http.response.start"] = read_start


# --- fields -----------------------------------------------------------------------------------------------------------

ONCE = (b"date", b"server", b"content-length")


@_frames_head("fields-sent-twice", "rfc9110.fields.not-duplicated")
def _(exchange: Exchange, start: Start, headers: Headers) -> Headers:
    twice = [field for field in start.headers if field[0] in ONCE or field[1] == b"text/x-probe"]
    return headers + twice if start.status == 200 and exchange.request.method == b"GET" else headers


@server_fault("any-length-sent", "rfc9110.content-length.grammar", "rfc9112.transfer-encoding.not-with-content-length")
def _() -> None:
    original = events.content_length

    def content_length(headers: Headers) -> int | None:
        good = all(events.DIGITS.fullmatch(value) for name, value in headers if name == b"content-length")
        return original(headers) if good else None

    events.content_length = content_length


@_frames_head("known-length-kept-back", "rfc9110.content-length.known", "rfc9112.*", "rfc9110.*", "core.*", "http.*")
def _(exchange: Exchange, start: Start, headers: Headers) -> Headers:
    if exchange.bodiless or start.content_length is None:
        return headers
    exchange.remaining, exchange.until_close, exchange.persistent = None, True, False
    return [field for field in headers if field[0] != b"content-length"]


def _length_zero(headers: Headers) -> Headers:
    return [field for field in headers if field[0] != b"content-length"] + [(b"content-length", b"0")]


@_frames_head("length-zero-for-head", "rfc9110.content-length.head")
def _(exchange: Exchange, start: Start, headers: Headers) -> Headers:
    return _length_zero(headers) if exchange.request.method == b"HEAD" else headers


@_frames_head("length-zero-for-304", "rfc9110.content-length.304")
def _(exchange: Exchange, start: Start, headers: Headers) -> Headers:
    return _length_zero(headers) if start.status == 304 else headers


@_frames_head("fewer-fields-for-head", "rfc9110.head.same-fields")
def _(exchange: Exchange, start: Start, headers: Headers) -> Headers:
    return [field for field in headers if field[0] != b"content-type" or exchange.request.method != b"HEAD"]


@_frames_head("keep-alive-not-listed", "rfc9110.connection.fields-listed")
def _(exchange: Exchange, start: Start, headers: Headers) -> Headers:
    return [field for field in headers if field != (b"connection", b"keep-alive")] + [(b"keep-alive", b"timeout=5")]


@server_fault("close-in-lower-case-only", "rfc9110.connection.case-insensitive")
def _() -> None:
    def connection_options(headers: Any) -> set[bytes]:
        values = b",".join(value for name, value in headers if name == b"connection")
        return {option.strip() for option in values.split(b",")}

    wire.connection_options = connection_options


# --- dates ------------------------------------------------------------------------------------------------------------


@_frames_head("no-date", "rfc9110.date.generated", "rfc9110.date.*")
def _(exchange: Exchange, start: Start, headers: Headers) -> Headers:
    return [field for field in headers if field[0] != b"date" or field in start.headers]


@_own_errors("no-date-in-own-errors", "rfc9110.date.own-errors")
def _(headers: Headers) -> Headers:
    return [field for field in headers if field[0] != b"date"]


@server_fault("date-of-asctime", "rfc9110.date.format")
def _() -> None:
    wire.date = lambda: time.asctime(time.gmtime()).encode()


@server_fault("date-of-1994", "rfc9110.date.approximate")
def _() -> None:
    wire.date = lambda: b"Sun, 06 Nov 1994 08:49:37 GMT"


@_frames_head("date-of-the-connection", "rfc9110.date.approximate")
def _(exchange: Exchange, start: Start, headers: Headers) -> Headers:
    known = vars(exchange.connection).setdefault("first_date", wire.date())
    given = [field for field in headers if field[0] != b"date"]
    return headers if len(given) == len(headers) or b"date" in dict(start.headers) else [*given, (b"date", known)]


# --- what the end of the body is told by ------------------------------------------------------------------------------

CODINGS = ("http.transfer-encoding.ignored", "rfc9112.transfer-encoding.*")


@_frames_head("other-coding-named", "rfc9112.transfer-encoding.only-chunked", *CODINGS)
def _(exchange: Exchange, start: Start, headers: Headers) -> Headers:
    given = [value for name, value in start.headers if name == b"transfer-encoding" and value != b"chunked"]
    if not given or not exchange.chunked:
        return headers
    others = [field for field in headers if field[0] != b"transfer-encoding"]
    return [*others, (b"transfer-encoding", given[0].removesuffix(b", chunked") + b", chunked")]


@_frames_head("other-coding-without-an-end", "rfc9112.transfer-encoding.chunked-final-or-close", *CODINGS)
def _(exchange: Exchange, start: Start, headers: Headers) -> Headers:
    given = [field for field in start.headers if field[0] == b"transfer-encoding" and field[1] != b"chunked"]
    if not given or not exchange.chunked:
        return headers
    exchange.chunked = False
    return [field for field in headers if field[0] != b"transfer-encoding"] + given


@server_fault(
    "content-behind-a-head",
    "rfc9112.bodiless.ends-with-headers",
    "rfc9110.head.no-content",
    "rfc9110.status-204.no-content",
    "rfc9110.status-304.no-content",
    "rfc9110.status-205.no-content",
    "http.scope.method.*",
)
def _() -> None:
    original = Exchange.frame_body

    def frame_body(self: Exchange, body: bytes, last: bool) -> list[bytes]:
        if not self.bodiless or self.start is None:
            return original(self, body, last)
        length = [value for name, value in self.start.headers if name == b"content-length"]
        return [body or bytes(int(length[0]))] if body or length else []

    Exchange.frame_body = frame_body  # type: ignore[method-assign]


@server_fault("error-to-head-has-content", "rfc9112.bodiless.ends-with-headers", "rfc9110.head.no-content")
def _() -> None:
    def answer_500(self: Exchange) -> None:
        self.connection.answer_error(500)

    Exchange.answer_500 = answer_500  # type: ignore[method-assign]


@_frames_head("ended-by-the-connection", "rfc9112.response.delimited", "rfc9112.*", "rfc9110.*", "core.*", "http.*")
def _(exchange: Exchange, start: Start, headers: Headers) -> Headers:
    if not exchange.chunked:
        return headers
    exchange.chunked, exchange.until_close, exchange.persistent = False, True, False
    return [field for field in headers if field[0] != b"transfer-encoding"]


@_frames_head("end-not-told", "rfc9112.message-delimited", "rfc9112.*", "rfc9110.*", "core.*", "http.*")
def _(exchange: Exchange, start: Start, headers: Headers) -> Headers:
    exchange.chunked = False
    return [field for field in headers if field[0] != b"transfer-encoding"]


@_own_errors("no-length-in-own-errors", "rfc9112.response.delimited")
def _(headers: Headers) -> Headers:
    return [field for field in headers if field[0] != b"content-length"]


# --- statuses ---------------------------------------------------------------------------------------------------------


@server_fault("content-in-205", "rfc9110.status-205.no-content")
def _() -> None:
    frame_headers, frame_body = Exchange.frame_headers, Exchange.frame_body

    def longer(self: Exchange, start: Start) -> Headers:
        headers = frame_headers(self, start)
        return [(name, b"5" if (name, value) == (b"content-length", b"0") else value) for name, value in headers]

    def invented(self: Exchange, body: bytes, last: bool) -> list[bytes]:
        if self.start is not None and self.start.status == 205 and self.request.method != b"HEAD":
            return [b"reset"] if last else []
        return frame_body(self, body, last)

    def headers_of_205(self: Exchange, start: Start) -> Headers:
        return longer(self, start) if start.status == 205 else frame_headers(self, start)

    Exchange.frame_headers, Exchange.frame_body = headers_of_205, invented  # type: ignore[method-assign]


@server_fault(
    "informational-taken-for-the-last",
    "rfc9110.status.one-final",
    "rfc9110.status-1xx.*",
    "http.early-hint.*",
)
def _() -> None:
    read_start, frame_headers = events.read_start, Exchange.frame_headers

    def lenient(event: Message) -> Start:
        status = event.get("status")
        if isinstance(status, int) and 100 <= status <= 199:
            return read_start({**event, "status": 200})._replace(status=status)
        return read_start(event)

    def without_framing(self: Exchange, start: Start) -> Headers:
        headers = frame_headers(self, start)
        if start.status >= 200:
            return headers
        self.bodiless, self.chunked, self.until_close = True, False, False
        return [field for field in headers if field[0] != b"transfer-encoding"]

    events.READERS["http.response.start"] = lenient
    Exchange.frame_headers = without_framing  # type: ignore[method-assign]


@server_fault("old-version-gets-informational", "rfc9110.status-1xx.not-to-1.0")
def _() -> None:
    original = Exchange.send

    async def send(self: Exchange, event: Message) -> None:
        status = event.get("status") if isinstance(event, dict) else None
        if self.http10 and isinstance(status, int) and 100 <= status <= 199:
            self.channel.write(wire.head(status, []))
        await original(self, event)

    Exchange.send = send  # type: ignore[method-assign]


@server_fault("own-errors-without-content", "rfc9110.status-5xx.explained")
def _() -> None:
    def answer_error(self: HTTP1, status: int, head: bool = False) -> None:
        self.channel.write(wire.head(status, [(b"content-length", b"0"), (b"date", wire.date()), CLOSE]))
        self.channel.end()

    HTTP1.answer_error = answer_error  # type: ignore[method-assign]


def _connect(name: str, breaks: str, headers_of: FramesHead) -> None:
    """Declare the fault of taking CONNECT for a method like any other."""

    def replace() -> None:
        refusal, frame_headers = wire.refusal, Exchange.frame_headers

        def lenient(request: h11.Request) -> int | None:
            return None if request.method == b"CONNECT" else refusal(request)

        def framed(self: Exchange, start: Start) -> Headers:
            headers = frame_headers(self, start)
            return headers_of(self, start, headers) if self.request.method == b"CONNECT" else headers

        wire.refusal = lenient
        Exchange.frame_headers = framed  # type: ignore[method-assign]

    also = ("rfc9112.transfer-encoding.not-in-connect", "rfc9110.content-length.not-in-connect", "rfc9110.connect.*")
    server_fault(name, breaks, *also)(replace)


def _with_length(exchange: Exchange, start: Start, headers: Headers) -> Headers:
    exchange.chunked = False
    return _length_zero([field for field in headers if field[0] != b"transfer-encoding"])


_connect("tunnel-is-chunked", "rfc9112.transfer-encoding.not-in-connect", lambda exchange, start, headers: headers)
_connect("tunnel-has-a-length", "rfc9110.content-length.not-in-connect", _with_length)


# --- clients that wait, clients that ask for another protocol ---------------------------------------------------------


def _expects(request: h11.Request) -> list[bytes]:
    return [value for name, value in request.headers if name == b"expect"]


def _sends_continue(name: str, breaks: str, when: Callable[[Exchange], bool], *also: str) -> None:
    """Declare the fault of sending 100 only when ``when`` is true."""

    def replace() -> None:
        original = Exchange.send_continue

        def send_continue(self: Exchange) -> None:
            if when(self):
                original(self)

        Exchange.send_continue = send_continue  # type: ignore[method-assign]

    server_fault(name, breaks, *also)(replace)


_sends_continue(
    "continue-never-sent",
    "rfc9110.expect.answered",
    lambda exchange: False,
    "rfc9110.expect.no-wait",
    "rfc9110.expect.final-follows",
)
_sends_continue(
    "continue-waits-for-the-content",
    "rfc9110.expect.no-wait",
    lambda exchange: bool(exchange.channel.incoming),
    "rfc9110.expect.answered",
    "rfc9110.expect.final-follows",
)
_sends_continue(
    "continue-in-lower-case-only",
    "rfc9110.expect.case-insensitive",
    lambda exchange: _expects(exchange.request) == [b"100-continue"],
)


@server_fault("early-response-kept-back", "rfc9110.expect.answered", "rfc9110.expect.early-final")
def _() -> None:
    original = Exchange.send

    async def send(self: Exchange, event: Message) -> None:
        while self.connection.h11.they_are_waiting_for_100_continue and not self.channel.incoming:
            await self.channel.changed.wait()
        await original(self, event)

    Exchange.send = send  # type: ignore[method-assign]


@server_fault("nothing-after-continue", "rfc9110.expect.final-follows")
def _() -> None:
    send_continue, original = Exchange.send_continue, Exchange.send
    continued: set[Exchange] = set()

    def noting(self: Exchange) -> None:
        if self.connection.h11.they_are_waiting_for_100_continue:
            continued.add(self)
        send_continue(self)

    async def send(self: Exchange, event: Message) -> None:
        if self in continued:
            await anyio.sleep_forever()
        await original(self, event)

    Exchange.send_continue = noting  # type: ignore[method-assign]
    Exchange.send = send  # type: ignore[method-assign]


@server_fault("early-response-says-nothing", "rfc9110.expect.early-final")
def _() -> None:
    original = Exchange.connection_headers

    def connection_headers(self: Exchange, headers: Headers) -> Headers:
        has_body = any(name in (b"content-length", b"transfer-encoding") for name, _ in self.request.headers)
        if not has_body or self.body_read or self.channel.incoming:
            return original(self, headers)
        self.persistent = False
        return []

    Exchange.connection_headers = connection_headers  # type: ignore[method-assign]


@server_fault("old-version-told-to-continue", "rfc9110.expect.not-in-1.0", "rfc9110.status-1xx.not-to-1.0")
def _() -> None:
    original = Exchange.send_continue

    def send_continue(self: Exchange) -> None:
        if self.http10 and _expects(self.request) and not self.on_wire:
            self.channel.write(wire.head(100, []))
        original(self)

    Exchange.send_continue = send_continue  # type: ignore[method-assign]


@server_fault("switches-unasked", "rfc9110.upgrade.only-indicated")
def _() -> None:
    original = Exchange.write

    def write(self: Exchange, start: Start, body: bytes, last: bool) -> None:
        if not self.on_wire and any(name == b"upgrade" for name, _ in self.request.headers) and not self.http10:
            self.channel.write(wire.head(101, [(b"upgrade", b"irc"), (b"connection", b"upgrade")]))
        original(self, start, body, last)

    Exchange.write = write  # type: ignore[method-assign]


@server_fault("old-version-asked-to-upgrade", "rfc9110.upgrade.not-in-1.0")
def _() -> None:
    original = wire.refusal

    def refusal(request: h11.Request) -> int | None:
        upgrades = any(name == b"upgrade" for name, _ in request.headers)
        return 426 if upgrades and request.http_version == b"1.0" else original(request)

    wire.refusal = refusal


# --- what is said of the connection, and what is done -----------------------------------------------------------------


@_frames_head(
    "closes-without-a-word",
    "rfc9112.persistence.unsupported",
    *PERSISTENCE,
    "rfc9110.expect.early-final",
    "rfc9112.closure.*",
)
def _(exchange: Exchange, start: Start, headers: Headers) -> Headers:
    exchange.persistent = False
    return [field for field in headers if field != CLOSE]


@_own_errors("own-errors-without-close", "rfc9112.persistence.close-announced")
def _(headers: Headers) -> Headers:
    return [field for field in headers if field != CLOSE]


@_frames_head("no-close-for-the-old-version", "rfc9112.persistence.close-announced")
def _(exchange: Exchange, start: Start, headers: Headers) -> Headers:
    return [field for field in headers if field != CLOSE] if exchange.http10 else headers


@_frames_head("close-option-not-answered", "rfc9112.persistence.close-answered")
def _(exchange: Exchange, start: Start, headers: Headers) -> Headers:
    asked = b"close" in wire.connection_options(exchange.request.headers)
    return [field for field in headers if field != CLOSE] if asked else headers


@_frames_head("goes-on-after-close", "rfc9112.persistence.nothing-after-close", "rfc9112.persistence.close")
def _(exchange: Exchange, start: Start, headers: Headers) -> Headers:
    if b"close" in wire.connection_options(exchange.request.headers) and not exchange.until_close:
        exchange.persistent = True
    return headers


def _after_its_own_error(self: Exchange) -> None:
    """Answer 500 with the close option, and take the next request as if nothing had been said."""
    if self.on_wire:
        self.persistent = False
        self.truncate()
        return
    fields = [(b"content-length", b"6"), (b"date", wire.date()), CLOSE]
    self.channel.write(wire.head(500, fields), b"" if self.request.method == b"HEAD" else b"error\n")
    self.persistent = True


@server_fault("goes-on-after-its-own-error", "rfc9112.persistence.nothing-after-close-sent")
def _() -> None:
    Exchange.on_incomplete = _after_its_own_error  # type: ignore[method-assign]


@server_fault(
    "unread-body-taken-for-a-request",
    "rfc9112.body.read-or-close",
    "rfc9112.persistence.*",
    "rfc9112.responses.*",
    "rfc9110.expect.early-final",
)
def _() -> None:
    async def discard_body(self: Exchange) -> None:
        await anyio.lowlevel.checkpoint()

    Exchange.discard_body = discard_body  # type: ignore[method-assign]
    Exchange.on_incomplete = _after_its_own_error  # type: ignore[method-assign]


# --- one response to each request -------------------------------------------------------------------------------------

ERRORS = (
    "core.error.after-start.*",
    "rfc9112.incomplete.*",
    "http.body.after-last.*",
    "http.connection.returned-early.*",
)


@server_fault(
    "error-behind-a-response",
    "rfc9112.responses.one-per-request",
    *ERRORS,
    "rfc9112.content-length.delimits",
    "rfc9110.content-length.incorrect",
    "http.start.once",
)
def _() -> None:
    original, incomplete = Exchange.on_application_error, Exchange.on_incomplete

    def on_application_error(self: Exchange, error: BaseException) -> None:
        original(self, error)
        if self.complete:
            self.connection.answer_error(500)

    def on_incomplete(self: Exchange) -> None:
        if self.on_wire:
            self.connection.answer_error(500)
        incomplete(self)

    Exchange.on_application_error = on_application_error  # type: ignore[method-assign, assignment]
    Exchange.on_incomplete = on_incomplete  # type: ignore[method-assign]


@server_fault("response-behind-a-response", "rfc9112.responses.one-per-request", "http.body.after-last.*")
def _() -> None:
    def after_final_body(self: Exchange, event: object) -> None:
        if isinstance(event, dict) and event.get("type") == "http.response.start":
            self.channel.write(wire.head(event["status"], [(b"content-length", b"0")]))

    Exchange.after_final_body = after_final_body  # type: ignore[method-assign]


# --- ends -------------------------------------------------------------------------------------------------------------


@server_fault(
    "impatient-with-clients", "rfc9112.persistence.flow-control", "core.send.*", "http.*", "rfc9112.closure.*"
)
def _() -> None:
    async def send(self: Stream, item: bytes) -> None:
        try:
            sent = self.socket.send(item)
        except OSError as error:
            raise anyio.BrokenResourceError from error
        if sent < len(item):
            self.reset()
            raise anyio.BrokenResourceError

    Stream.send = send  # type: ignore[method-assign]


@server_fault("impatient-with-applications", "rfc9112.persistence.flow-control", "core.*", "http.*", "rfc9112.*")
def _() -> None:
    original = Stream.receive

    async def pump_in(self: Channel) -> None:
        try:
            while len(self.incoming) < READ_AHEAD:
                self.incoming += await original(self.stream, READ_AHEAD)  # type: ignore[arg-type]
                self.changed.notify()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            self.leave()
        else:
            self.incoming.clear()
            self.reset()

    Channel.pump_in = pump_in  # type: ignore[method-assign]


@server_fault("end-between-requests-not-noticed", "rfc9112.closure.monitored")
def _() -> None:
    original = HTTP1.answer_requests

    async def answer_requests(self: HTTP1) -> None:
        await original(self)
        while self.channel.gone and not self.channel.ended and not self.server.stopping:
            await self.channel.changed.wait()

    HTTP1.answer_requests = answer_requests  # type: ignore[method-assign]


@server_fault("closes-at-once", "rfc9112.closure.staged")
def _() -> None:
    async def linger(self: Channel) -> None:
        await anyio.lowlevel.checkpoint()

    Channel.linger = linger  # type: ignore[method-assign]


@server_fault("half-closed-taken-for-closed", "rfc9112.half-close.response")
def _() -> None:
    def leave(self: Channel) -> None:
        self.gone = self.broken = True
        self.outgoing.clear()
        self.changed.notify()

    Channel.leave = leave  # type: ignore[method-assign]
