"""One HTTP/1.1 connection (RFC 9112): its requests one after the other, in the order in which they came."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import h11

from asgi_conformance.servers.reference import handshake, wire
from asgi_conformance.servers.reference.channel import Channel
from asgi_conformance.servers.reference.exchange import Exchange
from asgi_conformance.servers.reference.websocket import WebSocket

if TYPE_CHECKING:
    from asgi_conformance.servers.reference.server import Server

MAX_HEAD = 65536  # the longest request head that is read


class HTTP1:
    """The server's end of a connection.

    h11 parses, with a new parser for each request. It is pulled: by this class for the head of a request, and
    by the application's `receive()` for the body.
    """

    def __init__(self, server: Server, channel: Channel) -> None:
        self.server = server
        self.channel = channel
        self.h11 = self.new_parser()
        self.idle = True  # nothing has been given to the parser

    def new_parser(self) -> h11.Connection:
        return h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)

    async def serve(self) -> None:
        try:
            async with anyio.create_task_group() as pumps:
                pumps.start_soon(self.channel.pump_in)
                pumps.start_soon(self.channel.pump_out)
                await self.answer_requests()
                await self.channel.drain()
                pumps.cancel_scope.cancel()
            if self.channel.ended:  # if not, there is no response that could get lost
                await self.channel.linger()
        finally:
            await self.channel.stream.aclose()

    async def answer_requests(self) -> None:
        """While the connection persists. Pipelined requests wait in the channel (RFC 9112, section 9.3.2)."""
        while (request := await self.next_request()) is not None:
            call = self.new_call(request)
            await call.run()
            if not call.persistent:
                self.channel.end()
                return

    def new_call(self, request: h11.Request) -> Exchange | WebSocket:
        return WebSocket(self, request) if handshake.is_handshake(request) else Exchange(self, request)

    async def next_request(self) -> h11.Request | None:
        """The head of the next request; None if there will be none.

        There is none when the client has left, when the server stops, and after a request that is refused.
        """
        self.channel.incoming[:0] = self.h11.trailing_data[0]
        self.h11 = self.new_parser()
        self.idle = True
        while True:
            try:
                event = self.parse()
            except h11.RemoteProtocolError as error:
                self.answer_error(self.status_of(error))
                return None
            if isinstance(event, h11.Request):
                status = self.refusal(event)
                if status is None:
                    return event
                self.answer_error(status)
                return None
            if self.channel.gone or self.server.stopping:
                return None
            await self.channel.changed.wait()

    def parse(self) -> object:
        """h11's next event, from all that has been read; h11.NEED_DATA if that does not suffice."""
        if self.idle:
            self.skip_blank_lines()
        while (event := self.h11.next_event()) is h11.NEED_DATA and self.channel.incoming:
            self.h11.receive_data(self.channel.take())
            self.idle = False
        return event

    def skip_blank_lines(self) -> None:
        """Line ends before a request line are ignored (RFC 9112, section 2.2)."""
        while self.channel.incoming.startswith((b"\r", b"\n")):
            del self.channel.incoming[:1]

    def status_of(self, error: h11.RemoteProtocolError) -> int:
        """How to refuse a head that is none. h11 does not tell what it is that was too long (RFC 9112, section 3)."""
        method, space, rest = self.h11.trailing_data[0].partition(b"\n")[0].partition(b" ")
        if error.error_status_hint == 431 and len(method + rest) > MAX_HEAD // 2:
            return 414 if space else 501
        return error.error_status_hint

    def refusal(self, request: h11.Request) -> int | None:
        status = wire.refusal(request)
        return handshake.refusal(request) if status is None and handshake.is_handshake(request) else status

    def answer_error(self, status: int, head: bool = False) -> None:
        """A response of the server's own, then the end of the connection. `head`: leave out the body."""
        body = wire.REASONS[status] + b"\n"
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
            (b"date", wire.date()),
            (b"connection", b"close"),
            *(handshake.UPGRADE_REQUIRED if status == 426 else ()),
        ]
        self.channel.write(wire.head(status, headers), b"" if head else body)
        self.channel.end()
