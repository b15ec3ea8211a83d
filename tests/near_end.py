"""The near end of the probe's control connection, and servers that call the probe, for the tests of the probe."""

from __future__ import annotations

import asyncio
import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trio

from asgi_conformance.fixtures.probe import asgi_probe
from asgi_conformance.fixtures.probe.asgi_probe import pack, unpack

LONGEST = 20.0  # seconds for what takes a millisecond on an idle machine
Event = dict[str, Any]


class NearEnd:
    """What a test holds of one application call: it sends commands and takes reports, one at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._connection.settimeout(LONGEST)
        self._buffer = bytearray()
        self._numbers = itertools.count(1)
        self.hello = self.report()

    def command(self, name: str, **fields: Any) -> int:
        """Send a command and return the number of its step."""
        number = next(self._numbers)
        self.send({"do": name, "step": number, **fields})
        return number

    def send(self, *messages: dict[str, Any]) -> None:
        """Send messages in one piece."""
        self._connection.sendall(b"".join(map(pack, messages)))

    def report(self) -> dict[str, Any]:
        """Wait for the next report; raises ``EOFError`` when the probe has closed the connection."""
        while (message := unpack(self._buffer)) is None:
            data = self._connection.recv(65536)
            if not data:
                raise EOFError
            self._buffer += data
        return message

    def ask(self, name: str, **fields: Any) -> dict[str, Any]:
        """Send a command and return the report on it, which has to be the next."""
        number = self.command(name, **fields)
        report = self.report()
        assert report["step"] == number
        return report

    def value(self, name: str, **fields: Any) -> Any:
        """Send a command and return its value."""
        return self.ask(name, **fields)["value"]

    def over(self) -> bool:
        """Tell whether the probe closes the connection without another report."""
        try:
            self.report()
        except EOFError:
            return True
        return False

    def close(self) -> None:
        """Go away."""
        self._connection.close()


@contextmanager
def listener(kind: str, folder: Path) -> Iterator[tuple[socket.socket, str]]:
    """Listen as the suite does, and yield the socket and the control address."""
    with socket.socket(socket.AF_UNIX if kind == "unix" else socket.AF_INET) as listening:
        listening.bind(str(folder / "control") if kind == "unix" else ("127.0.0.1", 0))
        listening.listen()
        listening.settimeout(LONGEST)
        name = listening.getsockname()
        yield listening, f"unix:{name}" if kind == "unix" else "tcp:{}:{}".format(*name)


class Server:
    """One call of the probe by a server, in an event loop and a thread of its own.

    ``receive`` gives the events that a test puts in; with none left it waits until ``send`` is given an event of the
    type ``next``, and returns that. ``send`` raises what the test puts in, and keeps the events.
    """

    library: str

    def __init__(self, scope: Any) -> None:
        self.scope = scope
        self.events: list[Event] = []
        self.sent: list[Event] = []
        self.errors: list[BaseException] = []
        self.ended: BaseException | str | None = None  # what the call raised, or "returned", or "cancelled"
        self.entered = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        raise NotImplementedError

    async def _wait(self) -> None:
        raise NotImplementedError

    def _wake(self) -> None:
        raise NotImplementedError

    def cancel(self) -> None:
        """Cancel the call from the server's side."""
        raise NotImplementedError

    def start(self) -> None:
        """Call the probe."""
        self._thread.start()

    def join(self) -> BaseException | str | None:
        """Wait for the call to end and return how it did."""
        self._thread.join(LONGEST)
        assert not self._thread.is_alive(), "the call of the probe does not end"
        return self.ended

    async def receive(self) -> Event:
        """Give the next event."""
        self.entered.set()
        if not self.events:
            await self._wait()
        return self.events.pop(0)

    async def send(self, event: Event) -> None:
        """Take an event, let ``receive`` go on if it is for that, and raise what the test has put in."""
        self.sent.append(event)
        if self.errors:
            raise self.errors.pop(0)
        if isinstance(event, dict) and event.get("type") == "next":
            self.events.append(event)
            self._wake()


class AsyncioServer(Server):
    """A server on asyncio."""

    library = "asyncio"

    def _run(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._next = asyncio.Event()
        self._call = asyncio.ensure_future(self._called())
        await asyncio.wait([self._call])
        if self._call.cancelled():
            self.ended = "cancelled"
        else:
            self.ended = self._call.exception() or "returned"

    async def _called(self) -> None:
        await asgi_probe.app(self.scope, self.receive, self.send)

    async def _wait(self) -> None:
        await self._next.wait()
        self._next.clear()

    def _wake(self) -> None:
        self._next.set()

    def cancel(self) -> None:
        self._loop.call_soon_threadsafe(self._call.cancel)


class TrioServer(Server):
    """A server on trio."""

    library = "trio"

    def _run(self) -> None:
        trio.run(self._main)

    async def _main(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._next = trio.Event()
        with trio.CancelScope() as self._scope:
            try:
                await asgi_probe.app(self.scope, self.receive, self.send)
                self.ended = "returned"
            except (Exception, asgi_probe.ProbeExit) as error:  # whatever it is, the test looks at it
                self.ended = error
        if self._scope.cancelled_caught:
            self.ended = "cancelled"

    async def _wait(self) -> None:
        await self._next.wait()
        self._next = trio.Event()

    def _wake(self) -> None:
        self._next.set()

    def cancel(self) -> None:
        self._token.run_sync_soon(self._scope.cancel)


SERVERS: dict[str, Callable[[Any], Server]] = {"asyncio": AsyncioServer, "trio": TrioServer}
