"""What every reproduction is made of: ``repro`` puts a header in the place of this text, and a record below."""

from __future__ import annotations

import argparse
import ast
import asyncio
import base64
import contextlib
import enum
import itertools
import os
import re
import shlex
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading  # noqa: F401 - for values in the record
import time
import types
import zlib
from typing import Any, Callable, Iterable

# --- what stands in the record where Python has no literal ---


class Text(str):
    """A subclass of str."""


class Bytes(bytes):
    """A subclass of bytes."""


class Dict(dict):  # type: ignore[type-arg]
    """A subclass of dict."""


def number(value: int) -> Any:
    """Return a member of an IntEnum."""
    return enum.IntEnum("Number", {"value": value})(value)  # type: ignore[operator]


def unpacked(text: str) -> bytes:
    """Return long bytes."""
    return zlib.decompress(base64.b64decode(text))


# --- the record -------------------------------------------------------------------------------------------------------
# BEGIN

CHECK = ""
REQUIREMENTS: Any = []
EXPECTED = ""
COMPLAINT = ""
SERVER: Any = {"name": "", "distribution": None, "version": "", "python": "", "install": ""}
COMMAND: Any = []
FILES: Any = {}
CERTIFICATE: Any = None
IDENTITY: Any = None
LISTENS = ""
ENVIRONMENT: Any = {}
IGNORED: Any = ()
HOST = "127.0.0.1"
STATE: Any = {}
ADDRESS: Any = ""
LOCAL_PORTS: Any = {}
TIMELINE: Any = []

# END
# --- the application, which the server imports from this file ---------------------------------------------------------

CONTROL = "ASGI_REPRODUCTION"  # the environment variable that says where the replay listens
READY = "/is-the-server-ready"
RESPONSE = ({"type": "http.response.start", "status": 204, "headers": []}, {"type": "http.response.body", "body": b""})
ACTIONS = {"returns", "raises", "cancels", "starts", "awaits", "awaits carelessly", "is let go"}
OBSERVED = (
    *("comes up and", "from now on", "takes no more requests", "still takes requests", "has logged", "has not logged"),
    *("leaves processes behind", "leaves no process behind"),
    *("leaves the file of its socket", "removes the file of its socket"),
)
SIGNALS = {
    "pauses in the process of": signal.SIGSTOP,
    "goes on in the process of": signal.SIGCONT,
    "is killed in the process of": signal.SIGKILL,
}
CALLS: set[Any] = set()  # that are under way, with their tasks, which nobody else may hold on to
UNEXPECTED = "call beside the record"
BY_ITSELF = -1  # what a call of the lifespan is told of which nothing stands in the record


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Do in each call, step by step, what the application did in the recorded one."""
    if is_of_a_lifespan(scope) and not any(entry[1] == "begins" and is_of_a_lifespan(entry[2]) for entry in TIMELINE):
        await ordinary_lifespan(scope, receive, send)
    elif str(scope.get("path")).endswith(READY):  # behind a root path, with some servers
        for event in RESPONSE:
            await send(event)
    else:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            await CallOnTrio(scope, receive, send).run()
        else:
            await Call(scope, receive, send).run()


async def ordinary_lifespan(scope: Any, receive: Any, send: Any) -> None:
    """Complete the startup, and the shutdown when it is time."""
    await receive()
    if isinstance(scope.get("state"), dict):
        scope["state"].update(STATE)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


def is_of_a_lifespan(scope: Any) -> bool:
    """Tell a lifespan's scope from that of a connection, also where its type is wrong."""
    if not isinstance(scope, dict):
        return False
    return scope.get("type") == "lifespan" or ("asgi" in scope and not {"path", "headers"} & scope.keys())


class ApplicationError(Exception):
    """What the application raises."""


