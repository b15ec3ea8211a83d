"""Any lifespan: whatever an application sends in the course of it, the server does one of the things that it may."""

from typing import Any

from hypothesis import strategies as st

from asgi_conformance.fixtures.application import Application, Event
from asgi_conformance.fixtures.checks import Broken, requires
from asgi_conformance.fixtures.process import (
    ENDS,
    NEITHER,
    SERVES,
    SHUTDOWN_COMPLETE,
    STARTUP_COMPLETE,
    Process,
    startup_failed,
)
from asgi_conformance.fixtures.properties import given

KNOWN = tuple(f"lifespan.{phase}{end}" for phase in ("startup", "shutdown") for end in (".complete", ".failed"))
ALMOST = tuple(change(name) for name in KNOWN for change in (str.upper, str.title, str.encode, lambda name: name + "."))

types = st.text(max_size=8) | st.sampled_from(
    [*ALMOST, "lifespan", "lifespan.startup", "lifespan.shutdown", "http.response.start", None, 1]
)
illegal = st.one_of(
    st.fixed_dictionaries({"type": types}, optional={"message": st.text(max_size=8)}),
    st.fixed_dictionaries({}, optional={"message": st.text(max_size=8)}),
    st.sampled_from([None, "lifespan.startup.complete", 1]),
)
additional = st.dictionaries(st.sampled_from(["probe", "x"]), st.integers() | st.text(max_size=8), max_size=2)
messages = st.fixed_dictionaries({}, optional={"message": st.text(max_size=20)})

AFTER = {
    "complete": (SERVES,),
    "raise": (SERVES,),
    "return": (SERVES, ENDS),
    "failed": (ENDS, NEITHER),
}
"""What a server may do after the application has answered the startup in this way."""


async def without_effect(lifespan: Application, events: list[Any]) -> bool:
    """Send events that are none; tell whether the call has outlived them, which is judged elsewhere."""
    for event in events:
        await lifespan.part(event)
    return not lifespan.over


async def answer(lifespan: Application, way: str, keys: Event) -> None:
    """Answer the startup."""
    if way == "raise":
        await lifespan.raise_error()
    elif way == "return":
        await lifespan.finish()
    elif way == "complete":
        await lifespan.send({**STARTUP_COMPLETE, **keys})
    elif await lifespan.part(startup_failed(**keys), careless=True) is None:
        await lifespan.finish()


@requires(
    "lifespan.startup-complete.type.value",
    "lifespan.startup-failed.not-serving",
    "lifespan.exception.at-startup.continues",
    "lifespan.returned.at-startup.decided",
    "lifespan.shutdown-complete.type.value",
    "lifespan.shutdown-complete.terminates",
)
@given(
    share=10,
    before=st.lists(illegal, max_size=6),
    way=st.sampled_from(["complete", "complete", "failed", "return", "raise"]),
    message=messages,
    keys=additional,
    between=st.lists(illegal, max_size=6),
)
async def test_lifespan(
    process: Process, before: list[Any], way: str, message: Event, keys: Event, between: list[Any]
) -> None:
    """The answers to startup and shutdown have their effect, whatever the application has sent before in vain."""
    lifespan = await process.lifespan()
    await lifespan.receive()
    if not await without_effect(lifespan, before):
        return
    await lifespan.turn()
    early = await process.early_request()
    await lifespan.turn()
    if early is not None and early.applications:
        raise Broken("requests are served though the startup has not been answered")
    await answer(lifespan, way, {**keys, **(message if way == "failed" else {})})
    fate = await process.fate(1)
    if fate not in AFTER[way]:
        raise Broken(f"after {way} the server {fate}")
    if way != "complete":
        return
    if early is not None:
        await process.served_or_refused(early)
    await process.shut_down(lifespan)
    if not await without_effect(lifespan, between):
        raise Broken("the call of the application was ended before it had completed its shutdown")
    await lifespan.part(SHUTDOWN_COMPLETE)
    await lifespan.finish()
    await process.ended()
