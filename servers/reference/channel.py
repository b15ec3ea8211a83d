"""Bytes to and from one client, bounded in both directions.

Two pumps move bytes between the socket and two buffers. All other code is synchronous: it looks at the
buffers and at `gone`, and while there is nothing for it to do it waits for `changed`. So cancelling whoever
waits cannot lose a byte, and a client that leaves is noticed at once, whatever the application is doing.
"""

from contextlib import suppress

import anyio

from asgi_conformance.servers.reference.sockets import Stream
from asgi_conformance.servers.reference.tls import SecureStream
from asgi_conformance.servers.reference.wakeup import Wakeup

READ_AHEAD = 65536  # unread bytes at which reading stops: a slow application slows the client down
LINGER = 1.0  # seconds that a client gets to close its side


class ClientDisconnected(OSError):
    """Raised out of `send()` (www.rst, "Disconnected Client - send exception")."""

    def __init__(self) -> None:
        super().__init__("the client has disconnected")


class Channel:
    def __init__(self, stream: Stream | SecureStream) -> None:
        self.stream = stream
        self.incoming = bytearray()  # read from the socket, not yet taken
        self.outgoing: list[bytes] = []  # written, not yet taken by the operating system
        self.gone = False  # the client has closed its side, or the connection is broken
        self.broken = False  # nothing that is written can arrive
        self.ended = False  # nothing more will be written
        self.changed = Wakeup()
        self.written = Wakeup()  # for the pump

    async def pump_in(self) -> None:
        """Read while there is room. The end of the stream means that the client has left.

        A client may close only its sending side and still read (RFC 9112, section 9.6), but that cannot be told
        from one that has closed altogether, and one that is gone must not keep an application waiting. So the
        application is told, and what it sends is still written, until the operating system says that it is lost.
        """
        try:
            while True:
                self.incoming += await self.stream.receive(READ_AHEAD)
                self.changed.notify()
                while len(self.incoming) >= READ_AHEAD:
                    await self.changed.wait()
        except anyio.EndOfStream:
            self.leave()
        except anyio.BrokenResourceError:
            self.lose()

    async def pump_out(self) -> None:
        """Hand over what was written. The stream's `send` returns when the operating system has taken it."""
        try:
            while self.outgoing or not self.ended:
                if not self.outgoing:
                    await self.written.wait()
                    continue
                count = len(self.outgoing)
                await self.stream.send(b"".join(self.outgoing))
                del self.outgoing[:count]  # only now, for `flush` looks at it
                self.changed.notify()
            if not self.gone:
                await self.stream.send_eof()
        except anyio.BrokenResourceError:
            self.lose()

    def leave(self) -> None:
        self.gone = True
        self.changed.notify()

    def lose(self) -> None:
        self.broken = True
        self.outgoing.clear()
        self.leave()

    def take(self) -> bytes:
        """All that has been read. Taking it makes room for more."""
        data = bytes(self.incoming)
        self.incoming.clear()
        if len(data) >= READ_AHEAD:
            self.changed.notify()
        return data

    def write(self, *pieces: bytes) -> None:
        if not self.broken:
            self.outgoing.extend(pieces)
            self.written.notify()

    async def flush(self) -> None:
        """Wait until everything that was written has been sent, or is lost."""
        while self.outgoing:
            await self.changed.wait()
        if self.broken:
            raise ClientDisconnected

    def end(self) -> None:
        """Close the sending side as soon as everything that was written has been sent."""
        self.ended = True
        self.written.notify()
        self.changed.notify()

    async def drain(self) -> None:
        """Wait for the last bytes to be sent: as long as it takes, but briefly if the client has left."""
        while self.outgoing and not self.gone:
            await self.changed.wait()
        with anyio.move_on_after(LINGER):
            while self.outgoing:
                await self.changed.wait()

    async def linger(self) -> None:
        """The second half of closing, when the pumps have stopped (RFC 9112, section 9.6).

        Closing a socket to which bytes still come resets the connection, and that can destroy a response
        which the client has not read yet. So: close the sending side, then read and discard until the client
        closes its own.
        """
        if not self.gone:
            with anyio.move_on_after(LINGER), suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                await self.stream.send_eof()
                while True:
                    await self.stream.receive()

    def reset(self) -> None:
        """Instead of an end: for the application the client has left, and the client will see a reset."""
        self.stream.reset()
        self.lose()