class Call:
    """One call of the application. It is told the places in TIMELINE of its steps, and reports what comes of them."""

    cancelled: type[BaseException] = asyncio.CancelledError  # what a cancelled step is left by
    cancellation: type[BaseException] = asyncio.CancelledError  # what the application raises for one

    def __init__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope, self.receive, self.send = scope, receive, send
        self.asked_to_cancel: set[int] = set()
        self.left = self.busy = False
        self.last_error: BaseException | None = None
        host, _, port = os.environ[CONTROL].rpartition(":")
        self.control = host, int(port)
        self.main: Any = None
        self.queue: Any = None
        self.writer: Any = None
        self.tasks: dict[int, Any] = {}

    async def run(self) -> None:
        self.main = asyncio.current_task()
        CALLS.add(self)
        self.queue = asyncio.Queue()
        reader, self.writer = await asyncio.open_connection(*self.control)
        await self.report("begins", self.scope, os.getpid(), id(asyncio.get_running_loop()))
        reading = asyncio.ensure_future(self.listen(reader))
        error = None
        try:
            error = await self.follow()
        except asyncio.CancelledError:
            if not self.left:
                await self.report("ends", "cancelled")
                raise
            if hasattr(self.main, "uncancel"):
                self.main.uncancel()
        finally:
            for task in (reading, *self.tasks.values()):
                task.cancel()
            self.writer.close()
            CALLS.discard(self)
        if error is not None:
            raise error

    def start(self, *step: Any) -> None:
        task = self.tasks[step[0]] = asyncio.ensure_future(self.step(*step))
        if step[0] in self.asked_to_cancel:
            asyncio.get_running_loop().call_soon(task.cancel)  # once the step is under way

    def interrupt(self) -> None:
        if self.busy:
            self.main.cancel()

    async def report(self, *what: Any) -> None:
        self.writer.write(repr(plain(what)).encode() + b"\n")

    async def listen(self, reader: asyncio.StreamReader) -> None:
        while not self.left:
            self.take(await reader.readline())

    def take(self, line: bytes) -> None:
        """Take the place of a step in the record; an empty line is the end of the replay."""
        place = int(line) if line else None
        entry: Any = (None, "is let go") if place is None else ("", place) if place < 0 else TIMELINE[place]
        if entry[1] == "cancels":
            self.asked_to_cancel.add(entry[2])
            if entry[2] in self.tasks:
                self.tasks[entry[2]].cancel()
        elif entry[1] == "is let go":
            self.left = True
            self.queue.put_nowait(None)
            self.interrupt()
        else:
            self.queue.put_nowait(entry)

    async def follow(self) -> BaseException | None:
        """Take steps until one of them ends the call; return what it is to raise."""
        while True:
            entry = await self.queue.get()
            if entry is None:
                return None
            verb = entry[1]
            if verb == BY_ITSELF:
                await ordinary_lifespan(self.scope, self.receive, self.send)
                return None
            if verb == "returns":
                await self.report("ends", "return")
                return None
            if verb == "raises":
                await self.report("ends", "raise")
                return self.error(*entry[2:])
            if verb == "starts":
                self.start(*entry[2:])
                continue
            self.busy = True
            error = await self.step(*entry[2:])
            self.busy = False
            if verb == "awaits carelessly" and error is not None:
                await self.report("ends", "raise")
                return error

    def error(self, kind: str, text: str) -> BaseException:
        if kind == "again" and self.last_error is not None:
            return self.last_error
        kinds: dict[str, type[BaseException]] = {"OSError": OSError, "cancel": self.cancellation}
        return kinds.get(kind, ApplicationError)(text)

    async def step(self, step: int, name: str, *about: Any) -> BaseException | None:
        try:
            return await self.attempt(step, name, *about)
        except asyncio.CancelledError:
            if step in self.asked_to_cancel:
                await self.report("is cancelled in", step)
                return None
            raise

    async def attempt(self, step: int, name: str, *about: Any) -> BaseException | None:
        """Carry out a step and report what came of it; return what it raised, unless it was cancelled."""
        try:
            value = await self.carry_out(name, *about)
        except self.cancelled:
            raise
        except BaseException as error:
            self.last_error = error
            bases = [class_name(base) for base in type(error).__mro__[:-2]]
            await self.report("catches", step, " < ".join(bases), str(error)[:2000])
            return error
        await self.report("gets", step, value)
        return None

    async def carry_out(self, name: str, *about: Any) -> Any:
        if name == "receive":
            return await self.receive()
        if name == "send":
            return await self.send(about[0])
        if name == "block":
            return time.sleep(about[0])  # noqa: ASYNC251 - it blocks on purpose
        if name == "getenv":
            return os.environ.get(about[0])
        *path, last = about[0]
        place = self.scope
        for key in path:
            place = place[key]
        if name == "assign":
            place[last] = about[1]
            return None
        return id(place[last]) if name == "identify" else place[last]


class ApplicationExit(BaseException):
    """What the application raises outside of Exception, on trio, whose own cancellation cannot be raised by hand."""


class CallOnTrio(Call):
    """The same for a server that runs applications on trio."""

    cancellation = ApplicationExit

    async def run(self) -> None:
        self.trio: Any = sys.modules["trio"]
        self.cancelled = self.trio.Cancelled
        send, receive = self.trio.open_memory_channel(float("inf"))
        self.queue = types.SimpleNamespace(put_nowait=send.send_nowait, get=receive.receive)
        self.lock = self.trio.Lock()
        error = None
        async with await self.trio.open_tcp_stream(*self.control) as self.writer:
            await self.report("begins", self.scope, os.getpid(), id(self.trio.lowlevel.current_trio_token()))
            async with self.trio.open_nursery() as self.nursery:
                self.nursery.start_soon(self.listen, self.writer)
                try:
                    error = await self.follow()
                except self.trio.Cancelled:
                    with self.trio.CancelScope(shield=True):
                        await self.report("ends", "cancelled")
                    raise
                self.nursery.cancel_scope.cancel()
        if error is not None:
            raise error  # outside of the nursery, which would make a group of it

    async def report(self, *what: Any) -> None:
        with contextlib.suppress(self.trio.BrokenResourceError, self.trio.ClosedResourceError):
            async with self.lock:
                await self.writer.send_all(repr(plain(what)).encode() + b"\n")

    async def listen(self, reader: Any) -> None:
        rest = b""
        while not self.left:
            try:
                data = await reader.receive_some()
            except (self.trio.BrokenResourceError, self.trio.ClosedResourceError):
                data = b""
            *lines, rest = (rest + data).split(b"\n")
            for line in lines if data else [b""]:
                self.take(line)

    def start(self, *step: Any) -> None:
        self.nursery.start_soon(self.step, *step)

    def interrupt(self) -> None:
        for scope in self.tasks.values():
            scope.cancel()

    async def step(self, step: int, name: str, *about: Any) -> BaseException | None:
        with self.trio.CancelScope() as self.tasks[step]:
            if self.left or step in self.asked_to_cancel:
                self.tasks[step].cancel()
            return await self.attempt(step, name, *about)
        if step in self.asked_to_cancel:  # the scope was left by its cancellation
            await self.report("is cancelled in", step)
        return None


