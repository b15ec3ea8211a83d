"""Faults in how applications are called, run beside each other, and ended; and servers that do not serve at all."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel

from asgi_conformance.servers.reference.call import Call
from asgi_conformance.servers.reference.events import Application, Message, Receive, Scope, Send
from asgi_conformance.servers.reference.exchange import Exchange
from asgi_conformance.servers.reference.faults.registry import fault, server_fault
from asgi_conformance.servers.reference.lifespan import Lifespan

READY = "/is-the-server-well"  # the request by which the suite tells that a server is ready


# --- calls ------------------------------------------------------------------------------------------------------------


@fault("called-twice", "http.scope-per-request.single", "core.application.once-per-connection")
def _(application: Application) -> Application:
    async def never() -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    async def nowhere(event: Message) -> None:
        await anyio.lowlevel.checkpoint()

    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == READY:
            await application(scope, receive, send)
            return
        async with anyio.create_task_group() as tasks:
            again = {**scope}

            async def noting(event: Any) -> None:
                if again:
                    tasks.start_soon(application, dict(again), never, nowhere)  # type: ignore[arg-type]
                    again.clear()
                await send(event)

            try:
                await application(scope, receive, noting)
            except Exception as error:
                failure: Exception | None = error
            else:
                failure = None
            tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure

    return faulty


@fault("called-when-the-body-is-complete", "http.scope-per-request.called-at-start")
def _(application: Application) -> Application:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        early: list[Message] = []
        while scope["type"] == "http" and (not early or early[-1].get("more_body", False)):
            early.append(await receive())

        async def replaying() -> Message:
            return early.pop(0) if early else await receive()

        await application(scope, replaying, send)

    return faulty


@fault("one-call-at-a-time", "core.application.concurrent", "*")
def one_call_at_a_time(application: Application) -> Application:
    """Call the application for a request when the one before has ended."""
    lock = anyio.Lock()

    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        async with lock:
            await application(scope, receive, send)

    return faulty


@fault("no-more-than-fifty-calls", "core.application.concurrent")
def _(application: Application) -> Application:
    count = 0

    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal count
        count += 1
        try:
            if count > 50:
                raise RuntimeError("too many calls")
            await application(scope, receive, send)
        finally:
            count -= 1

    return faulty


@fault(
    "response-cut-when-others-come",
    "http.connection.long-response",
    "core.application.concurrent",
    "core.send.*",
    "core.receive.*",
    "http.disconnect.*",
)
def _(application: Application) -> Application:
    calls = 0

    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal calls
        calls += 1
        first = calls

        async def cutting(event: Any) -> None:
            if calls - first > 3:
                raise RuntimeError("cut")
            await send(event)

        await application(scope, receive, cutting)

    return faulty


# --- applications that fail -------------------------------------------------------------------------------------------


React = Callable[[Exchange, bool], bool]


def _on_incomplete(name: str, breaks: str, *also: str) -> Callable[[React], None]:
    """Declare a method that takes an exchange whose application is done and whose response is not.

    It returns whether the server goes on as usual.
    """

    def declare(react: React) -> None:
        def replace() -> None:
            incomplete, failed = Exchange.on_incomplete, Exchange.on_application_error
            errors: set[int] = set()

            def on_application_error(self: Exchange, error: BaseException) -> None:
                errors.add(id(self))
                failed(self, error)

            def on_incomplete(self: Exchange) -> None:
                if react(self, id(self) in errors):
                    incomplete(self)
                errors.discard(id(self))

            Exchange.on_application_error = on_application_error  # type: ignore[method-assign, assignment]
            Exchange.on_incomplete = on_incomplete  # type: ignore[method-assign]

        server_fault(name, breaks, *also)(replace)

    return declare


@_on_incomplete("error-before-the-start-never-ends", "core.error.before-start.terminates", "core.error.*")
def _(exchange: Exchange, failed: bool) -> bool:
    if failed and not exchange.on_wire:
        exchange.persistent = True  # the connection waits for a next request
        return False
    return True


@_on_incomplete("error-before-the-start-closes", "core.error.before-start.500")
def _(exchange: Exchange, failed: bool) -> bool:
    if failed and not exchange.on_wire:
        exchange.channel.end()
        return False
    return True


@_on_incomplete(
    "error-after-the-start-never-ends",
    "core.error.after-start.terminates",
    "core.error.after-start.incomplete",
    "rfc9112.incomplete.close",
)
def _(exchange: Exchange, failed: bool) -> bool:
    if failed and (exchange.on_wire or exchange.start is not None):
        exchange.persistent = True
        return False
    return True


@_on_incomplete("error-looks-complete", "core.error.after-start.incomplete", "rfc9112.*", "rfc9110.content-length.*")
def _(exchange: Exchange, failed: bool) -> bool:
    if failed and exchange.on_wire:
        exchange.channel.write(bytes(exchange.remaining or 0), *([b"0\r\n\r\n"] if exchange.chunked else []))
        exchange.channel.end()
        return False
    return True


@_on_incomplete("early-return-never-ends", "http.connection.returned-early.ends")
def _(exchange: Exchange, failed: bool) -> bool:
    if not failed:
        exchange.persistent = True
        return False
    return True


@server_fault("error-resets-everyone", "core.error.others-unaffected", "core.error.*")
def _() -> None:
    original = Exchange.on_application_error

    def on_application_error(self: Exchange, error: BaseException) -> None:
        for connection in self.server.connections:
            connection.channel.reset()
        original(self, error)

    Exchange.on_application_error = on_application_error  # type: ignore[method-assign, assignment]


@server_fault("dies-of-ten-errors", "core.error.others-unaffected", "core.*", "http.*", "rfc9110.*", "rfc9112.*")
def _() -> None:
    original = Exchange.on_application_error
    count = 0

    def on_application_error(self: Exchange, error: BaseException) -> None:
        nonlocal count
        count += 1
        if count == 10:
            os._exit(70)
        original(self, error)

    Exchange.on_application_error = on_application_error  # type: ignore[method-assign, assignment]


# --- servers that do not serve ----------------------------------------------------------------------------------------


def _instead_of_calling(name: str, breaks: str, react: Callable[[Call], Awaitable[None]]) -> None:
    """Declare the fault of doing something else than to call the application, for all but the question of readiness."""

    def replace() -> None:
        original = Call.call_application

        async def call_application(self: Call) -> None:
            if self.request.target != READY.encode():
                await react(self)
            else:
                await original(self)

        async def wait_for_nothing(self: Lifespan) -> None:
            await anyio.lowlevel.checkpoint()

        async def receive_nothing(self: Lifespan) -> Message:
            await anyio.sleep_forever()
            raise AssertionError

        Call.call_application = call_application  # type: ignore[method-assign]
        Lifespan.startup = Lifespan.shutdown = wait_for_nothing  # type: ignore[method-assign]
        Lifespan.receive = receive_nothing  # type: ignore[method-assign]

    server_fault(name, breaks, "*", suite="all")(replace)


async def _say_nothing(call: Call) -> None:
    await anyio.sleep_forever()


async def _close(call: Call) -> None:
    call.channel.reset()


_instead_of_calling("silent", "core.application.arguments", _say_nothing)
_instead_of_calling("closing", "core.application.event-loop", _close)
