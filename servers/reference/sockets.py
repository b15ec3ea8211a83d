"""TCP and Unix sockets: listening, accepting, and a stream of bytes that is no more than the socket.

anyio has streams of its own, but one that it has accepted reads without limit until `receive` has had to wait
for the first time. That would hide from a client that the application is slow.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from typing import Any

import anyio
from anyio.abc import ByteStream

BACKLOG = 1024
Address = str | tuple[str, int] | int  # the path of a Unix socket, host and port, or the descriptor of a listener


def listen(address: Address) -> socket.socket:
    """Raises OSError if the address cannot be had."""
    if isinstance(address, int):
        listener = socket.socket(fileno=os.dup(address))
    elif isinstance(address, str):
        remove_stale(address)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(address)
        listener.listen(BACKLOG)
    else:
        found = socket.getaddrinfo(*address, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, resolved = found[0]
        listener = socket.create_server(resolved[:2], family=family, backlog=BACKLOG)
    listener.setblocking(False)
    return listener


def remove_stale(path: str) -> None:
    """A server that was killed leaves the file behind. Where one still listens, it stays, and cannot be bound."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
        except OSError:
            pass


def stop_listening(listener: socket.socket, address: Address) -> None:
    """The file of a Unix socket goes too; what is inherited is another's, and goes on."""
    listener.close()
    if isinstance(address, str):
        with contextlib.suppress(OSError):
            os.unlink(address)


def shown(address: Address) -> str:
    if isinstance(address, int):
        return f"file descriptor {address}"
    if isinstance(address, str):
        return f"unix:{address}"
    host, port = address[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


async def accept(listener: socket.socket) -> Stream:
    while True:
        await anyio.wait_readable(listener)
        try:
            return Stream(listener.accept()[0])
        except (BlockingIOError, ConnectionAbortedError):
            continue  # it has left again
        except OSError:
            await anyio.sleep(0.1)  # most likely there are no more file descriptors


class Stream(ByteStream):
    """What anyio calls a byte stream, so that others can be put on top of it."""

    def __init__(self, accepted: socket.socket) -> None:
        accepted.setblocking(False)
        self.socket = accepted
        self.remote: list[Any] | None = None  # what the scope's `client` and `server` are (www.rst)
        if accepted.family == socket.AF_UNIX:
            self.local: list[Any] = [accepted.getsockname(), None]
        else:
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.local = [*accepted.getsockname()[:2]]
            with contextlib.suppress(OSError):  # it may have left already
                self.remote = [*accepted.getpeername()[:2]]

    async def receive(self, max_bytes: int = 65536) -> bytes:
        while True:
            await anyio.wait_readable(self.socket)
            try:
                data = self.socket.recv(max_bytes)
            except BlockingIOError:
                continue
            except OSError as error:
                raise anyio.BrokenResourceError from error
            if not data:
                raise anyio.EndOfStream
            return data

    async def send(self, item: bytes) -> None:
        """Returns when the operating system has taken all of it."""
        rest = memoryview(item)
        while rest:
            try:
                rest = rest[self.socket.send(rest) :]
            except BlockingIOError:
                await anyio.wait_writable(self.socket)
            except OSError as error:
                raise anyio.BrokenResourceError from error

    async def send_eof(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    async def aclose(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Make closing send a reset, which no client takes for the regular end of a response."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