def class_name(cls: type) -> str:
    """Return the qualified name of a class, without builtins."""
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def plain(value: Any) -> Any:
    """Return a value as one that has a literal: of a class of the server's own, its name and repr."""
    cls: Any = type(value)
    if cls in (str, bytes, int, float, bool) or value is None:
        return value
    if cls is dict:
        return {plain(key): plain(item) for key, item in value.items()}
    if cls in (list, tuple):
        return cls([plain(item) for item in value])
    return f"<{class_name(cls)}: {repr(value)[:2000]}>"


# --- the replay -------------------------------------------------------------------------------------------------------

PATIENCE = 10.0  # seconds for what has to come, before --time-scale
IMPATIENCE = 0.5  # and once something has not come
QUIET = 0.4  # seconds without news after which no more is expected to come by itself
BOOT = 20.0
AGAIN = 3.0  # after which a file is saved again whose change nobody has noticed: a server may not have looked yet


class CannotRun(Exception):
    """The server cannot be run; the text says why and what to do."""


class Replay:
    """Both ends of this run: it does what the record says in the record's order, each when what preceded has come."""

    def __init__(self, scale: float) -> None:
        self.scale = scale
        self.seen: list[Any] = []  # as the record's entries
        self.clients: dict[str, Client] = {}
        self.calls: dict[str, CallEnd] = {}
        self.pending: dict[str, Any] = {}  # calls that have not begun yet, with what tells them apart
        self.local_ports: dict[str, int] = {}
        self.started = self.latest = time.monotonic()
        self.news = asyncio.Event()
        self.lines: list[Any] = []
        self.unexpected = 0
        self.lifespans = {entry[0] for entry in TIMELINE if entry[1] == "begins" and is_of_a_lifespan(entry[2])}
        self.looks_at_loops = any(entry[1] == "runs in" for entry in TIMELINE)
        for entry in TIMELINE:
            if entry[1] == "begins":
                self.pending[entry[0]] = key_of(entry[2])

    def tell(self, *entry: Any) -> None:
        """Take down what happens."""
        self.latest = time.monotonic()
        self.seen.append(entry)
        self.lines.append((self.latest - self.started, entry))
        self.news.set()

    def name_of(self, scope: Any) -> str:
        """Return which of the recorded calls this one is."""
        key = key_of(scope)
        alike = [name for name, other in self.pending.items() if other[0] == key[0]]
        same = [name for name in alike if self.pending[name] == key] or alike
        if not same:
            self.unexpected += 1
            return f"{UNEXPECTED} {self.unexpected}"
        del self.pending[same[0]]
        return same[0]

    async def until(self, condition: Callable[[], Any], span: float) -> bool:
        """Wait until the condition holds, or that many seconds have passed; tell which."""
        deadline = time.monotonic() + span * self.scale
        while not condition():
            self.news.clear()
            try:
                await asyncio.wait_for(self.news.wait(), min(0.1, deadline - time.monotonic()))
            except asyncio.TimeoutError:
                if time.monotonic() > deadline:
                    return bool(condition())
        return True

    async def run(self, server: Server) -> None:
        """Follow the record to its end."""
        missing = False
        acted = time.monotonic()
        steps = itertools.groupby(enumerate(TIMELINE), lambda step: (step[1][0], step[1][1] in ACTIONS))
        for (who, told), group in steps:
            if told:  # the steps that the application takes without waiting for anything else
                places = [place for place, entry in group]
                for place in places:
                    self.tell(*TIMELINE[place])
                if who in self.calls:
                    self.calls[who].writer.write(b"".join([b"%d\n" % place for place in places]))
                acted = time.monotonic()
                continue
            for place, entry in group:
                verb = entry[1]
                if verb in ("waits in vain", "waits"):
                    while time.monotonic() < acted + entry[2] * self.scale:
                        rest = acted + entry[2] * self.scale - time.monotonic()
                        await asyncio.sleep(min(rest, AGAIN * self.scale))
                        server.save_again(AGAIN * self.scale)
                    self.tell(*entry)
                elif who == "server" and verb != "ends":
                    await self.turn(server, *entry[1:])
                elif verb in ("connects", "is refused"):
                    self.clients[who] = Client(self, who)
                    await self.clients[who].connect(server, *entry[2:])
                elif verb == "has agreed on":
                    self.tell(who, verb, entry[2], self.clients[who].agreed(entry[2]))
                elif verb == "is over":
                    await self.settle()
                elif verb == "is answered":
                    status = await server.asked(PATIENCE * self.scale)
                    self.tell(who, verb if status == "204" else "is not answered")
                elif who.startswith("client") and verb not in ("receives", "sees"):
                    self.tell(*entry)
                    self.clients[who].act(verb, *entry[2:])
                    await asyncio.sleep(0)  # so that what is written twice is sent twice
                else:
                    patience = BOOT if verb == "begins" and is_of_a_lifespan(entry[2]) else PATIENCE
                    condition = self.condition(place, server)
                    came = False
                    while not came and patience > 0:
                        came = await self.until(condition, min(AGAIN, IMPATIENCE if missing else patience))
                        patience = 0 if missing else patience - AGAIN
                        server.save_again(AGAIN * self.scale)
                    if came and who in self.lifespans:
                        server.changed = ""
                    missing = missing or not came
                    if who == "server":
                        self.look_for_its_end(server)
                    continue
                acted = time.monotonic()
        await self.settle()

    def look_for_its_end(self, server: Server) -> None:
        """Tell that the server has ended, if it has, once."""
        status = server.status
        if status is not None and not server.told:
            server.told = True
            self.tell("server", "ends", status)

    async def turn(self, server: Server, verb: str, *what: Any) -> None:
        """Do to the server what the record says, or look at it as was done then, and take down what is to be seen."""
        if verb in ("comes up and", "from now on"):
            self.tell("server", verb, await server.fate(what[1] * self.scale, verb == "from now on"), *what[1:])
        elif verb in ("takes no more requests", "still takes requests"):
            ceases = await server.ceases(what[0] * self.scale, self.scale)
            self.tell("server", "takes no more requests" if ceases else "still takes requests", *what)
        elif verb in ("has logged", "has not logged"):
            if verb == "has logged":
                await self.until(lambda: server.has_logged(what[0]), IMPATIENCE * 4)
            told = "has logged" if server.has_logged(what[0]) else "has not logged"
            self.tell("server", told, what[0].replace(str(ADDRESS), server.values["port"]))
        elif verb in ("leaves processes behind", "leaves no process behind"):
            await self.until(lambda: not server.processes(), 3.0)
            self.tell("server", "leaves processes behind" if server.processes() else "leaves no process behind")
        elif verb in ("leaves the file of its socket", "removes the file of its socket"):
            self.tell(
                "server",
                "leaves the file of its socket" if server.has_left_its_socket() else "removes the file of its socket",
            )
        else:
            self.tell("server", verb, *what)
            if verb == "is sent":
                server.signal(getattr(signal, what[0]))
            elif verb in SIGNALS:
                for pid in {self.calls[name].pid for name in what if name in self.calls}:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, SIGNALS[verb])
            elif verb == "logs from here on":
                server.mark = len(server.whole_log())
            elif verb == "finds its application changed to":
                server.change(what[0])
            else:  # it is started, or killed and started again
                if server.process is not None:
                    server.kill()
                server.start()

    async def settle(self) -> None:
        """Wait until nothing more comes by itself."""
        deadline = time.monotonic() + 5 * self.scale
        while time.monotonic() < min(deadline, self.latest + QUIET * self.scale):  # noqa: ASYNC110
            await asyncio.sleep(QUIET / 8)  # that nothing comes has no sign

    def condition(self, place: int, server: Server) -> Callable[[], Any]:
        """Return what tells whether that which was recorded here has come, or something that excludes it."""
        entry = TIMELINE[place]
        who, verb = entry[:2]
        if who == "server":
            return lambda: server.status is not None
        if verb == "receives":
            due = sum(len(e[2]) for e in TIMELINE[: place + 1] if e[:2] == (who, "receives"))
            client = self.clients[who]
            return lambda: client.received >= due or client.over
        if verb == "sees":
            return lambda: self.clients[who].over
        if verb in ("begins", "runs in"):
            return lambda: who in self.calls
        if verb == "ends":
            return lambda: any(e[:2] == (who, "ends") for e in self.seen)
        ends = ("gets", "catches", "is cancelled in")
        return lambda: any(e[0] == who and (e[1] == "ends" or (e[1] in ends and e[2] == entry[2])) for e in self.seen)


