"""Events that an application must not send in its lifespan: asgi.rst, Error Handling; the keys of lifespan.rst's events."""

from typing import Any

import pytest

from asgi_conformance.fixtures.application import Application, Event
from asgi_conformance.fixtures.checks import case, inapplicable, requires
from asgi_conformance.fixtures.process import (
    SHUTDOWN_COMPLETE,
    STARTUP_COMPLETE,
    Process,
    shutdown_failed,
    startup_failed,
)

UNKNOWN = [{"type": "lifespan.startup.probe"}, {"type": ""}, {"type": "http.response.start", "status": 200}]
TYPELESS = [{}, {"message": "there is no type"}]
NO_DICTS = [None, "lifespan.startup.complete", ["type"], 1]
TYPES = (None, 1, ["lifespan"])
MESSAGES = (1, b"bytes", ["list"], {"a": "dict"})


async def accepted(lifespan: Application, events: list[Any]) -> list[Any]:
    """Send events as long as they are refused and the call lasts; return the first that is not refused."""
    for event in events:
        step = await lifespan.parting(event)
        if step.done and step.raised is None:
            return [event]
        if lifespan.over:
            break
    return []


async def phase(process: Process, name: str) -> Application:
    """Return a lifespan call that has received its startup, or its shutdown."""
    if name == "startup":
        lifespan = await process.lifespan()
        await lifespan.receive()
        return lifespan
    lifespan = await process.complete_startup()
    await process.shut_down(lifespan)
    return lifespan


def types(name: str) -> list[Any]:
    """Return the events of a phase with types that are no Unicode strings."""
    return [{"type": value} for value in (f"lifespan.{name}".encode(), *TYPES)]


@pytest.mark.parametrize(
    "events",
    [
        case("unknown-type", UNKNOWN, requires="core.send.unknown-type.raises"),
        case("no-type", TYPELESS, requires="core.send.missing-key.raises"),
        case("not-a-dict", NO_DICTS, requires="core.send.not-a-dict.raises"),
    ],
)
@requires()
async def test_invalid_event_is_refused(process: Process, events: list[Any]) -> None:
    """`send` raises for an event of an unknown type, without a type, or that is no dict."""
    lifespan = await phase(process, "startup")
    assert await accepted(lifespan, events) == [], "send returned for this event"


@pytest.mark.parametrize(
    ("serving", "events"),
    [
        case("during-startup", False, [SHUTDOWN_COMPLETE, shutdown_failed(message="too early")]),
        case("startup-again", True, [STARTUP_COMPLETE, startup_failed(message="too late")]),
        case("before-shutdown", True, [SHUTDOWN_COMPLETE, shutdown_failed(message="too early")]),
    ],
)
@requires("core.send.wrong-order.raises")
async def test_event_out_of_its_phase_is_refused(process: Process, serving: bool, events: list[Event]) -> None:
    """`send` raises for a second answer to the startup, and for the answers to a shutdown that has not begun."""
    lifespan = await (process.complete_startup() if serving else phase(process, "startup"))
    assert await accepted(lifespan, events) == [], "send returned for this event"


@requires("core.send.invalid-event.no-effect")
async def test_refused_event_leaves_the_startup_to_the_application(process: Process) -> None:
    """After `send` has refused events the application can still complete its startup, and requests are served."""
    lifespan = await phase(process, "startup")
    if await accepted(lifespan, [*UNKNOWN, *TYPELESS, *NO_DICTS]):
        inapplicable("send does not refuse these events, which is judged elsewhere")
    assert await lifespan.attempt(STARTUP_COMPLETE) is None
    await process.serving()
    assert (await process.exchange()).status == 204


@requires("core.send.extra-keys-accepted")
async def test_additional_keys_are_accepted(process: Process) -> None:
    """Keys that the specification does not know make no difference."""
    lifespan = await phase(process, "startup")
    assert await lifespan.attempt({**STARTUP_COMPLETE, "probe": "value", "message": 1}) is None
    await process.serving()
    assert (await process.exchange()).status == 204


@pytest.mark.parametrize(
    ("name", "event"),
    [
        case("startup-complete", "startup", "startup.complete", requires="lifespan.startup-complete.type.type"),
        case("startup-failed", "startup", "startup.failed", requires="lifespan.startup-failed.type.type"),
        case("shutdown-complete", "shutdown", "shutdown.complete", requires="lifespan.shutdown-complete.type.type"),
        case("shutdown-failed", "shutdown", "shutdown.failed", requires="lifespan.shutdown-failed.type.type"),
    ],
)
@requires()
async def test_type_that_is_no_unicode_string_is_refused(process: Process, name: str, event: str) -> None:
    """`send` raises for a type that is no Unicode string."""
    lifespan = await phase(process, name)
    assert await accepted(lifespan, types(event)) == [], "send returned for this event"


@pytest.mark.parametrize(
    "name",
    [
        case("startup", "startup", requires="lifespan.startup-failed.message.type"),
        case("shutdown", "shutdown", requires="lifespan.shutdown-failed.message.type"),
    ],
)
@requires()
async def test_message_that_is_no_unicode_string_is_refused(process: Process, name: str) -> None:
    """`send` raises for a `message` that is no Unicode string."""
    lifespan = await phase(process, name)
    if lifespan.scope["asgi"].get("spec_version", "1.0") == "1.0":
        inapplicable("the server claims version 1.0 of the protocol")
    make = startup_failed if name == "startup" else shutdown_failed
    assert await accepted(lifespan, [make(message=value) for value in MESSAGES]) == [], "send returned for this event"
