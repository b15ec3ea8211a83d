"""Failures to start: the server ends, with an exit status that says so and a message that says why."""

import contextlib
from typing import Any

import pytest

from asgi_conformance.fixtures.checks import Broken, case, inapplicable, requires
from asgi_conformance.fixtures.process import BOOT, Process, startup_failed

RAISING = "raise RuntimeError('raised on import')\n"
FACTORY = "def create():\n    raise RuntimeError('raised by the factory')\n"
SOON = BOOT / 2
GARBAGE = "this is no certificate, and no key\n"

MISSING: dict[str, Any] = {"shared": True, "named": "no_such_module:app"}
BROKEN: dict[str, Any] = {"shared": True, "application": RAISING}
ATTRIBUTE: dict[str, Any] = {"shared": True, "application": "app = None\n", "named": "served:no_such_attribute"}
FAILING: dict[str, Any] = {"shared": True, "application": FACTORY, "named": "served:create", "factory": True}
TAKEN: dict[str, Any] = {"shared": True, "taken": True}
NO_FILE: dict[str, Any] = {"shared": True, "bad_certificate": ""}
NO_CERTIFICATE: dict[str, Any] = {"shared": True, "bad_certificate": GARBAGE}
ABOUT_TLS = "(?i)ssl|tls|cert|pem"


@pytest.mark.parametrize(
    "within",
    [
        case("missing-module", SOON, requires="process.startup.import-error", options=MISSING),
        case("raising-module", SOON, requires="process.startup.import-error", options=BROKEN),
        case("missing-attribute", SOON, requires="process.startup.import-error", options=ATTRIBUTE),
        case("raising-factory", SOON, requires="process.startup.import-error", options=FAILING),
        case("port-taken", BOOT, requires="process.startup.port-taken", options=TAKEN),  # some try again for a while
        case("missing-certificate", SOON, requires="process.startup.bad-certificate", options=NO_FILE),
        case("no-certificate", SOON, requires="process.startup.bad-certificate", options=NO_CERTIFICATE),
    ],
)
@requires()
async def test_failure_ends_the_server(process: Process, within: float) -> None:
    """A server that cannot start ends by itself, with an exit status other than 0; one that can does not."""
    assert await process.ended(within) != 0
    await process.serves_otherwise()


@requires("process.startup.lifespan")
async def test_exit_status_when_the_startup_of_the_application_fails(process: Process) -> None:
    """The exit status of a server whose application has answered lifespan.startup with its failure is recorded."""
    lifespan = await process.lifespan()
    await lifespan.receive()
    with contextlib.suppress(Broken):  # the server may end before it has told that it has sent
        await lifespan.send_and_return(startup_failed(message="it failed"))
    if not await process.instance.ended(SOON):
        inapplicable("the server does not end, which is judged elsewhere")
    process.observe(f"status {await process.ended()}")


@pytest.mark.parametrize(
    "named",
    [
        case("missing-module", "no_such_module", options=MISSING),
        case("raising-module", "served", options=BROKEN),
        case("missing-attribute", "no_such_attribute", options=ATTRIBUTE),
        case("raising-factory", "served|create", options=FAILING),
        case("port-taken", "{port}", options=TAKEN),
        case("missing-certificate", ABOUT_TLS, options=NO_FILE),
        case("no-certificate", ABOUT_TLS, options=NO_CERTIFICATE),
    ],
)
@requires("process.startup.message")
async def test_failure_is_explained(process: Process, named: str) -> None:
    """What a server prints when it cannot start names what it has failed on."""
    pattern = named.replace("{port}", str(process.instance.port))

    async def explained() -> bool:
        return process.instance.has_logged(pattern)

    with contextlib.suppress(Broken):  # it may have ended
        await process.repeat(explained, "a message", SOON)
    assert await explained(), f"nothing names {pattern}: {process.instance.log_tail()}"