class Client(asyncio.Protocol):
    """One connection to the server."""

    def __init__(self, replay: Replay, name: str) -> None:
        self.replay, self.name = replay, name
        self.received = 0
        self.over = self.left = False
        self.transport: Any = None

    async def connect(self, server: Server, offer: Any = None) -> None:
        loop = asyncio.get_running_loop()
        address = server.address
        try:
            if isinstance(address, str):
                await loop.create_unix_connection(lambda: self, address)
            else:
                context = server.context(offer)
                name = HOST if context is not None else None
                await loop.create_connection(lambda: self, *address, ssl=context, server_hostname=name)
                self.replay.local_ports[self.name] = self.transport.get_extra_info("sockname")[1]
        except OSError:
            self.over = True
            self.replay.tell(self.name, "is refused")
        else:
            self.replay.tell(self.name, "connects")

    def agreed(self, what: str) -> Any:
        """Return the version, the suite or the protocol that is in use over TLS."""
        layer = self.transport.get_extra_info("ssl_object") if self.transport is not None else None
        if layer is None:
            return None
        if what == "suite":
            return (layer.cipher() or ("",))[0]
        return layer.version() if what == "version" else layer.selected_alpn_protocol()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        self.replay.tell(self.name, "receives", data)

    def eof_received(self) -> None:
        self.end("end")

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None and not self.over and not self.left and self.agreed("version") is None:
            raw = self.transport.get_extra_info("socket")
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(raw.fileno())) as rest:
                for data in iter(lambda: rest.recv(1 << 16), b""):  # what came before the reset
                    self.data_received(data)
        self.end("reset" if isinstance(exc, ConnectionError) else "end")

    def end(self, how: str) -> None:
        if not self.over and not self.left:
            self.replay.tell(self.name, "sees", how)
        self.over = True

    def act(self, verb: str, data: bytes = b"") -> None:
        """Do what the record says."""
        if self.transport is None:
            return
        with contextlib.suppress(OSError):  # the server may have left
            if verb == "writes":
                self.transport.write(data.replace(f":{ADDRESS}".encode(), b":%d" % self.port()))
            elif verb == "ends its sending side":
                self.transport.write_eof()
            elif verb == "stops reading":
                self.transport.pause_reading()
            elif verb == "reads again":
                self.transport.resume_reading()
            else:
                self.left = True
                if verb == "closes":
                    self.transport.close()
                    return
                raw = self.transport.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.transport.abort()

    def port(self) -> int:
        name = self.transport.get_extra_info("peername")
        return name[1] if isinstance(name, tuple) else 0


