"""Faults in the lifespan: its call, its state, its events, and what the server makes of the application's answers."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import signal
import socket
import threading
from collections import UserDict
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
from anyio.lowlevel import checkpoint

from asgi_conformance.servers.reference import server as server_module
from asgi_conformance.servers.reference import sockets
from asgi_conformance.servers.reference.events import Application, Message, Receive, Scope, Send
from asgi_conformance.servers.reference.faults.registry import fault, server_fault
from asgi_conformance.servers.reference.lifespan import Lifespan, LifespanFailed
from asgi_conformance.servers.reference.server import Server

MOMENT = 0.1  # seconds in which the application hears of what has been done to it
READY = "/is-the-server-well"  # the request by which the suite tells that a server is ready
EVENTS = [f"lifespan.{phase}.{end}" for phase in ("startup", "shutdown") for end in ("complete", "failed")]


class Text(str):
    """A Unicode string that is not exactly one."""


# --- ways to declare them ---------------------------------------------------------------------------------------------


def lifespan_fault(name: str, breaks: str, *also: str) -> Callable[[Callable[[], None]], None]:
    """Declare a function that replaces parts of the reference server."""
    return server_fault(name, breaks, *also, suite="lifespan")


def scope_fault(name: str, breaks: str, *also: str) -> Callable[[Callable[[Scope], None]], None]:
    """Declare a function that changes the lifespan's scope."""

    def declare(change: Callable[[Scope], None]) -> None:
        @fault(name, breaks, *also, suite="lifespan")
        def middleware(application: Application) -> Application:
            async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
                if scope["type"] == "lifespan":
                    change(scope)
                await application(scope, receive, send)

            return faulty

    return declare


def state_fault(name: str, breaks: str, *also: str) -> Callable[[Callable[[Scope, Scope], Scope]], None]:
    """Declare a function from the lifespan's state, and its copy, to the state that a request gets."""

    def declare(change: Callable[[Scope, Scope], Scope]) -> None:
        @fault(name, breaks, *also, suite="lifespan")
        def middleware(application: Application) -> Application:
            states: list[Scope] = []

            async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
                if scope["type"] == "lifespan":
                    states.append(scope["state"])
                elif scope.get("path") != READY:
                    scope["state"] = change(states[0], scope["state"])
                await application(scope, receive, send)

            return faulty

    return declare


def event_fault(name: str, breaks: str, *also: str) -> Callable[[Callable[[Message], None]], None]:
    """Declare a function that changes each event that the lifespan receives."""

    def declare(change: Callable[[Message], None]) -> None:
        @lifespan_fault(name, breaks, *also)
        def _() -> None:
            original = Lifespan.receive

            async def receive(self: Lifespan) -> Message:
                event = await original(self)
                change(event)
                return event

            Lifespan.receive = receive  # type: ignore[method-assign]

    return declare


LifespanSend = Callable[[Lifespan, Any, Callable[[Any], Awaitable[None]]], Awaitable[None]]


def send_fault(name: str, breaks: str, *also: str) -> Callable[[LifespanSend], None]:
    """Declare what is done in place of the lifespan's ``send``, which is handed to it."""

    def declare(change: LifespanSend) -> None:
        @lifespan_fault(name, breaks, *also)
        def _() -> None:
            original = Lifespan.send

            async def send(self: Lifespan, event: Any) -> None:
                await change(self, event, lambda event: original(self, event))

            Lifespan.send = send  # type: ignore[method-assign]

    return declare


Answer = Callable[[Lifespan, str, Callable[[], Awaitable[None]]], Awaitable[None]]


def answer_fault(name: str, breaks: str, *also: str) -> Callable[[Answer], None]:
    """Declare what is done in place of waiting for the answer in a phase; the waiting is handed to it."""

    def declare(change: Answer) -> None:
        @lifespan_fault(name, breaks, *also)
        def _() -> None:
            original = Lifespan.wait_for_answer
            failed = Lifespan.on_application_error

            def on_application_error(self: Lifespan, error: BaseException) -> None:
                raised.add(id(self))
                failed(self, error)

            async def wait_for_answer(self: Lifespan, phase: str) -> None:
                await change(self, phase, lambda: original(self, phase))

            Lifespan.on_application_error = on_application_error  # type: ignore[method-assign]
            Lifespan.wait_for_answer = wait_for_answer  # type: ignore[method-assign]

    return declare


raised: set[int] = set()  # the lifespans whose application has raised


