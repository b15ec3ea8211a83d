"""Faults of the process: in signals, workers, reload, sockets, options, failures to start, and proxy headers."""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio

from asgi_conformance.servers.reference import failures, loading, options, server, sockets
from asgi_conformance.servers.reference.events import Application, Receive, Scope, Send
from asgi_conformance.servers.reference.exchange import Exchange
from asgi_conformance.servers.reference.faults.registry import fault, server_fault
from asgi_conformance.servers.reference.http1 import HTTP1
from asgi_conformance.servers.reference.lifespan import Lifespan
from asgi_conformance.servers.reference.proxies import Proxies
from asgi_conformance.servers.reference.reloading import Reloader
from asgi_conformance.servers.reference.server import Server
from asgi_conformance.servers.reference.sockets import Address, Stream
from asgi_conformance.servers.reference.websocket import WebSocket
from asgi_conformance.servers.reference.workers import Parent

MAIN = os.getpid()  # the process that was launched, whose modules its workers inherit


def process_fault(name: str, breaks: str, *also: str) -> Callable[[Callable[[], None]], None]:
    return server_fault(name, breaks, *also, suite="process")


@server_fault("ends-before-it-starts", "process.signal.exit-status", "*", suite="all processes")
def _() -> None:
    os._exit(70)


# --- signals ----------------------------------------------------------------------------------------------------------


def _ignore(number: int) -> None:
    signal.signal(number, signal.SIG_IGN)
    server.STOP = tuple({*server.STOP} - {number})  # type: ignore[assignment]


@process_fault(
    "sigterm-ignored",
    "process.signal.sigterm",
    "process.signal.*",
    "process.shutdown.*",
    "process.reload.*",
    "process.workers.shutdown",
    "process.socket.unix-removed",
    "process.socket.inherited-left-open",
)
def _() -> None:
    _ignore(signal.SIGTERM)


@process_fault(
    "sigint-ignored", "process.signal.sigint", "process.signal.*", "process.shutdown.*", "process.workers.shutdown"
)
def _() -> None:
    _ignore(signal.SIGINT)


@process_fault("signals-during-startup-ignored", "process.signal.during-startup")
def _() -> None:
    startup = Lifespan.startup

    async def undisturbed(self: Lifespan) -> None:
        before = [signal.signal(number, signal.SIG_IGN) for number in server.STOP]
        await startup(self)
        for number, handler in zip(server.STOP, before, strict=True):
            signal.signal(number, handler)

    Lifespan.startup = undisturbed  # type: ignore[method-assign]


@process_fault("second-signal-ignored", "process.signal.second")
def _() -> None:
    async def hurry(self: Server, signals: Any, handlers: Any) -> None:
        await anyio.sleep_forever()

    Server.hurry = hurry  # type: ignore[method-assign]


# --- graceful shutdown ------------------------------------------------------------------------------------------------


def _cut(begun: bool) -> None:
    """Have exchanges reset when the server stops, those whose response has begun or the others."""
    init, stop = Exchange.__init__, Server.stop
    current: dict[HTTP1, Exchange] = {}

    def noting(self: Exchange, connection: HTTP1, request: Any) -> None:
        init(self, connection, request)
        current[connection] = self

    def cutting(self: Server) -> None:
        for connection in self.connections:
            exchange = current.get(connection)
            if exchange is not None and not exchange.complete and exchange.on_wire == begun:
                connection.channel.reset()
        stop(self)

    Exchange.__init__ = noting  # type: ignore[method-assign]
    Server.stop = cutting  # type: ignore[method-assign]


@process_fault("waiting-requests-cut-at-a-signal", "process.shutdown.active", "process.shutdown.new-refused")
def _() -> None:
    _cut(begun=False)


@process_fault("begun-responses-cut-at-a-signal", "process.shutdown.streaming", "process.reload.in-flight")
def _() -> None:
    _cut(begun=True)