class CallEnd:
    """The replay's end of one call of the application."""

    def __init__(self, replay: Replay, writer: asyncio.StreamWriter) -> None:
        self.replay, self.writer = replay, writer
        self.pid = 0

    async def listen(self, reader: asyncio.StreamReader) -> None:
        """Take the reports of the application, to the end of the call."""
        name = ""
        while True:
            line = await reader.readline()
            if not line:
                return
            what = ast.literal_eval(line.decode())
            if what[0] != "begins":
                self.replay.tell(name, *what)
                continue
            _, scope, *loop = what
            self.pid = loop[0]
            name = self.replay.name_of(scope)
            self.replay.calls[name] = self
            self.replay.tell(name, "begins", scope)
            if self.replay.looks_at_loops:
                self.replay.tell(name, "runs in", *loop)
            if is_of_a_lifespan(scope) and name.startswith(UNEXPECTED):
                self.writer.write(b"%d\n" % BY_ITSELF)


def key_of(scope: Any) -> Any:
    """Return what tells one call from another, beginning with what it is a call for."""
    if not isinstance(scope, dict):
        return False, None
    headers = scope.get("headers")
    hosts = [h[1] for h in headers if h and h[0] == b"host"] if isinstance(headers, (list, tuple)) else []
    return is_of_a_lifespan(scope), scope.get("type"), scope.get("path"), repr(hosts)


# --- the server -------------------------------------------------------------------------------------------------------


