"""A small ASGI server for HTTP/1.1 that misbehaves when told to: ``fake_server.py [SWITCHES] PORT MODULE:APP``.

It is fast to start, imports nothing but the standard library, and serves one request a connection.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import importlib
import os
import signal
import sys
from typing import Any
from urllib.parse import unquote


class Server:
    """Serves until it is told to stop, with the misbehaviours that ``switches`` names."""

    def __init__(self, app: Any, switches: argparse.Namespace) -> None:
        self.app, self.switches = app, switches
        self.stopping = asyncio.Event()
        self.requests = 0

    async def run(self) -> None:
        """Complete the lifespan's startup, serve, complete its shutdown."""
        if self.switches.ignore_sigterm:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        started, stopped = asyncio.Event(), asyncio.Event()
        events = iter(("lifespan.startup", "lifespan.shutdown"))

        async def receive() -> dict[str, Any]:
            event = next(events)
            if event == "lifespan.shutdown":
                await self.stopping.wait()
            return {"type": event}

        async def send(event: dict[str, Any]) -> None:
            (started if event["type"] == "lifespan.startup.complete" else stopped).set()

        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}}
        lifespan = asyncio.ensure_future(self.app(scope, receive, send))
        await started.wait()
        if not self.switches.ignore_sigterm:  # up to here the signal ends the process
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.stopping.set)
        if self.switches.deaf:
            await self.stopping.wait()
        async with await asyncio.start_server(self.serve, "127.0.0.1", self.switches.port):
            await self.stopping.wait()
        await lifespan

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the one request of a connection."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.requests += 1
            if self.switches.die_at == self.requests:
                print("the fake server dies now", file=sys.stderr, flush=True)
                os._exit(9)
            await Call(reader, writer, head).run(self.app)
        writer.close()


class Call:
    """One call of the application."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        self.reader, self.writer = reader, writer
        request, *lines = head[:-4].split(b"\r\n")
        method, target, version = request.decode("ascii").split(" ")
        path, _, query = target.partition("?")
        fields = [line.split(b":", 1) for line in lines]
        self.headers = [(name.lower(), value.strip()) for name, value in fields]
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": version.removeprefix("HTTP/"),
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode("ascii"),
            "query_string": query.encode("ascii"),
            "root_path": "",
            "headers": self.headers,
            "client": writer.get_extra_info("peername"),
            "server": writer.get_extra_info("sockname"),
        }
        self.body_left = int(dict(self.headers).get(b"content-length", 0))
        self.body_given = False

    async def run(self, app: Any) -> None:
        """Call the application; what it sends ends with the connection."""
        await app(self.scope, self.receive, self.send)

    async def receive(self) -> dict[str, Any]:
        """Give the whole body at once, and then wait for the client to leave."""
        if not self.body_given:
            self.body_given = True
            return {"type": "http.request", "body": await self.reader.readexactly(self.body_left), "more_body": False}
        await self.reader.read()
        return {"type": "http.disconnect"}

    async def send(self, event: dict[str, Any]) -> None:
        """Write the event to the wire as it is."""
        if event["type"] == "http.response.start":
            headers = [*event.get("headers", ()), (b"connection", b"close")]
            self.writer.write(b"HTTP/1.1 %d -\r\n" % event["status"])
            self.writer.writelines(b"%s: %s\r\n" % (bytes(name), bytes(value)) for name, value in headers)
            self.writer.write(b"\r\n")
        else:
            self.writer.write(event.get("body", b""))
        await self.writer.drain()


def main() -> None:
    """Run the server that the command line describes."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("port", type=int)
    parser.add_argument("app")
    parser.add_argument("--ignore-sigterm", action="store_true", help="as if no signal had come")
    parser.add_argument("--deaf", action="store_true", help="run, and never listen")
    parser.add_argument("--exit", action="store_true", help="end at once with status 3")
    parser.add_argument("--die-at", type=int, metavar="N", help="end with status 9 when request N arrives")
    switches = parser.parse_args()
    if switches.exit:
        print("the fake server has better things to do", file=sys.stderr)
        sys.exit(3)
    module, _, name = switches.app.partition(":")
    app = functools.reduce(getattr, name.split("."), importlib.import_module(module))

    async def run() -> None:
        await Server(app, switches).run()

    asyncio.run(run())


if __name__ == "__main__":
    main()