@process_fault("idle-connections-kept-at-a-signal", "process.shutdown.idle-closed", "process.reload.*")
def _() -> None:
    original = HTTP1.next_request

    async def patient(self: HTTP1) -> Any:
        while not (self.channel.incoming or self.channel.gone or self.h11.trailing_data[0]):
            await self.channel.changed.wait()
        return await original(self)

    HTTP1.next_request = patient  # type: ignore[method-assign]


@process_fault(
    "signal-heeded-when-all-is-answered",
    "process.shutdown.new-refused",
    "process.shutdown.timeout",
    "process.signal.second",
)
def _() -> None:
    run, receiver = Exchange.run, anyio.open_signal_receiver
    busy = 0
    rest = anyio.Event()

    async def counting(self: Exchange) -> None:
        nonlocal busy
        busy += 1
        try:
            await run(self)
        finally:
            busy -= 1

    @contextlib.contextmanager
    def open_signal_receiver(*numbers: signal.Signals) -> Iterator[AsyncIterator[int]]:
        with receiver(*numbers) as signals:

            async def when_all_is_answered() -> AsyncIterator[int]:
                async for number in signals:
                    while busy:
                        with anyio.move_on_after(0.01):
                            await rest.wait()
                    yield number

            yield when_all_is_answered()

    Exchange.run = counting  # type: ignore[method-assign]
    anyio.open_signal_receiver = open_signal_receiver  # type: ignore[assignment]


@process_fault("websockets-left-open-at-a-signal", "process.shutdown.websocket")
def _() -> None:
    WebSocket.on_stopping = lambda self: None  # type: ignore[method-assign]


def _grace(seconds: float) -> None:
    init = Server.__init__

    def changed(self: Server, *arguments: Any, **named: Any) -> None:
        init(self, *arguments, **{**named, "grace": seconds})

    Server.__init__ = changed  # type: ignore[method-assign]


@process_fault("graceful-timeout-endless", "process.shutdown.timeout")
def _() -> None:
    _grace(math.inf)


@process_fault(
    "graceful-timeout-nothing",
    "process.shutdown.timeout",
    "process.shutdown.*",
    "process.reload.in-flight",
)
def _() -> None:
    _grace(0)


# --- workers ----------------------------------------------------------------------------------------------------------


def _in_later_workers(change: Callable[[], None]) -> None:
    """Have something changed in every worker but the first."""
    fork = Parent.fork

    def forking(self: Parent) -> None:
        if self.workers:
            work = self.work
            self.work = lambda: (change(), work())[1]  # type: ignore[func-returns-value]
            try:
                fork(self)
            finally:
                self.work = work
        else:
            fork(self)

    Parent.fork = forking  # type: ignore[method-assign]


NEEDS_WORKERS = ("process.workers.*", "process.options.*")


@process_fault("one-worker-whatever-is-asked", "process.workers.processes", *NEEDS_WORKERS)
def _() -> None:
    init = Parent.__init__

    def single(self: Parent, work: Callable[[], int], count: int) -> None:
        init(self, work, 1)

    Parent.__init__ = single  # type: ignore[method-assign]


@process_fault(
    "lifespan-in-the-first-worker-only",
    "process.workers.lifespan",
    "process.workers.reached",
    "process.workers.shutdown",
)
def _() -> None:
    def without() -> None:
        async def run(self: Lifespan) -> None:
            self.returned = True
            self.changed.notify()

        Lifespan.run = run  # type: ignore[method-assign]

    _in_later_workers(without)


@process_fault("first-worker-takes-all", "process.workers.reached", *NEEDS_WORKERS)
def _() -> None:
    def deaf() -> None:
        async def accept(self: Server, listener: Any, handlers: Any) -> None:
            await anyio.sleep_forever()

        Server.accept = accept  # type: ignore[method-assign]

    _in_later_workers(deaf)


def _when_one_is_killed(react: Callable[[Parent], None]) -> None:
    original = Parent.on_end

    def on_end(self: Parent, status: int) -> None:
        if status < 0 and not self.stopping:
            react(self)
        else:
            original(self, status)

    Parent.on_end = on_end  # type: ignore[method-assign]