class Server:
    """The server's process, with its own command line, and this file as the application's module."""

    def __init__(self, command: list[str], python: str, control: str) -> None:
        parent = tempfile.gettempdir()
        if len(os.fsencode(parent)) > 80:  # the path of a Unix socket may have some hundred bytes
            parent = "/tmp"
        self.folder = tempfile.mkdtemp(prefix="asgi-", dir=parent)
        shutil.copy(os.path.abspath(__file__), os.path.join(self.folder, "reproduction.py"))
        family = socket.AF_INET6 if ":" in HOST else socket.AF_INET
        self.listener = socket.socket(family)  # that the server inherits, or finds in its place
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((HOST, 0))
        port = self.listener.getsockname()[1]
        if LISTENS:
            self.listener.listen(100)
        path = os.path.join(self.folder, "socket")
        self.address = path if any("{path}" in word for word in command) else (HOST, port)
        self.values = {
            "python": python,
            "bin": os.path.dirname(python),
            "app": "reproduction:app",
            "host": HOST,
            "port": str(port),
            "path": path,
            "folder": self.folder,
            "certfile": os.path.join(self.folder, str(CERTIFICATE)),
            "keyfile": os.path.join(self.folder, str(CERTIFICATE)),
            "cafile": os.path.join(self.folder, "authority.pem"),
            "fd": str(self.listener.fileno()),
        }
        self.argv = [self.filled(word) for word in command]
        self.control = control
        self.process: Any = None
        self.told = False  # whether its end has been
        self.mark = 0  # in its log
        self.changed = ""  # what the application has been changed to, while nothing came of that
        self.saved = 0.0
        for name, content in FILES.items():
            self.write(name, self.filled(content))

    def filled(self, template: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda match: self.values.get(match.group(1), match.group()), template)

    def write(self, name: str, content: str) -> None:
        """Write a file so that nobody sees half of it."""
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(content)
        os.replace(path + ".new", path)

    def start(self) -> None:
        """Start the process."""
        self.told = False
        environment = {key: value for key, value in os.environ.items() if not key.startswith(IGNORED)}
        environment.update({key: self.filled(value) for key, value in ENVIRONMENT.items()})
        folders = sorted({os.path.join(self.folder, os.path.dirname(name)) for name in FILES} | {self.folder})
        own = [folder for folder in folders if folder.rstrip("/") != self.folder]
        environment.update({"PYTHONPATH": os.pathsep.join([*own, self.folder]), "PYTHONUNBUFFERED": "1"})
        environment[CONTROL] = self.control
        if not LISTENS:
            self.listener.close()  # the server binds the port
        try:
            with open(os.path.join(self.folder, "log"), "ab") as output:
                self.process = subprocess.Popen(
                    self.argv,
                    cwd=(own or [self.folder])[0],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=[self.listener.fileno()] if LISTENS == "inherited" else [],
                )
        except OSError as error:
            raise CannotRun(f"{self.argv[0]} cannot be run: {error}") from None

    @property
    def status(self) -> Any:
        """The status that the process has ended with."""
        return self.process.poll()

    def context(self, offer: Any = None) -> Any:
        """Return what a client brings to the handshake, if there is one. Who the server says it is is not looked at."""
        offer = {"identity": IDENTITY} if offer is None else offer
        if CERTIFICATE is None or offer.get("clear"):
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if "version" in offer:
            context.minimum_version = context.maximum_version = {
                "1.2": ssl.TLSVersion.TLSv1_2,
                "1.3": ssl.TLSVersion.TLSv1_3,
            }[offer["version"]]
        if "ciphers" in offer:
            context.set_ciphers(offer["ciphers"])
        if "protocols" in offer:
            context.set_alpn_protocols(offer["protocols"])
        if offer.get("identity"):
            context.load_cert_chain(os.path.join(self.folder, offer["identity"]))
        return context

    async def ready(self, scale: float) -> None:
        """Wait until a request is answered by the application."""
        if await self.fate(BOOT * scale, by_itself=False) != "serves requests":
            raise CannotRun(f"{' '.join(self.argv)} did not answer; the end of its log:\n{self.whole_log()[-2000:]}")

    async def fate(self, within: float, by_itself: bool) -> str:
        """Wait until the server serves requests, ends, or, if that counts, answers one by itself; tell what it does."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if self.status is not None:
                return "ends"
            status = await self.asked(min(2.0, max(0.1, deadline - time.monotonic())))
            if status == "204":
                return "serves requests"
            if status and by_itself:
                return f"answers by itself with {status}"
            await asyncio.sleep(0.05)  # nothing but a connection tells that a server listens
        return "neither serves requests nor ends"

    async def ceases(self, within: float, scale: float) -> bool:
        """Wait until an ordinary request is answered no more; tell whether that comes."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if await self.asked(0.5 * scale) != "204":
                return True
            await asyncio.sleep(0.01)  # a signal has no other sign
        return False

    async def asked(self, span: float) -> str:
        """Return the status of an ordinary request, on a connection of its own, if one comes within so many seconds."""
        request = f"GET {READY} HTTP/1.1\r\nHost: another.test\r\n\r\n".encode()
        writer = None
        try:
            if isinstance(self.address, str):
                reader, writer = await asyncio.open_unix_connection(self.address)
            else:
                context = self.context()
                name = HOST if context is not None else None
                reader, writer = await asyncio.open_connection(*self.address, ssl=context, server_hostname=name)
            writer.write(request)
            line = await asyncio.wait_for(reader.readline(), span)
            return line.decode("latin-1").split(" ")[1] if line.startswith(b"HTTP/") else ""
        except (OSError, asyncio.TimeoutError):
            return ""
        finally:
            if writer is not None:
                writer.close()

    def whole_log(self) -> str:
        """Return what the server has written."""
        with open(os.path.join(self.folder, "log"), "rb") as log:
            return log.read().decode(errors="replace")

    def has_logged(self, pattern: str) -> bool:
        return re.search(pattern.replace(str(ADDRESS), self.values["port"]), self.whole_log()[self.mark :]) is not None

    def has_left_its_socket(self) -> bool:
        return isinstance(self.address, str) and os.path.lexists(self.address)

    def change(self, source: str) -> None:
        """Put another source in the place of the application's."""
        self.changed, self.saved = source, time.monotonic()
        self.write("application/served.py", source)

    def save_again(self, after: float) -> None:
        """Save the application's source once more if so many seconds have passed and nobody has noticed its change."""
        if self.changed and time.monotonic() > self.saved + after:
            self.change(self.changed)

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    def processes(self) -> list[int]:
        """Return the processes that the server has started, itself included, and that still run."""
        found = []
        for entry in os.listdir("/proc") if os.path.isdir("/proc") else []:
            with contextlib.suppress(OSError):
                if entry.isdigit():
                    with open(f"/proc/{entry}/environ", "rb") as environment:
                        if f"{CONTROL}={self.control}".encode() in environment.read().split(b"\0"):
                            found.append(int(entry))
        return found

    def kill(self) -> None:
        """End by force what the server has started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for stray in self.processes():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(stray, signal.SIGKILL)

    def stop(self) -> None:
        """End the server and what it has started, and leave nothing behind."""
        if self.process is not None:
            self.signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(2)
            self.kill()
        self.listener.close()
        shutil.rmtree(self.folder, ignore_errors=True)


# --- what came of it --------------------------------------------------------------------------------------------------


def findings(entries: Iterable[Any], places: dict[str, Any]) -> dict[str, str]:
    """Return what the client received and what the application saw, by its name, as texts without ports and dates."""
    found: Any = {}
    asked: Any = {}  # the steps that ask for an object's identity, of which only equality means something
    identities: list[int] = []
    loops: list[Any] = []
    observed = 0
    for who, verb, *what in entries:
        if verb == "receives":
            found[who, "received"] = found.get((who, "received"), b"") + what[0]
        elif verb == "sees":
            found[who, "at the end saw"] = what[0]
        elif verb == "begins":
            scope = what[0] if isinstance(what[0], dict) else {"": what[0]}
            for key, value in scope.items():
                found[who, f"was called with {key}"] = value
        elif verb in ("is not answered", "is refused"):
            found[who, verb] = True
        elif who == "server" and verb in OBSERVED:
            observed += 1
            found["server", f"when it was looked at for time {observed}"] = " ".join([verb, *filter(is_text, what)])
        elif verb == "has agreed on":
            found[who, f"agreed on {what[0]}"] = what[1]
        elif verb == "runs in":
            loops += [tuple(what)] if tuple(what) not in loops else []
            found[who, "ran in"] = f"event loop {loops.index(tuple(what)) + 1}"
        elif verb == "ends" and who == "server":
            found[who, "ended with status"] = "any" if ("server", "ends") in TIMELINE else what[0]
        elif verb == "ends":
            found[who, "ended by"] = what[0]
        elif verb in ("awaits", "starts") and what[1] == "identify":
            asked[who, what[0]] = True
        elif verb == "gets" and (who, what[0]) in asked:
            identities += [what[1]] if what[1] not in identities else []
            found[who, f"step {what[0]} gets"] = f"object {identities.index(what[1])}"
        elif verb in ("gets", "catches", "is cancelled in"):
            value = what[1:] if verb == "catches" else what[1] if verb == "gets" else None
            if isinstance(value, dict) and value.get("type") == "http.request" and isinstance(value.get("body"), bytes):
                found[who, "body"] = found.get((who, "body"), b"") + value["body"]  # however it is cut into events
                value = {k: v for k, v in value.items() if k not in ("body", "more_body")}
            found[who, f"step {what[0]} {verb}"] = value
    return {" ".join(key): normalised(value, places) for key, value in found.items()}


def is_text(value: Any) -> bool:
    """Tell texts from spans of time."""
    return isinstance(value, str)


def normalised(value: Any, places: dict[str, Any]) -> str:
    """Return a value's repr without what differs from run to run."""
    text = repr(ordered(plain(value)))
    text = re.sub(r"(?i)(?<=\\n)(date|server): .*?(?=\\r|\\n|.$)", r"\1: ...", text)
    text = re.sub(r"(?i)(\(b'date', b')[^']*", r"\1...", text)
    text = re.sub(r"0x[0-9a-f]{6,}", "0x...", text)
    for name, place in places.items():
        text = re.sub(rf"(?<!\w){re.escape(str(place))}(?!\w)", f"<{name}>", text)
    return text