async def until_returned(lifespan: Lifespan) -> None:
    """Give the call a moment to return, or raise, after its last message."""
    with anyio.move_on_after(MOMENT):
        while not lifespan.returned:
            await lifespan.changed.wait()


# --- the scope --------------------------------------------------------------------------------------------------------


@scope_fault("lifespan-type-subclass", "lifespan.scope.type.type")
def _(scope: Scope) -> None:
    scope["type"] = Text("lifespan")


@scope_fault("lifespan-type-wrong", "lifespan.scope.type.value")
def _(scope: Scope) -> None:
    scope["type"] = "lifespan.startup"


@scope_fault("lifespan-version-bytes", "lifespan.scope.asgi-version.type")
def _(scope: Scope) -> None:
    scope["asgi"]["version"] = b"3.0"


@scope_fault("lifespan-spec-version-number", "lifespan.scope.spec-version.type", "lifespan.scope.spec-version.value")
def _(scope: Scope) -> None:
    scope["asgi"]["spec_version"] = 2.0


@scope_fault("lifespan-spec-version-of-http", "lifespan.scope.spec-version.value")
def _(scope: Scope) -> None:
    scope["asgi"]["spec_version"] = "2.5"


@scope_fault("lifespan-state-no-dict", "lifespan.scope.state.type", "lifespan.state.*")
def _(scope: Scope) -> None:
    scope["state"] = UserDict()


@scope_fault("lifespan-state-filled", "lifespan.scope.state.empty", "lifespan.state.untouched")
def _(scope: Scope) -> None:
    scope["state"]["server"] = "reference"


# --- the call and its event loop --------------------------------------------------------------------------------------


@lifespan_fault("startup-in-no-task", "lifespan.loop.running")
def _() -> None:
    original_run, original_receive = Lifespan.run, Lifespan.receive
    main: dict[int, asyncio.Task[Any] | None] = {}

    async def run(self: Lifespan) -> None:
        main[id(self)] = asyncio.current_task()
        await original_run(self)

    async def receive(self: Lifespan) -> Message:
        if self.phase == "startup" and asyncio.current_task() is not main[id(self)]:
            await anyio.sleep_forever()
        return await original_receive(self)

    Lifespan.run, Lifespan.receive = run, receive  # type: ignore[method-assign]


def another_call(lifespan: Lifespan) -> None:
    """Call the application for the lifespan once more."""
    again = Lifespan(lifespan.application)
    more.add(asyncio.ensure_future(again.run()))


more: set[asyncio.Future[None]] = set()


@send_fault("lifespan-called-twice", "lifespan.loop.once", "lifespan.loop.each-process", "lifespan.scope.duration")
async def _(self: Lifespan, event: Any, send: Callable[[Any], Awaitable[None]]) -> None:
    await send(event)
    if self.phase == "serving" and not more:
        another_call(self)


@fault(
    "lifespan-called-for-a-request",
    "lifespan.scope.duration",
    *("lifespan.loop.*", "lifespan.exception.no-events"),
    suite="lifespan",
)
def _(application: Application) -> Application:
    called: list[int] = []

    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and scope["path"] != READY and not called:
            called.append(1)
            another_call(Lifespan(application))
        await application(scope, receive, send)

    return faulty