@process_fault("death-of-one-worker-kills-all", "process.workers.others-serve")
def _() -> None:
    def react(parent: Parent) -> None:
        others, parent.workers = parent.workers, set()
        for pid in others:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        while len(parent.workers) < parent.count:
            parent.fork()

    _when_one_is_killed(react)


@process_fault("dead-worker-not-replaced", "process.workers.replaced")
def _() -> None:
    _when_one_is_killed(lambda parent: None)


@process_fault("workers-killed-at-a-signal", "process.workers.shutdown")
def _() -> None:
    original = Parent.signal_workers

    def signal_workers(self: Parent, number: int) -> None:
        original(self, number if isinstance(self, Reloader) else signal.SIGKILL)

    Parent.signal_workers = signal_workers  # type: ignore[method-assign]


# --- reload -----------------------------------------------------------------------------------------------------------


@process_fault("changes-unnoticed", "process.reload.new-code", "process.reload.*")
def _() -> None:
    Reloader.compare = lambda self: None  # type: ignore[method-assign]


def _instead_of_making_way(react: Callable[[Reloader], None]) -> None:
    """Replace the signal by which a worker is told to make way for a new one."""

    def signal_workers(self: Reloader, number: int) -> None:
        if self.changing:
            react(self)
        else:
            Parent.signal_workers(self, number)

    Reloader.signal_workers = signal_workers  # type: ignore[method-assign, assignment]


@process_fault("old-application-killed", "process.reload.lifespan", "process.reload.in-flight")
def _() -> None:
    _instead_of_making_way(lambda reloader: Parent.signal_workers(reloader, signal.SIGKILL))


@process_fault("new-application-before-the-old-has-ended", "process.reload.lifespan", "process.reload.in-flight")
def _() -> None:
    compare = Reloader.compare
    old: set[int] = set()
    ticks = 0

    def react(reloader: Reloader) -> None:
        nonlocal ticks
        ticks = 0
        old.update(reloader.workers)
        reloader.workers.clear()
        reloader.fork()

    def comparing(self: Reloader) -> None:
        nonlocal ticks
        ticks += 1
        if self.changing and ticks > 10:
            self.changing = False
            os.kill(old.pop(), signal.SIGTERM)
        compare(self)

    def reap(self: Reloader) -> None:
        with contextlib.suppress(ChildProcessError):
            while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                self.workers.discard(pid)

    _instead_of_making_way(react)
    Reloader.compare = comparing  # type: ignore[method-assign]
    Reloader.reap = reap  # type: ignore[method-assign, assignment]


@process_fault("responses-cut-by-a-reload", "process.reload.in-flight")
def _() -> None:
    def react(reloader: Reloader) -> None:
        Parent.signal_workers(reloader, signal.SIGTERM)
        Parent.signal_workers(reloader, signal.SIGINT)

    _instead_of_making_way(react)


@process_fault("connections-dropped-during-a-reload", "process.reload.none-lost")
def _() -> None:
    def drop(reloader: Reloader) -> None:
        descriptor = reloader.work.args[-1]  # type: ignore[attr-defined]
        with socket.socket(fileno=os.dup(descriptor)) as listener, contextlib.suppress(BlockingIOError):
            while True:
                listener.accept()[0].close()

    compare, on_end = Reloader.compare, Reloader.on_end

    def comparing(self: Reloader) -> None:
        if self.changing:
            drop(self)
        compare(self)

    def ending(self: Reloader, status: int) -> None:
        drop(self)
        on_end(self, status)

    Reloader.compare = comparing  # type: ignore[method-assign]
    Reloader.on_end = ending  # type: ignore[method-assign]


# --- sockets ----------------------------------------------------------------------------------------------------------


def _listening(change: Callable[[Address], Address]) -> None:
    """Have the server listen elsewhere; a worker inherits its parent's socket as ever."""
    original = sockets.listen

    def listen(address: Address) -> socket.socket:
        return original(change(address) if os.getpid() == MAIN else address)

    sockets.listen = server.listen = listen  # type: ignore[attr-defined]


@process_fault("unix-socket-elsewhere", "process.socket.unix", "process.socket.unix-*")
def _() -> None:
    _listening(lambda address: address + "-elsewhere" if isinstance(address, str) else address)