def ordered(value: Any) -> Any:
    """Return a plain value with the keys of its dictionaries in one order, which is not the server's to choose."""
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value, key=repr)}
    return type(value)([ordered(item) for item in value]) if isinstance(value, (list, tuple)) else value


def differences(recorded: dict[str, str], now: dict[str, str]) -> list[str]:
    """Return in words what differs."""
    told = []
    for name in [*recorded, *(name for name in now if name not in recorded)]:
        then, this = recorded.get(name, "(nothing)"), now.get(name, "(nothing)")
        if then != this:
            start = next((n for n, (a, b) in enumerate(zip(then, this)) if a != b), min(len(then), len(this)))
            cut = max(0, start - 60) if len(then) > 300 or len(this) > 300 else 0
            lead = "... " if cut else ""
            told += [name, f"    recorded: {lead}{clip(then[cut:])}", f"    now:      {lead}{clip(this[cut:])}"]
    return told


def compared(run: Replay, server: Server) -> list[str]:
    """Return in words what differs in this run from the recorded one."""
    address = server.address if isinstance(server.address, str) else server.address[1]
    now = findings(run.seen, dict(run.local_ports, server=address))
    return differences(findings(TIMELINE, dict(LOCAL_PORTS, server=ADDRESS)), now)


def clip(text: str, longest: int = 240) -> str:
    """Return a text's beginning."""
    return text if len(text) <= longest else f"{text[:longest]} ... ({len(text)} characters)"


