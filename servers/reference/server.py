"""The life of the server: lifespan startup, connections until a signal comes, lifespan shutdown."""

import inspect
import signal
import socket
import sys
import traceback
from collections.abc import AsyncIterator
from typing import Any

import anyio
from anyio.abc import TaskGroup

from asgi_conformance.servers.reference import failures
from asgi_conformance.servers.reference.channel import Channel
from asgi_conformance.servers.reference.events import Application, Receive, Scope, Send
from asgi_conformance.servers.reference.http1 import HTTP1
from asgi_conformance.servers.reference.lifespan import Lifespan, LifespanFailed
from asgi_conformance.servers.reference.options import GRACE
from asgi_conformance.servers.reference.proxies import Proxies
from asgi_conformance.servers.reference.sockets import Address, Stream, accept, listen, shown, stop_listening
from asgi_conformance.servers.reference.tls import TLS

STOP = (signal.SIGTERM, signal.SIGINT)
NO_PROXIES = Proxies()


class Server:
    def __init__(
        self,
        application: Any,
        address: Address,
        root_path: str = "",
        spec_version: str = "2.5",
        grace: float = GRACE,
        proxies: Proxies = NO_PROXIES,
        tls: TLS | None = None,
    ) -> None:
        self.application = single_callable(application)
        self.address = address
        self.root_path = root_path
        self.spec_version = spec_version
        self.grace = grace
        self.proxies = proxies
        self.tls = tls
        self.lifespan = Lifespan(self.application)
        self.connections: set[HTTP1] = set()
        self.stopping = False

    async def run(self) -> int:
        """Everything, in the order of lifespan.rst. Returns the exit status."""
        with anyio.open_signal_receiver(
            *STOP
        ) as signals:  # from here on: one during startup waits until it is complete
            return await self.live(signals)

    async def live(self, signals: AsyncIterator[int]) -> int:
        status = 0
        async with anyio.create_task_group() as background:
            background.start_soon(self.lifespan.run)
            try:
                await self.lifespan.startup()
                try:
                    listener = listen(self.address)
                except OSError as error:
                    status = failures.report(f"cannot listen on {shown(self.address)}: {error.strerror or error}")
                else:
                    await self.serve(listener, signals)
                await self.lifespan.shutdown()
            except LifespanFailed as failure:
                print(failure, file=sys.stderr)
                status = 3
            await self.lifespan.close()
            background.cancel_scope.cancel()
        return status

    async def serve(self, listener: socket.socket, signals: AsyncIterator[int]) -> None:
        """Accept connections until SIGTERM or SIGINT, then wait for the last response, or for a second signal."""
        with listener:
            print(f"listening on {shown(listener.getsockname())}", file=sys.stderr)
            async with anyio.create_task_group() as impatience:
                async with anyio.create_task_group() as handlers:
                    async with anyio.create_task_group() as accepting:
                        accepting.start_soon(self.accept, listener, handlers)
                        await anext(signals)
                        accepting.cancel_scope.cancel()
                    stop_listening(listener, self.address)
                    self.stop()
                    handlers.cancel_scope.deadline = anyio.current_time() + self.grace
                    impatience.start_soon(self.hurry, signals, handlers)
                impatience.cancel_scope.cancel()

    async def accept(self, listener: socket.socket, handlers: TaskGroup) -> None:
        while True:
            handlers.start_soon(self.handle, await accept(listener))

    async def hurry(self, signals: AsyncIterator[int], handlers: TaskGroup) -> None:
        """The second signal is for those who do not want to wait."""
        await anext(signals)
        handlers.cancel_scope.cancel()

    def stop(self) -> None:
        """Idle connections close now, the others after the response that is under way."""
        self.stopping = True
        for connection in self.connections:
            connection.channel.changed.notify()

    async def handle(self, accepted: Stream) -> None:
        stream = accepted if self.tls is None else await self.tls.secure(accepted)
        if stream is None:
            return
        connection = HTTP1(self, Channel(stream))
        self.connections.add(connection)
        try:
            await connection.serve()
        except Exception:  # a mistake of the server's own ends one connection, not all
            traceback.print_exc()
        finally:
            self.connections.discard(connection)


def single_callable(application: Any) -> Application:
    """The application; or one of the older style, `application(scope)(receive, send)`, made into the newer.

    asgi.rst, "Legacy Applications": servers should try to support it. It shows in the number of arguments.
    """
    if takes(application, 3) or not takes(application, 1):
        return application  # type: ignore[no-any-return]

    async def adapted(scope: Scope, receive: Receive, send: Send) -> None:
        await application(scope)(receive, send)

    return adapted


def takes(function: Any, count: int) -> bool:
    """Whether a callable takes `count` arguments, as far as Python can tell."""
    try:
        inspect.signature(function).bind(*[None] * count)
    except (TypeError, ValueError):  # ValueError: a callable without a signature
        return False
    return True