@lifespan_fault(
    "lifespan-in-one-worker-only", "lifespan.loop.each-process", "lifespan.loop.same", "lifespan.state.right-loop"
)
def _() -> None:
    original = Lifespan.run

    async def run(self: Lifespan) -> None:
        try:
            os.close(os.open("the-first-worker", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            self.returned = True
            self.changed.notify()
        else:
            await original(self)

    Lifespan.run = run  # type: ignore[method-assign]


@fault("lifespan-in-another-thread", "lifespan.loop.same", "lifespan.loop.once", suite="lifespan")
def _(application: Application) -> Application:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await application(scope, receive, send)
            return
        here = asyncio.get_running_loop()
        done: asyncio.Future[BaseException | None] = here.create_future()

        async def there(awaitable: Any) -> Any:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(awaitable, here))

        def finish(error: BaseException | None) -> None:
            if not done.done():
                done.set_result(error)

        def run() -> None:
            error: BaseException | None = None
            try:
                asyncio.run(application(scope, lambda: there(receive()), lambda event: there(send(event))))  # type: ignore[arg-type]
            except Exception as raised:
                error = raised
            here.call_soon_threadsafe(finish, error)

        threading.Thread(target=run, daemon=True).start()
        error = await done
        if error is not None:
            raise error

    return faulty


# --- the state --------------------------------------------------------------------------------------------------------


@fault("lifespan-without-the-state", "lifespan.state.offered", "lifespan.state.*", suite="lifespan")
def _(application: Application) -> Application:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            del scope["state"]
        await application(scope, receive, send)

    return faulty


@state_fault("state-not-passed", "lifespan.state.passed", "lifespan.state.*")
def _(original: Scope, copied: Scope) -> Scope:
    return {}


@state_fault("state-copied-deep", "lifespan.state.shallow", "lifespan.state.any-value")
def _(original: Scope, copied: Scope) -> Scope:
    return {key: copy.deepcopy(value) if isinstance(value, list) else value for key, value in original.items()}


@state_fault("state-not-copied", "lifespan.state.separate", "lifespan.state.untouched")
def _(original: Scope, copied: Scope) -> Scope:
    return original


@fault("state-of-the-connection", "lifespan.state.separate", suite="lifespan")
def _(application: Application) -> Application:
    kept: dict[tuple[Any, ...], Scope] = {}

    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "state" in scope and scope["path"] != READY:
            scope["state"] = kept.setdefault(tuple(scope["client"]), scope["state"])
        await application(scope, receive, send)

    return faulty


@state_fault("state-of-plain-values", "lifespan.state.any-value")
def _(original: Scope, copied: Scope) -> Scope:
    return {key: value for key, value in copied.items() if isinstance(value, (str, int, list, dict))}


@state_fault("state-of-another-worker", "lifespan.state.right-loop")
def _(original: Scope, copied: Scope) -> Scope:
    common = Path("state-of-all-workers")
    if not common.exists():
        common.write_text(json.dumps({key: value for key, value in copied.items() if isinstance(value, int)}))
    return {**copied, **json.loads(common.read_text())}


@state_fault("state-with-a-key-of-the-server", "lifespan.state.untouched")
def _(original: Scope, copied: Scope) -> Scope:
    return {**copied, "server": "reference"}


@lifespan_fault("state-cleared-at-shutdown", "lifespan.state.untouched")
def _() -> None:
    original = Lifespan.receive

    async def receive(self: Lifespan) -> Message:
        event = await original(self)
        if event["type"] == "lifespan.shutdown":
            self.state.clear()
        return event

    Lifespan.receive = receive  # type: ignore[method-assign]


# --- startup ----------------------------------------------------------------------------------------------------------


@event_fault("startup-type-subclass", "lifespan.startup.type.type")
def _(event: Message) -> None:
    if event["type"] == "lifespan.startup":
        event["type"] = Text("lifespan.startup")


@event_fault("startup-type-wrong", "lifespan.startup.type.value", "lifespan.startup.sent")
def _(event: Message) -> None:
    if event["type"] == "lifespan.startup":
        event["type"] = "lifespan.start"


@fault("startup-sent-again", "lifespan.startup.once", suite="lifespan")
def _(application: Application) -> Application:
    lifespans: list[Lifespan] = []
    original = Lifespan.run
    requests = 0

    async def run(self: Lifespan) -> None:
        lifespans.append(self)
        await original(self)

    Lifespan.run = run  # type: ignore[method-assign]

    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal requests
        requests += scope["type"] == "http"
        if requests == 4 and lifespans:
            lifespans.pop().events.append({"type": "lifespan.startup"})
        await application(scope, receive, send)

    return faulty


UNANSWERED = ("lifespan.startup-complete.*", "lifespan.startup-failed.*")


@answer_fault("serves-before-the-startup", "lifespan.startup.before-connections", *UNANSWERED)
async def _(self: Lifespan, phase: str, wait: Callable[[], Awaitable[None]]) -> None:
    if phase != "startup":
        await wait()


@answer_fault("serves-during-the-startup", "lifespan.startup-complete.waits", *UNANSWERED)
async def _(self: Lifespan, phase: str, wait: Callable[[], Awaitable[None]]) -> None:
    if phase != "startup":
        await wait()
        return
    while self.events and not self.returned:
        await checkpoint()


@lifespan_fault(
    "early-connections-forgotten", "lifespan.startup-complete.serves", "lifespan.startup-complete.type.value"
)
def _() -> None:
    run, startup = Server.run, Lifespan.startup
    listeners: list[socket.socket] = []
    forgotten: list[socket.socket] = []

    async def early_run(self: Server) -> int:
        listeners.append(sockets.listen(self.address))
        return await run(self)

    async def forgetting_startup(self: Lifespan) -> None:
        await startup(self)
        try:
            while True:
                forgotten.append(listeners[-1].accept()[0])
        except BlockingIOError:
            return

    Server.run = early_run  # type: ignore[method-assign]
    Lifespan.startup = forgetting_startup  # type: ignore[method-assign]
    vars(server_module)["listen"] = lambda address: listeners[-1]


def _type_taken(phase: str, also: str = "") -> None:
    """Declare the fault of taking what only looks like the phase's complete for it."""

    @send_fault(f"any-case-completes-the-{phase}", f"lifespan.{phase}-complete.type.value", *filter(None, [also]))
    async def _(self: Lifespan, event: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        complete = f"lifespan.{phase}.complete"
        if isinstance(event, dict) and str(event.get("type")).strip().lower() == complete:
            event = {**event, "type": complete}
        await send(event)


_type_taken("startup")
_type_taken("shutdown")


# --- events that are refused, or are not ------------------------------------------------------------------------------


def _bytes_taken(name: str) -> None:
    """Declare the fault of taking a type that is bytes."""
    phase, _, end = name.removeprefix("lifespan.").partition(".")

    @send_fault(f"{phase}-{end}-type-bytes-taken", f"lifespan.{phase}-{end}.type.type")
    async def taking(self: Lifespan, event: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        if not isinstance(event, dict) or event.get("type") != name.encode():
            await send(event)


for _event in EVENTS:
    _bytes_taken(_event)


def _failure(event: Any, phase: str) -> bool:
    return isinstance(event, dict) and event.get("type") == f"lifespan.{phase}.failed"


def _failed_faults(phase: str, careless: str, *concerned: str) -> None:
    """Declare the faults of a failure's event, which has the same keys in both phases."""

    @send_fault(f"{phase}-failed-message-of-any-type", f"lifespan.{phase}-failed.message.type")
    async def of_any_type(self: Lifespan, event: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        if _failure(event, phase) and "message" in event:
            event = {**event, "message": str(event["message"])}
        await send(event)

    @send_fault(f"{phase}-failed-raises", f"lifespan.{phase}-failed.type.value")
    async def raising(self: Lifespan, event: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        await send(event)
        if _failure(event, phase) and isinstance(event.get("message"), str):
            raise LifespanFailed("so says the application")

    @send_fault(f"{phase}-failed-needs-a-message", f"lifespan.{phase}-failed.message.default", *concerned)
    async def needing_a_message(self: Lifespan, event: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        if _failure(event, phase) and "message" not in event:
            raise KeyError("message")
        await send(event)

    @answer_fault(f"{phase}-failed-not-logged", f"lifespan.{phase}-failed.logs", careless)
    async def silent(self: Lifespan, waited: str, wait: Callable[[], Awaitable[None]]) -> None:
        try:
            await wait()
        except LifespanFailed:
            if waited == phase:
                raise LifespanFailed("application failed") from None
            raise

    ends = "exits" if phase == "startup" else "terminates"

    @answer_fault(f"{phase}-failed-never-ends", f"lifespan.{phase}-failed.{ends}", careless)
    async def endless(self: Lifespan, waited: str, wait: Callable[[], Awaitable[None]]) -> None:
        try:
            await wait()
        except LifespanFailed:
            if waited == phase:
                await anyio.sleep_forever()
            raise


_failed_faults(
    "startup",
    "lifespan.startup-failed.logs",  # which is judged together with the exit
    *("lifespan.startup-failed.exits", "lifespan.startup-failed.not-serving", "lifespan.startup-complete.type.value"),
)
_failed_faults("shutdown", "lifespan.shutdown-failed.then-raises")


def _ignored(name: str, breaks: str, concerns: Callable[[Lifespan, Any], bool]) -> None:
    """Declare the fault of taking no notice of an invalid event."""

    @send_fault(name, breaks)
    async def _(self: Lifespan, event: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        if not concerns(self, event):
            await send(event)


def _known(event: Any) -> bool:
    return isinstance(event, dict) and event.get("type") in EVENTS


def _in_phase(lifespan: Lifespan, event: Any) -> bool:
    return bool(event["type"].startswith(f"lifespan.{lifespan.phase}."))


_ignored(
    "unknown-lifespan-event-ignored",
    "core.send.unknown-type.raises",
    lambda self, event: isinstance(event, dict) and isinstance(event.get("type"), str) and not _known(event),
)
_ignored(
    "lifespan-event-without-type-ignored",
    "core.send.missing-key.raises",
    lambda self, event: isinstance(event, dict) and "type" not in event,
)
_ignored(
    "lifespan-event-no-dict-ignored", "core.send.not-a-dict.raises", lambda self, event: not isinstance(event, dict)
)
_ignored(
    "lifespan-event-out-of-phase-ignored",
    "core.send.wrong-order.raises",
    lambda self, event: _known(event) and not _in_phase(self, event),
)


@send_fault("additional-lifespan-key-refused", "core.send.extra-keys-accepted", "lifespan.startup-complete.type.value")
async def _(self: Lifespan, event: Any, send: Callable[[Any], Awaitable[None]]) -> None:
    if _known(event) and not event.keys() <= {"type", "message"}:
        raise ValueError("an additional key")
    await send(event)


@send_fault(
    "nothing-after-a-refused-event", "core.send.invalid-event.no-effect", "lifespan.startup-complete.type.value"
)
async def _(self: Lifespan, event: Any, send: Callable[[Any], Awaitable[None]]) -> None:
    if self.phase == "startup" and id(self) in refused:
        raise RuntimeError("nothing can follow")
    try:
        await send(event)
    except Exception:
        refused.add(id(self))
        raise


refused: set[int] = set()  # the lifespans to which an event was refused


# --- a startup that has failed ----------------------------------------------------------------------------------------


@answer_fault("startup-failed-serves", "lifespan.startup-failed.not-serving", "lifespan.startup-failed.*")
async def _(self: Lifespan, phase: str, wait: Callable[[], Awaitable[None]]) -> None:
    try:
        await wait()
    except LifespanFailed:
        if phase != "startup":
            raise


@answer_fault(
    "startup-failed-and-raised-serves",
    "lifespan.startup-failed.then-raises",
    *("lifespan.startup-failed.exits", "lifespan.startup-failed.logs"),
)
async def _(self: Lifespan, phase: str, wait: Callable[[], Awaitable[None]]) -> None:
    try:
        await wait()
    except LifespanFailed:
        await until_returned(self)
        if phase != "startup" or id(self) not in raised:
            raise


# --- applications that raise or return --------------------------------------------------------------------------------


def _exception_ends(name: str, breaks: str, received: bool, *also: str) -> None:
    """Declare the fault of ending where the application raises, before it has received the startup or after."""

    @lifespan_fault(name, breaks, *also)
    def _() -> None:
        original = Lifespan.on_application_error

        def on_application_error(self: Lifespan, error: BaseException) -> None:
            original(self, error)
            if self.phase == "startup" and bool(self.events) != received:
                self.failure = "it raised"

        Lifespan.on_application_error = on_application_error  # type: ignore[method-assign]


_exception_ends("exception-at-the-scope-ends", "lifespan.exception.at-scope.continues", False)
_exception_ends(
    "exception-at-startup-ends",
    "lifespan.exception.at-startup.continues",
    True,
    *("lifespan.exception.no-events", "lifespan.exception.logged", "lifespan.state.without-lifespan"),
)


@lifespan_fault("shutdown-after-an-exception", "lifespan.exception.no-events")
def _() -> None:
    original_error, original_shutdown = Lifespan.on_application_error, Lifespan.shutdown

    def on_application_error(self: Lifespan, error: BaseException) -> None:
        original_error(self, error)
        raised.add(id(self))

    async def shutdown(self: Lifespan) -> None:
        await original_shutdown(self)
        if self.phase == "startup" and id(self) in raised:
            another = Lifespan(self.application)
            another.events = [{"type": "lifespan.shutdown"}]
            with anyio.move_on_after(MOMENT):
                await another.run()

    Lifespan.on_application_error = on_application_error  # type: ignore[method-assign]
    Lifespan.shutdown = shutdown  # type: ignore[method-assign]


@answer_fault(
    "return-at-startup-never-decided",
    "lifespan.returned.at-startup.decided",
    "lifespan.returned.at-startup.continues",
)
async def _(self: Lifespan, phase: str, wait: Callable[[], Awaitable[None]]) -> None:
    await wait()
    if self.phase == phase == "startup" and id(self) not in raised:
        await anyio.sleep_forever()


@answer_fault("return-at-startup-ends", "lifespan.returned.at-startup.continues")
async def _(self: Lifespan, phase: str, wait: Callable[[], Awaitable[None]]) -> None:
    await wait()
    if self.phase == phase == "startup" and id(self) not in raised:
        raise LifespanFailed("it returned")


@answer_fault("exception-at-shutdown-never-ends", "lifespan.exception.at-shutdown")
async def _(self: Lifespan, phase: str, wait: Callable[[], Awaitable[None]]) -> None:
    await wait()
    if self.phase == phase == "shutdown" and id(self) in raised:
        await anyio.sleep_forever()


@answer_fault("return-at-shutdown-never-ends", "lifespan.returned.before-shutdown")
async def _(self: Lifespan, phase: str, wait: Callable[[], Awaitable[None]]) -> None:
    await wait()
    if self.phase == phase == "shutdown" and id(self) not in raised:
        await anyio.sleep_forever()


@lifespan_fault("return-while-serving-never-ends", "lifespan.returned.before-shutdown")
def _() -> None:
    original = Lifespan.shutdown

    async def shutdown(self: Lifespan) -> None:
        if self.returned and self.phase == "serving":
            await anyio.sleep_forever()
        await original(self)

    Lifespan.shutdown = shutdown  # type: ignore[method-assign]


# --- shutdown ---------------------------------------------------------------------------------------------------------


@lifespan_fault("no-shutdown-upon-sigint", "lifespan.shutdown.sent")
def _() -> None:
    original = anyio.open_signal_receiver
    anyio.open_signal_receiver = lambda *numbers: original(*(set(numbers) - {signal.SIGINT}))


@event_fault("shutdown-type-subclass", "lifespan.shutdown.type.type")
def _(event: Message) -> None:
    if event["type"] == "lifespan.shutdown":
        event["type"] = Text("lifespan.shutdown")


@event_fault("shutdown-type-wrong", "lifespan.shutdown.type.value", "lifespan.shutdown.sent")
def _(event: Message) -> None:
    if event["type"] == "lifespan.shutdown":
        event["type"] = "lifespan.stop"


@lifespan_fault("accepts-after-the-shutdown", "lifespan.shutdown.after-accepting")
def _() -> None:
    original = Server.serve

    async def serve(self: Server, listener: socket.socket, signals: AsyncIterator[int]) -> None:
        left = listener.dup()
        await original(self, listener, signals)
        self.stopping = False
        more.add(asyncio.ensure_future(accept(self, left)))

    async def accept(self: Server, listener: socket.socket) -> None:
        while True:
            more.add(asyncio.ensure_future(self.handle(await sockets.accept(listener))))

    Server.serve = serve  # type: ignore[method-assign]


@lifespan_fault("shutdown-while-requests-are-answered", "lifespan.shutdown.after-connections")
def _() -> None:
    original_stop, original_shutdown = Server.stop, Lifespan.shutdown

    def stop(self: Server) -> None:
        original_stop(self)
        if not self.lifespan.returned:
            self.lifespan.phase = "shutdown"
            self.lifespan.events.append({"type": "lifespan.shutdown"})
            self.lifespan.changed.notify()

    async def shutdown(self: Lifespan) -> None:
        if self.phase in ("startup", "serving"):
            await original_shutdown(self)
        else:
            await self.wait_for_answer("shutdown")

    Server.stop, Lifespan.shutdown = stop, shutdown  # type: ignore[method-assign]


@lifespan_fault(
    "ends-during-the-shutdown",
    "lifespan.shutdown-complete.waits",
    *("lifespan.shutdown*", "lifespan.scope.duration", "lifespan.loop.running"),
)
def _() -> None:
    original = Lifespan.wait_for_answer

    async def wait_for_answer(self: Lifespan, phase: str) -> None:
        with anyio.move_on_after(MOMENT / 10 if phase == "shutdown" else None):
            await original(self, phase)

    async def close(self: Lifespan) -> None:
        await checkpoint()

    Lifespan.wait_for_answer, Lifespan.close = wait_for_answer, close  # type: ignore[method-assign]


@answer_fault("never-ends-after-the-shutdown", "lifespan.shutdown-complete.terminates")
async def _(self: Lifespan, phase: str, wait: Callable[[], Awaitable[None]]) -> None:
    await wait()
    if phase == "shutdown" and self.phase == "over":
        await anyio.sleep_forever()


@answer_fault("shutdown-failed-and-raised-never-ends", "lifespan.shutdown-failed.then-raises")
async def _(self: Lifespan, phase: str, wait: Callable[[], Awaitable[None]]) -> None:
    try:
        await wait()
    except LifespanFailed:
        await until_returned(self)
        if phase == "shutdown" and id(self) in raised:
            await anyio.sleep_forever()
        raise