def show(lines: Iterable[Any]) -> None:
    """Print what happened on both ends: the client on the left, the application on the right."""
    for at, (who, verb, *what) in lines:
        if verb in ("starts", "awaits", "awaits carelessly"):
            words = f"{verb} {what[0]}: {what[1]}({', '.join(repr(plain(item)) for item in what[2:])})"
        else:
            words = " ".join([verb, *(repr(plain(item)) for item in what)])
        margin = " " * 24 if who.startswith("call") else ""
        print(f"{at * 1000:9.1f}  {margin}{who} {clip(words, 300)}")


async def replay(command: list[str], python: str, scale: float) -> tuple[Replay, Server]:
    """Start the server, replay the record, and return this run and the server's places."""
    run = Replay(scale)
    ends: dict[CallEnd, Any] = {}

    async def called(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        end = CallEnd(run, writer)
        ends[end] = asyncio.current_task()
        await end.listen(reader)
        writer.close()

    listener = await asyncio.start_server(called, "127.0.0.1", 0, limit=1 << 28)
    server = Server(command, python, f"127.0.0.1:{listener.sockets[0].getsockname()[1]}")
    try:
        if TIMELINE[0][1] != "is started":
            server.start()
            await server.ready(scale)
        run.started = time.monotonic()
        await run.run(server)
        run.look_for_its_end(server)
    finally:
        for client in run.clients.values():
            if client.transport is not None:
                client.left = True
                client.transport.abort()
        for end in ends:
            end.writer.close()
        if ends:
            await asyncio.wait(ends.values(), timeout=1)
        listener.close()
        server.stop()
    return run, server


def version_of(python: str) -> str:
    """Return the server's version as that interpreter has it, and the interpreter's."""
    if SERVER["distribution"] is None:
        return SERVER["name"]  # type: ignore[no-any-return]
    code = "import sys; from importlib import metadata; print(metadata.version(sys.argv[1]), sys.version.split()[0])"
    command = [python, "-c", code, SERVER["distribution"]]
    try:
        answer = subprocess.run(command, capture_output=True, check=False)
    except OSError as error:
        raise CannotRun(f"--python {python} cannot be run: {error}") from None
    if answer.returncode != 0:
        raise CannotRun(
            f"{SERVER['name']} is not installed for {python}: "
            f"{python} -m pip install {SERVER['install']}, or say --python PATH"
        )
    return "{} {} on Python {}".format(SERVER["name"], *answer.stdout.decode().split())


def interpreter(given: str) -> str:
    """Return the path of the interpreter that was named."""
    found = shutil.which(given)
    if found is None:
        raise CannotRun(f"--python {given} is no program that can be run")
    return os.path.abspath(found)


def main() -> int:
    """Replay the record, say what came of it, and return the exit status."""
    parser = argparse.ArgumentParser(description=f"Shows that {SERVER['name']} breaks a requirement.")
    parser.add_argument(
        "--python", default=sys.executable, help="the interpreter that has the server (default: this one)"
    )
    parser.add_argument("--time-scale", type=float, default=1.0, help="stretch every deadline, on a slow machine")
    parser.add_argument("--command", help='another server, such as "{python} -m other {app} --bind {host}:{port}"')
    parser.add_argument(
        "--attempts", type=int, default=3, help="how often to try what does not happen each time (default: 3)"
    )
    options = parser.parse_args()
    if options.attempts < 1 or not options.time_scale > 0:
        parser.error("--attempts and --time-scale have to be greater than 0")
    try:
        python = interpreter(options.python)
        version = version_of(python) if options.command is None else "another server"
        command = COMMAND if options.command is None else shlex.split(options.command)
        attempts, different = 0, ["not tried yet"]
        while different and attempts < options.attempts:
            attempts += 1
            run, server = asyncio.run(replay(command, python, options.time_scale))
            different = compared(run, server)
    except CannotRun as error:
        print(error, file=sys.stderr)
        return 2
    margin = "\n" + " " * 13
    for each in REQUIREMENTS:
        print(f'requirement  {each["level"]}, {each["document"]}, "{each["section"]}"{margin}"{each["quote"]}"')
    print(f"expected     {EXPECTED}")
    print(f"complaint    of the recorded run, with {SERVER['name']} {SERVER['version']} on Python {SERVER['python']}:")
    print(" " * 13 + COMPLAINT.replace("\n", margin))
    print(f"this time    {version}: {' '.join(map(shlex.quote, server.argv))}")
    show(run.lines)
    if different:
        print(f"NOT REPRODUCED in {attempts} attempts: something else came of it this time")
        print("\n".join("  " + line for line in different))
        return 1
    times = f" at attempt {attempts}" if attempts > 1 else ""
    print(f"REPRODUCED{times}: the same came of it as in the recorded run")
    return 0


if __name__ == "__main__":
    sys.exit(main())