@process_fault("unix-socket-left-behind", "process.socket.unix-removed")
def _() -> None:
    def stop_listening(listener: socket.socket, address: Address) -> None:
        listener.close()

    sockets.stop_listening = server.stop_listening = stop_listening  # type: ignore[attr-defined]


@process_fault("stale-unix-socket-in-the-way", "process.socket.unix-stale")
def _() -> None:
    sockets.remove_stale = lambda path: None


@process_fault("descriptor-disregarded", "process.socket.inherited", "process.socket.inherited-left-open")
def _() -> None:
    _listening(lambda address: ("127.0.0.1", 0) if isinstance(address, int) else address)


@process_fault("inherited-socket-shut-down", "process.socket.inherited-left-open")
def _() -> None:
    original = sockets.stop_listening

    def stop_listening(listener: socket.socket, address: Address) -> None:
        if isinstance(address, int) and os.getpid() == MAIN:
            listener.shutdown(socket.SHUT_RDWR)
        original(listener, address)

    sockets.stop_listening = server.stop_listening = stop_listening  # type: ignore[attr-defined]


@process_fault("brackets-around-ipv6-addresses", "process.socket.ipv6")
def _() -> None:
    init = Stream.__init__

    def bracketed(self: Stream, accepted: socket.socket) -> None:
        init(self, accepted)
        for end in (self.local, self.remote):
            if end and ":" in str(end[0]):
                end[0] = f"[{end[0]}]"

    Stream.__init__ = bracketed  # type: ignore[method-assign]


# --- options ----------------------------------------------------------------------------------------------------------


@fault("root-path-lost", "process.options.root-path", "process.options.*", suite="process")
def _(application: Application) -> Application:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            scope["root_path"] = ""
        await application(scope, receive, send)

    return faulty


@process_fault("configuration-file-unread", "process.options.configuration")
def _() -> None:
    options.configured = lambda given: given


@process_fault("configuration-file-prevails", "process.options.flag-wins")
def _() -> None:
    original = options.configured

    def configured(given: argparse.Namespace) -> argparse.Namespace:
        both = original(given)
        vars(both).update({} if given.config is None else options.read_configuration(given.config))
        return both

    options.configured = configured


@process_fault("environment-file-unread", "process.options.environment-file")
def _() -> None:
    options.load_environment = lambda given: None


@process_fault("factory-given-an-argument", "process.factory.called")
def _() -> None:
    loading.make = lambda factory: factory("an argument")


# --- failures to start ------------------------------------------------------------------------------------------------


@process_fault(
    "failures-to-start-end-with-0",
    "process.startup.import-error",
    "process.startup.port-taken",
    "process.startup.bad-certificate",
)
def _() -> None:
    report = failures.report

    def successful(reason: str) -> int:
        report(reason)
        return 0

    failures.report = successful


@process_fault("failures-to-start-unexplained", "process.startup.message", "process.workers.startup-failure")
def _() -> None:
    failures.report = lambda reason: 1


# --- proxy headers ----------------------------------------------------------------------------------------------------


@process_fault("forwarded-headers-disregarded", "process.proxy.trusted", "process.proxy.spoofed")
def _() -> None:
    Proxies.apply = lambda self, scope: None  # type: ignore[method-assign]


def _trusting(everybody: Callable[[Proxies], bool]) -> None:
    trusts = Proxies.trusts
    Proxies.trusts = lambda self, address: everybody(self) or trusts(self, address)  # type: ignore[method-assign]


@process_fault("all-proxies-trusted-when-some-are", "process.proxy.untrusted", "process.proxy.spoofed")
def _() -> None:
    _trusting(lambda proxies: bool(proxies.trusted))


@process_fault("all-proxies-trusted-when-none-is", "process.proxy.off")
def _() -> None:
    _trusting(lambda proxies: not proxies.trusted)


@process_fault("first-forwarded-address-believed", "process.proxy.spoofed")
def _() -> None:
    Proxies.client = lambda self, addresses: addresses[0]  # type: ignore[method-assign]
