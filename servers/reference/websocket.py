"""One WebSocket (www.rst, "WebSocket"; RFC 6455): one call of the application, from the handshake to the disconnect.

Two tasks: the application, and `read`, which takes what the client sends whether or not the application receives,
for pings and close frames do not wait for it. Everything that the server decides is a method of its own.
"""

from __future__ import annotations

import math
import sys
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import anyio
import h11
from anyio.abc import TaskGroup

from asgi_conformance.servers.reference import deflate, frames, handshake, scope, websocket_events, wire
from asgi_conformance.servers.reference.call import Call
from asgi_conformance.servers.reference.channel import LINGER, READ_AHEAD
from asgi_conformance.servers.reference.deflate import Agreement, Deflater, Inflater
from asgi_conformance.servers.reference.events import Body, Headers, Message, Scope, Start
from asgi_conformance.servers.reference.exchange import Exchange
from asgi_conformance.servers.reference.frames import ABNORMAL, CLOSE, NO_CODE, PING, PONG, Failure, Piece
from asgi_conformance.servers.reference.messages import Assembler
from asgi_conformance.servers.reference.websocket_events import Accept, Close, Data

if TYPE_CHECKING:
    from asgi_conformance.servers.reference.http1 import HTTP1

# What the application may send, one after the other. (After a close: nothing.)
CONNECTING = ("websocket.accept", "websocket.close", "websocket.http.response.start")
OPEN = ("websocket.send", "websocket.close")
DENYING = ("websocket.http.response.body",)

UNSENT = 1000  # pieces that wait to be sent at which reading stops: pongs that a client asks for and does not read
DONE, BROKEN, RESTARTING = 1000, 1011, 1012  # RFC 6455, section 7.4.1, and IANA's registry


class Disconnect(NamedTuple):
    """RFC 6455, sections 7.1.5 and 7.1.6: _The WebSocket Connection Close Code_ and the reason that came with it."""

    code: int
    reason: str = ""


class Denial(Exchange):
    """extensions.rst, "Websocket Denial Response": an HTTP response like any other, but the connection then closes."""

    def connection_headers(self, headers: Headers) -> Headers:
        self.persistent = False
        return [] if b"close" in wire.connection_options(headers) else [(b"connection", b"close")]


