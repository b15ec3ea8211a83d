"""One request and the application's answer to it (www.rst, "HTTP"): one call of the application.

Everything that the server decides about an exchange is a method of its own.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import anyio
import h11

from asgi_conformance.servers.reference import events, scope, wire
from asgi_conformance.servers.reference.call import Call
from asgi_conformance.servers.reference.channel import READ_AHEAD
from asgi_conformance.servers.reference.events import Headers, Message, Scope

if TYPE_CHECKING:
    from asgi_conformance.servers.reference.http1 import HTTP1

DISCARD = 4 * READ_AHEAD  # how much of a body that nobody received is read to keep the connection


class Exchange(Call):
    def __init__(self, connection: HTTP1, request: h11.Request) -> None:
        super().__init__(connection, request)
        self.http10 = request.http_version == b"1.0"

        self.body_read = False  # the request's body has come to its end
        self.refused = False  # the request's body has turned out not to be HTTP

        self.expected = "http.response.start"  # the only event type that may come next
        self.start: events.Start | None = None
        self.on_wire = False  # the head of the response has been written
        self.complete = False  # nothing that the application sends can change the response any more

        # How the response's body is delimited: not at all, as there is none, or by one of the other three.
        self.bodiless = False
        self.remaining: int | None = None  # bytes that Content-Length still promises
        self.chunked = False
        self.until_close = False

    async def run(self) -> None:
        """Call the application once, in a task of its own, and leave the connection in order in any case."""
        async with anyio.create_task_group() as task:
            task.start_soon(self.call_application)
        if self.client_left:
            self.persistent = False
        elif not self.complete:
            self.on_incomplete()
        # A task that the application left behind must not write into the next response, nor wait for ever.
        self.complete = True
        self.channel.changed.notify()
        await self.discard_body()

    def build_scope(self) -> Scope:
        stream, server = self.channel.stream, self.server
        built = scope.build(self.request, stream.remote, stream.local, server.root_path, server.lifespan.state)
        built["asgi"]["spec_version"] = server.spec_version
        return built

    # What the application receives

    async def receive(self) -> Message:
        while (event := self.next_event()) is None:
            self.send_continue()
            await self.channel.changed.wait()
        return event

    def next_event(self) -> Message | None:
        """What there is to receive now, None while there is nothing.

        First the body, in pieces as they arrive, even if the client has left after sending it. Then nothing
        until the response is complete or the client has left; from then on always http.disconnect.
        """
        if not (self.body_read or self.refused or self.complete):
            try:
                body = self.next_piece()
            except h11.RemoteProtocolError as error:
                self.on_bad_body(error)
            else:
                if body is not None:
                    return self.request_event(body, more_body=not self.body_read)
        return self.disconnect_event() if self.complete or self.client_left else None

    def request_event(self, body: bytes, more_body: bool) -> Message:
        """www.rst, "Request - receive event"."""
        return {"type": "http.request", "body": body, "more_body": more_body}

    def disconnect_event(self) -> Message:
        """www.rst, "Disconnect - receive event"."""
        return {"type": "http.disconnect"}

    @property
    def client_left(self) -> bool:
        return self.channel.gone or self.refused

    def next_piece(self) -> bytes | None:
        """The body bytes that have arrived, de-chunked (www.rst, "HTTP"); None if none have."""
        pieces, size = [], 0
        while not self.body_read and size < READ_AHEAD:
            event = self.connection.parse()
            if isinstance(event, h11.Data):
                pieces.append(bytes(event.data))
                size += len(event.data)
            elif isinstance(event, h11.EndOfMessage):
                self.body_read = True
            else:
                break
        return b"".join(pieces) if pieces or self.body_read else None

    def send_continue(self) -> None:
        """The application wants a body that the client may be holding back (RFC 9110, section 10.1.1)."""
        if self.connection.h11.they_are_waiting_for_100_continue and not self.on_wire:
            self.channel.write(self.connection.h11.send(wire.CONTINUE) or b"")

    def on_bad_body(self, error: h11.RemoteProtocolError) -> None:
        """Nobody knows where this body ends. To the application it is as if the client had left."""
        self.refused = True
        if self.on_wire:
            self.truncate()
        else:
            self.connection.answer_error(error.error_status_hint)

    async def discard_body(self) -> None:
        """Read the rest of a body that nobody received, or end the connection (RFC 9112, section 9.3)."""
        size = 0
        while self.persistent and not self.body_read:
            try:
                body = self.next_piece()
            except h11.RemoteProtocolError:
                self.persistent = False
                return
            size += len(body or b"")
            if size > DISCARD or self.channel.gone or self.server.stopping:
                self.persistent = False
            elif body is None:
                await self.channel.changed.wait()

    # What the application sends

    async def send(self, event: Message) -> None:
        if self.complete:
            self.after_final_body(event)
            return
        if self.channel.broken or self.refused:  # one that has closed its side may still read
            self.after_client_left()
            return
        message = self.check(event)
        if isinstance(message, events.Start):
            # Held until the first body (www.rst, "Response Start"): so long an error is answered with 500.
            self.start = message
            self.expected = "http.response.body"
            return
        assert self.start is not None
        if isinstance(message, events.Body):
            self.write(self.start, message.body, last=not message.more_body and not self.start.trailers)
            if not message.more_body:
                self.expected = "http.response.trailers"
        else:
            # The extension is not offered, so the fields are dropped; but the response ends only here.
            self.write(self.start, b"", last=not message.more_trailers)
        await self.flush()

    def check(self, event: object) -> events.Start | events.Body | events.Trailers:
        return events.check(event, self.expected)

    def after_final_body(self, event: object) -> None:
        """www.rst, "Response Body": any further messages on the channel will be ignored."""

    def write(self, start: events.Start, body: bytes, last: bool) -> None:
        head = [] if self.on_wire else [wire.head(start.status, self.frame_headers(start))]
        pieces = self.frame_body(body, last)  # raises if the length is wrong, before anything is written
        self.on_wire = True
        self.channel.write(*head, *pieces)
        if last:
            self.finish()

    def frame_headers(self, start: events.Start) -> Headers:
        """The application's header fields in their order, then the server's; and how the body is delimited.

        www.rst, "Response Start": Transfer-Encoding is the server's alone. RFC 9112, section 6.3: the body is
        as long as Content-Length says, or chunked, or, for an HTTP/1.0 client, ends with the connection.
        """
        headers = [field for field in start.headers if field[0] != b"transfer-encoding"]
        self.bodiless = self.request.method == b"HEAD" or start.status in (204, 205, 304)
        self.remaining = None if self.bodiless else start.content_length
        unknown_length = not self.bodiless and self.remaining is None
        self.chunked = unknown_length and not self.http10
        self.until_close = unknown_length and self.http10
        if start.status in (204, 205):  # RFC 9110, sections 8.6 (none in a 204) and 15.3.6 (205: no content)
            headers = [field for field in headers if field[0] != b"content-length"]
        if start.status == 205:
            headers.append((b"content-length", b"0"))
        if self.chunked:
            headers.append((b"transfer-encoding", b"chunked"))
        if not any(name == b"date" for name, _ in headers):  # RFC 9110, section 6.6.1
            headers.append((b"date", wire.date()))
        return headers + self.connection_headers(headers)

    def connection_headers(self, headers: Headers) -> Headers:
        """Whether the connection persists (RFC 9112, section 9.3), and the field to say so, if needed."""
        asked = wire.connection_options(self.request.headers)
        answered = wire.connection_options(headers)
        self.persistent = (
            b"close" not in asked | answered
            and (b"keep-alive" in asked or not self.http10)
            and not self.until_close
            # Nobody knows whether a body that was not asked for is still going to come.
            and not self.connection.h11.they_are_waiting_for_100_continue
            and not self.server.stopping
        )
        if not self.persistent:
            return [] if b"close" in answered else [(b"connection", b"close")]
        return [(b"connection", b"keep-alive")] if self.http10 else []

    def frame_body(self, body: bytes, last: bool) -> list[bytes]:
        """The body as it goes on the wire. An event that breaks the promised Content-Length is refused."""
        if self.bodiless:  # RFC 9110, sections 9.3.2 (HEAD), 15.3.5 (204), 15.3.6 (205) and 15.4.5 (304)
            return []
        if self.remaining is not None:
            if len(body) > self.remaining or (last and len(body) < self.remaining):
                raise ValueError(f"{len(body)} bytes of body where content-length leaves {self.remaining}")
            self.remaining -= len(body)
        if not self.chunked:
            return [body]
        return wire.chunk(body) + ([wire.LAST_CHUNK] if last else [])

    def finish(self) -> None:
        """www.rst, "Response Body": the response is complete. Where the connection ends too, it ends now."""
        self.complete = True
        self.channel.changed.notify()
        if not self.persistent:
            self.channel.end()

    # What goes wrong in the application (its exceptions: see `Call`)

    def on_incomplete(self) -> None:
        """The application is done and the response is not: answer 500, or show that it is cut off."""
        print("the application ended before its response was complete", file=sys.stderr)
        self.persistent = False
        if self.on_wire:
            self.truncate()
        else:
            self.answer_500()

    def answer_500(self) -> None:
        self.connection.answer_error(500, head=self.request.method == b"HEAD")

    def truncate(self) -> None:
        """Close without the last chunk or the promised bytes, which shows (RFC 9112, section 8).

        Where the end of the connection is the regular end of the body, a reset shows it.
        """
        if self.until_close:
            self.channel.reset()
        else:
            self.channel.end()
