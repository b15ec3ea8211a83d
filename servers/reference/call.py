"""One call of the application: what is the same for every protocol that a connection can carry."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import h11

from asgi_conformance.servers.reference import tls
from asgi_conformance.servers.reference.channel import ClientDisconnected
from asgi_conformance.servers.reference.events import Message, Scope

if TYPE_CHECKING:
    from asgi_conformance.servers.reference.http1 import HTTP1


class Call:
    def __init__(self, connection: HTTP1, request: h11.Request) -> None:
        self.connection = connection
        self.server = connection.server
        self.channel = connection.channel
        self.request = request
        self.persistent = True  # the connection can serve another request after this one

    async def call_application(self) -> None:
        try:
            scope = self.build_scope()
            tls.describe(scope, self.channel.stream)
            self.server.proxies.apply(scope)
            await self.server.application(scope, self.receive, self.send)
        except BaseException as error:  # also SystemExit and CancelledError: no application ends the server
            self.on_application_error(error)

    def build_scope(self) -> Scope:
        raise NotImplementedError

    async def receive(self) -> Message:
        raise NotImplementedError

    async def send(self, event: Message) -> None:
        raise NotImplementedError

    async def flush(self) -> None:
        """www.rst, "Response Body": data is flushed before `send` returns, however slow the client."""
        try:
            await self.channel.flush()
        except ClientDisconnected:
            self.after_client_left()

    def after_client_left(self) -> None:
        """www.rst, "Disconnected Client": an OSError; before version 2.4 a no-op (asgi.rst, "Error Handling")."""
        if self.server.spec_version != "2.3":
            raise ClientDisconnected

    def on_application_error(self, error: BaseException) -> None:
        """asgi.rst, "Error Handling": log it; the instance has ended and its connection ends with it."""
        self.persistent = False
        if not is_disconnect(error):
            traceback.print_exception(type(error), error, error.__traceback__)


def is_disconnect(error: BaseException) -> bool:
    """Whether `send` raised it because the client had left: no error to log (www.rst, "Disconnected Client").

    Task groups make groups of exceptions; one of nothing but those is the same.
    """
    members: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    return isinstance(error, ClientDisconnected) or (members != () and all(map(is_disconnect, members)))
