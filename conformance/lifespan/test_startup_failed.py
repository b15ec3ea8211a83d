"""An application that says that its startup has failed: lifespan.rst, Scope, Startup Failed."""

import pytest

from asgi_conformance.fixtures.application import Application, Event
from asgi_conformance.fixtures.checks import case, inapplicable, requires
from asgi_conformance.fixtures.process import ENDS, SERVES, Process, startup_failed

MESSAGE = "there is no database, says the probe"


async def starting(process: Process) -> Application:
    """Return a lifespan call that has received its startup; the check ends where the protocol has no way to fail."""
    lifespan = await process.lifespan()
    if lifespan.scope["asgi"].get("spec_version", "1.0") == "1.0":
        inapplicable("the server claims version 1.0 of the protocol")
    await lifespan.receive()
    return lifespan


async def fail(lifespan: Application, event: Event, then: str) -> None:
    """Say that the startup has failed, and then return, raise, or wait; unlike the last, the first two let an error out."""
    raised = await lifespan.part(event, careless=then != "wait")
    if then == "wait":
        lifespan.start_receive()
    elif raised is None:
        await (lifespan.raise_error() if then == "raise" else lifespan.finish())


@pytest.mark.parametrize(
    ("event", "then"),
    [
        case("then-returns", startup_failed(message=MESSAGE), "return", requires="lifespan.startup-failed.not-serving"),
        case("then-waits", startup_failed(message=MESSAGE), "wait", requires="lifespan.startup-failed.not-serving"),
        case("then-raises", startup_failed(message=MESSAGE), "raise", requires="lifespan.startup-failed.then-raises"),
        case("no-message", startup_failed(), "return", requires="lifespan.startup-failed.message.default"),
    ],
)
@requires()
async def test_nothing_is_served(process: Process, event: Event, then: str) -> None:
    """After `lifespan.startup.failed` no request is answered, by the application or the server."""
    lifespan = await starting(process)
    early = await process.early_request()
    await fail(lifespan, event, then)
    fate = await process.fate()
    assert fate == ENDS or not fate.startswith((SERVES, "answers")), f"the server {fate}"
    if early is not None:
        assert not early.applications, "the application was called for an early request"
        assert not early.connection.received, early.outcome


@pytest.mark.parametrize(
    "event",
    [
        case("with-message", startup_failed(message=MESSAGE), requires="lifespan.startup-failed.type.value"),
        case("no-message", startup_failed(), requires="lifespan.startup-failed.message.default"),
    ],
)
@requires()
async def test_event_is_accepted(process: Process, event: Event) -> None:
    """`send` does not raise for a `lifespan.startup.failed`."""
    lifespan = await starting(process)
    assert await lifespan.part(event) is None


@pytest.mark.parametrize("then", [case("then-returns", "return"), case("then-raises", "raise")])
@requires("lifespan.startup-failed.logs", "lifespan.startup-failed.exits")
async def test_message_is_logged_and_the_server_exits(process: Process, then: str) -> None:
    """The server prints the message of a `lifespan.startup.failed` and ends, with all that it has started."""
    lifespan = await starting(process)
    await fail(lifespan, startup_failed(message=MESSAGE), then)
    await process.ended()
    await process.left_nothing()
    assert process.instance.has_logged(MESSAGE), f"what it printed is\n{process.log}"


@requires("lifespan.startup-failed.exits")
async def test_server_exits_although_the_application_waits(process: Process) -> None:
    """After a `lifespan.startup.failed` without a message the server ends, also if the application does not return."""
    lifespan = await starting(process)
    await fail(lifespan, startup_failed(), "wait")
    await process.ended()
    await process.left_nothing()
