"""The lifespan of an application (lifespan.rst): one call of it, around everything else."""

import sys
import traceback

import anyio

from asgi_conformance.servers.reference import events
from asgi_conformance.servers.reference.events import Application, Message, Scope
from asgi_conformance.servers.reference.wakeup import Wakeup

GOODBYE = 0.5  # seconds that the call gets to return after its last message


class LifespanFailed(Exception):
    """The application has sent lifespan.startup.failed or lifespan.shutdown.failed."""


class Lifespan:
    """A task beside the server, in the event loop of the requests."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.state: Scope = {}  # "Lifespan State": the application's own; requests get copies
        self.events: list[Message] = [{"type": "lifespan.startup"}]
        self.phase = "startup"  # what the application is to answer; then "serving", "shutdown", "over"
        self.failure: str | None = None
        self.returned = False
        self.changed = Wakeup()

    async def run(self) -> None:
        try:
            await self.application(self.build_scope(), self.receive, self.send)
        except BaseException as error:  # whatever it is, the server goes on
            self.on_application_error(error)
        self.returned = True
        self.changed.notify()

    def build_scope(self) -> Scope:
        """lifespan.rst, "Scope". The `spec_version` is this protocol's own."""
        return {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}

    async def receive(self) -> Message:
        while not self.events:
            await self.changed.wait()
        return self.events.pop(0)

    async def send(self, event: Message) -> None:
        kind = events.event_type(event)
        if kind not in (f"lifespan.{self.phase}.complete", f"lifespan.{self.phase}.failed"):
            raise ValueError(f"event {kind!r} in phase {self.phase!r} of the lifespan")
        if kind.endswith(".failed"):
            self.failure = events.field(event, "message", str, "")
        self.phase = "serving" if kind == "lifespan.startup.complete" else "over"
        self.changed.notify()

    def on_application_error(self, error: BaseException) -> None:
        """lifespan.rst, "Scope": an exception before startup.complete means: no support for lifespan."""
        if self.phase == "startup":
            print(f"serving without lifespan: the application raised {type(error).__name__}", file=sys.stderr)
        elif self.phase != "over":
            traceback.print_exception(type(error), error, error.__traceback__)

    async def startup(self) -> None:
        """lifespan.rst, "Startup Complete": wait for it. An application that has returned gets no events."""
        await self.wait_for_answer("startup")

    async def shutdown(self) -> None:
        """lifespan.rst, "Shutdown" (all connections are closed) and "Shutdown Complete" (wait for it)."""
        if not self.returned:
            self.phase = "shutdown"
            self.events.append({"type": "lifespan.shutdown"})
            self.changed.notify()
            await self.wait_for_answer("shutdown")

    async def wait_for_answer(self, phase: str) -> None:
        while self.phase == phase and not self.returned:
            await self.changed.wait()
        if self.failure is not None:
            raise LifespanFailed(f"application {phase} failed: {self.failure}")

    async def close(self) -> None:
        """The last message is not the end of the call: give it time to clean up."""
        self.phase = "over"
        with anyio.move_on_after(GOODBYE):
            while not self.returned:
                await self.changed.wait()