class WebSocket(Call):
    tasks: TaskGroup

    def __init__(self, connection: HTTP1, request: h11.Request) -> None:
        super().__init__(connection, request)
        self.persistent = False  # no request can follow, whatever comes of this one
        self.offered = handshake.subprotocols(request)

        # The application's side
        self.connect_received = False
        self.expected: tuple[str, ...] = CONNECTING  # the event types that may come next
        self.accepted = False
        self.denial: Denial | None = None
        self.finished = False  # the application has sent its last event
        self.last_code = DONE  # with which the server closes when the application has ended and has not

        # The client's side, once the handshake is complete
        self.frames = frames.FrameReader()
        self.assembler = Assembler(None)
        self.deflater: Deflater | None = None
        self.messages: deque[str | bytes] = deque()  # that the application has not received yet
        self.unreceived = 0  # their size
        self.close_sent = False
        self.disconnect: Disconnect | None = None  # the connection has ended, and how
        self.reading = anyio.CancelScope()  # its deadline is that of the client's close frame

    async def run(self) -> None:
        """Call the application once, in a task of its own, and leave the connection closed in any case."""
        async with anyio.create_task_group() as self.tasks:
            async with anyio.create_task_group() as task:
                task.start_soon(self.call_application)
            self.on_application_end()

    def build_scope(self) -> Scope:
        stream, server = self.channel.stream, self.server
        built = scope.build_websocket(
            self.request, stream.remote, stream.local, server.root_path, server.lifespan.state, self.offered
        )
        built["asgi"]["spec_version"] = server.spec_version
        return built

    # What the application receives

    async def receive(self) -> Message:
        while (event := self.next_event()) is None:
            await self.channel.changed.wait()
        return event

    def next_event(self) -> Message | None:
        """What there is to receive now, None while there is nothing.

        First websocket.connect. Then messages, if the application accepts, those too that came right before the end
        of the connection. From then on always websocket.disconnect.
        """
        if not self.connect_received:
            self.connect_received = True
            return self.connect_event()
        if self.messages:
            return self.receive_event(self.next_message())
        end = self.how_it_ended()
        return None if end is None else self.disconnect_event(end)

    def next_message(self) -> str | bytes:
        """Taking one makes room for more."""
        message = self.messages.popleft()
        self.unreceived -= len(message) + 1
        self.channel.changed.notify()
        return message

    def how_it_ended(self) -> Disconnect | None:
        """A handshake that is not completed has no close frames: 1006 (RFC 6455, section 7.1.5)."""
        if not self.accepted and (self.finished or self.channel.gone):
            return Disconnect(ABNORMAL)
        return self.disconnect

    def connect_event(self) -> Message:
        """www.rst, "Connect - receive event"."""
        return {"type": "websocket.connect"}

    def receive_event(self, message: str | bytes) -> Message:
        """www.rst, "Receive - receive event"."""
        return {"type": "websocket.receive", "text" if isinstance(message, str) else "bytes": message}

    def disconnect_event(self, end: Disconnect) -> Message:
        """www.rst, "Disconnect - receive event". The reason was added in version 2.5."""
        event = {"type": "websocket.disconnect", "code": end.code}
        return event if self.server.spec_version == "2.3" else {**event, "reason": end.reason}

    # What the application sends

    async def send(self, event: Message) -> None:
        if self.is_closed:
            self.after_client_left()
            return
        message = self.check(event)
        if isinstance(message, Accept):
            self.accept(message)
        elif isinstance(message, Data):
            self.write_message(message)
        elif isinstance(message, Close):
            self.close(message)
        elif isinstance(message, Start):
            self.begin_denial(message)
        else:
            self.deny(message)
        await self.flush()

    @property
    def is_closed(self) -> bool:
        """www.rst, "Disconnected Client": no matter who has closed the connection."""
        return self.finished or self.close_sent or self.client_left

    @property
    def client_left(self) -> bool:
        return self.channel.gone or self.disconnect is not None

    def check(self, event: object) -> websocket_events.Event:
        message = websocket_events.check(event, self.expected)
        if isinstance(message, Accept):
            self.check_subprotocol(message.subprotocol)
        return message

    def check_subprotocol(self, subprotocol: str | None) -> None:
        """RFC 6455, section 4.2.2, item 4: one of those that the client offers, or none."""
        if subprotocol is not None and subprotocol not in self.offered:
            raise ValueError(f"subprotocol {subprotocol!r} is none of those that the client offers")

    def accept(self, message: Accept) -> None:
        """www.rst, "Accept": complete the handshake. From here on there are frames, in both directions."""
        agreement = self.negotiate()
        extension = None if agreement is None else agreement.field
        self.channel.write(handshake.answer(self.request, message.subprotocol, extension, message.headers))
        self.accepted = True
        self.expected = OPEN
        self.frames = frames.FrameReader(compression=agreement is not None)
        if agreement is not None:
            self.deflater = Deflater(agreement.server_bits, agreement.server_takeover)
            self.assembler = Assembler(Inflater(agreement.client_bits, agreement.client_takeover))
        self.frames.feed(self.connection.h11.trailing_data[0])  # of a client that has not waited for the response
        self.tasks.start_soon(self.read)

    def negotiate(self) -> Agreement | None:
        return deflate.negotiate(handshake.extensions(self.request))

    def write_message(self, data: Data) -> None:
        """www.rst, "Send": in one frame, compressed if that was agreed on."""
        payload = data.payload if self.deflater is None else self.deflater.deflate(data.payload)
        self.channel.write(*frames.frame(data.opcode, payload, compressed=self.deflater is not None))

    def close(self, message: Close) -> None:
        """www.rst, "Close": before the handshake is complete a denial, after it a close frame."""
        self.finish()
        if self.accepted:
            self.write_close(message.code, message.reason)
        else:
            self.connection.answer_error(403)

    def begin_denial(self, start: Start) -> None:
        """extensions.rst, "Websocket Denial Response". Held until the first body, as in an exchange."""
        self.denial = Denial(self.connection, self.request)
        self.denial.start = start
        self.expected = DENYING

    def deny(self, body: Body) -> None:
        assert self.denial is not None
        assert self.denial.start is not None
        self.denial.write(self.denial.start, body.body, last=not body.more_body)
        if not body.more_body:
            self.finish()

    def finish(self) -> None:
        """Nothing that the application sends from now on can change anything; it receives only the disconnect."""
        self.finished = True
        self.messages.clear()
        self.unreceived = 0
        self.channel.changed.notify()

    # What the client sends

    async def read(self) -> None:
        """From the handshake to the end of the connection."""
        with self.reading:
            while self.disconnect is None:
                if self.server.stopping and not self.close_sent:
                    self.on_stopping()
                if not self.read_piece():
                    self.limit_closing()
                    await self.channel.changed.wait()
        if self.disconnect is None:
            self.on_silence()

    def read_piece(self) -> bool:
        """Take the next piece of a frame, or the end of the connection; tell whether there was one."""
        if not self.has_room():
            return False
        try:
            piece = self.next_piece()
            if piece is not None:
                self.on_piece(piece)
        except Failure as failure:
            self.on_failure(failure)
            return True
        if piece is None and self.channel.gone:
            self.on_loss()
        return piece is not None or self.channel.gone

    def has_room(self) -> bool:
        """A slow application slows the client down, and so does a client that does not read what it is sent.

        Behind the server's close frame nothing is kept or answered any more, nor is there anyone to slow down who left.
        """
        slow = self.unreceived >= READ_AHEAD or (len(self.channel.outgoing) >= UNSENT and not self.channel.gone)
        return self.close_sent or not slow

    def next_piece(self) -> Piece | None:
        while (piece := self.frames.next_piece()) is None and self.channel.incoming:
            self.frames.feed(self.channel.take())
        return piece

    def on_piece(self, piece: Piece) -> None:
        """RFC 6455, section 6.2. A pong asks for nothing (section 5.5.3)."""
        if piece.header.opcode == PING:
            self.on_ping(piece.data)
        elif piece.header.opcode == CLOSE:
            self.on_close(piece.data)
        elif not piece.header.is_control and not self.close_sent:
            self.on_data(piece)

    def on_ping(self, payload: bytes) -> None:
        """RFC 6455, sections 5.5.2 and 5.5.3: a pong with the same payload; but nothing follows a close frame."""
        if not self.close_sent:
            self.channel.write(*frames.frame(PONG, payload))

    def on_data(self, piece: Piece) -> None:
        """www.rst, "WebSocket": deliver complete messages to the application. Even an empty one takes room."""
        message = self.assembler.add(piece)
        if message is not None:
            self.messages.append(message)
            self.unreceived += len(message) + 1
            self.channel.changed.notify()

    # How the connection ends

    def on_close(self, payload: bytes) -> None:
        """RFC 6455, section 5.5.1: answer it, unless it is the answer; then the server is the one to close TCP."""
        code, reason = frames.read_close(payload)
        if not self.close_sent:
            self.answer_close(code)
        self.end(Disconnect(NO_CODE if code is None else code, reason))

    def answer_close(self, code: int | None) -> None:
        """RFC 6455, section 5.5.1: with the code that came, if one came."""
        self.write_close(code)

    def on_failure(self, failure: Failure) -> None:
        """RFC 6455, section 7.1.7: tell the client, log it, and read no more, so that there will be no close frame."""
        print(f"failed a WebSocket: {failure.reason}", file=sys.stderr)
        if not self.close_sent:
            self.write_close(failure.code, failure.reason.encode("utf-8"))
        self.end(Disconnect(ABNORMAL, failure.reason))

    def on_loss(self) -> None:
        """RFC 6455, section 7.1.5: the end of the connection without a close frame."""
        self.end(Disconnect(ABNORMAL))

    def on_silence(self) -> None:
        """The client has not answered the server's close frame in time."""
        self.end(Disconnect(ABNORMAL))

    def on_stopping(self) -> None:
        """The server stops, and this would otherwise go on."""
        self.write_close(RESTARTING)

    def limit_closing(self) -> None:
        """The client gets some time for its close frame, once the server's has been sent."""
        if self.close_sent and not self.channel.outgoing and self.reading.deadline == math.inf:
            self.reading.deadline = anyio.current_time() + LINGER

    def write_close(self, code: int | None, reason: bytes = b"") -> None:
        self.close_sent = True
        self.channel.write(*frames.close_frame(code, reason))
        self.channel.changed.notify()

    def end(self, disconnect: Disconnect) -> None:
        """RFC 6455, section 7.1.1: close TCP, the sending side first, behind everything that was written."""
        self.disconnect = disconnect
        self.channel.end()

    # What goes wrong in the application (its exceptions: see `Call`)

    def on_application_error(self, error: BaseException) -> None:
        self.last_code = BROKEN
        super().on_application_error(error)

    def on_application_end(self) -> None:
        """www.rst, "Websocket Connection Scope": if the application dies the socket should be closed."""
        if self.accepted and not self.is_closed:
            self.write_close(self.last_code)
        elif not self.is_closed:
            self.on_unanswered()
        self.finish()

    def on_unanswered(self) -> None:
        """The application is done and the handshake is not: answer 500, or show that the denial is cut off."""
        print("the application ended before the handshake was answered", file=sys.stderr)
        if self.denial is not None and self.denial.on_wire:
            self.denial.truncate()
        else:
            self.connection.answer_error(500)
