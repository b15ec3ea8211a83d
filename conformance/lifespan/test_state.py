"""The state of the lifespan in the scopes of requests and WebSockets: lifespan.rst, Lifespan State."""

import pytest

from asgi_conformance.fixtures.application import Application
from asgi_conformance.fixtures.checks import case, inapplicable, requires, unsupported
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.instance import LIFESPAN_STATE
from asgi_conformance.fixtures.process import STARTUP_COMPLETE, Process
from asgi_conformance.fixtures.values import Recipe, items
from asgi_conformance.fixtures.websocket import WebSockets, accept, connected

PROTOCOLS = [case("http", "http"), case("websocket", "websocket")]


class Calls:
    """Calls of the application over HTTP or over WebSocket, on the stage of a client for HTTP."""

    def __init__(self, http: Http, protocol: str) -> None:
        self.http, self.protocol = http, protocol
        self.websocket = WebSockets(http.fleet, http.options)
        self.websocket.stage = http.stage

    async def call(self) -> Application:
        """Have the application called, and accept a WebSocket that is asked for."""
        if self.protocol == "http":
            _, application = await self.http.call()
            return application
        if not self.http.fleet.launch.server.websocket:
            unsupported("WebSocket")
        peer, application = await self.websocket.call()
        if application.scope["type"] != "websocket":
            unsupported("WebSocket")
        await connected(application)
        await application.send(accept())
        await peer.accepted()
        return application

    async def call_with_state(self) -> Application:
        """Have the application called; the check ends where the lifespan has no state."""
        application = await self.call()
        lifespan = self.http.instance.lifespan
        if lifespan is None:
            unsupported("the lifespan protocol")
        if "state" not in lifespan.scope:
            inapplicable("the lifespan's scope has no state, which is optional")
        return application


@pytest.fixture(params=PROTOCOLS)
def calls(http: Http, request: pytest.FixtureRequest) -> Calls:
    """Calls over one protocol after the other."""
    return Calls(http, request.param)


@requires("lifespan.state.offered")
async def test_state_of_a_request_comes_from_a_lifespan(http: Http, calls: Calls) -> None:
    """Where the scope has a state, the lifespan's scope has one too."""
    application = await calls.call()
    if "state" not in application.scope:
        inapplicable("the scope has no state, which is optional")
    assert http.instance.lifespan is not None, "the application was never called for the lifespan"
    assert "state" in http.instance.lifespan.scope


@requires("lifespan.state.passed")
async def test_state_is_passed_on(http: Http, calls: Calls) -> None:
    """What the application has put into the state during startup is in the scope's state."""
    state = (await calls.call_with_state()).scope["state"]
    assert {key: state.get(key) for key in LIFESPAN_STATE} == LIFESPAN_STATE


@requires("lifespan.state.shallow")
async def test_objects_are_shared(http: Http, calls: Calls) -> None:
    """Two calls find the same object under one key, not one copy each."""
    one, other = await calls.call_with_state(), await calls.call()
    if one.process_id == other.process_id:
        assert await one.identify(["state", "shared"]) == await other.identify(["state", "shared"])


@requires("lifespan.state.separate")
async def test_each_call_has_a_state_of_its_own(http: Http, calls: Calls) -> None:
    """A key that a call sets in its state shows in no other call, neither at the same time nor later."""
    one, meanwhile = await calls.call_with_state(), await calls.call()
    await one.assign(["state", "leaked"], "by a call")
    assert "leaked" not in await meanwhile.look(["state"])
    later = await calls.call()
    assert "leaked" not in later.scope["state"]


@requires("lifespan.state.untouched")
async def test_server_adds_nothing(http: Http, calls: Calls) -> None:
    """The scope's state has no key that the application has not put there."""
    assert sorted(items((await calls.call_with_state()).scope["state"])) == sorted(LIFESPAN_STATE)


# --- as the lifespan itself sees it -----------------------------------------------------------------------------------


async def lifespan_with_state(process: Process) -> Application:
    """Return a lifespan call that has received its startup; the check ends if there is no state."""
    lifespan = await process.lifespan()
    if "state" not in lifespan.scope:
        inapplicable("the lifespan's scope has no state, which is optional")
    await lifespan.receive()
    return lifespan


@requires("lifespan.state.separate")
async def test_requests_on_one_connection_have_states_of_their_own(http: Http) -> None:
    """A key that a request sets in its state does not show in the next request on the same connection."""
    connection = await http.connect()
    exchange, application = await http.call(connection=connection)
    if "state" not in application.scope:
        inapplicable("the scope has no state, which is optional")
    await application.assign(["state", "leaked"], "by a request")
    await application.respond()
    await exchange.response()
    await application.finish()
    if connection.closed is not None:
        inapplicable("the connection does not persist")
    later, application = await http.call(connection=connection)
    assert "leaked" not in application.scope["state"]
    await application.respond()
    await later.response()


@requires("lifespan.state.any-value", "lifespan.state.shallow", "lifespan.state.separate")
async def test_requests_see_the_very_object_of_the_lifespan(process: Process) -> None:
    """An object that can be neither copied nor pickled is in a request's state, whose own keys the lifespan's lacks."""
    lifespan = await lifespan_with_state(process)
    await lifespan.assign(["state", "lock"], Recipe("lock"))
    await lifespan.send(STARTUP_COMPLETE)
    await process.serving()
    exchange, application = await process.http.call()
    assert await application.identify(["state", "lock"]) == await lifespan.identify(["state", "lock"])
    await application.assign(["state", "leaked"], "by a request")
    assert "leaked" not in await lifespan.look(["state"])
    await application.respond()
    await exchange.response()


@requires("lifespan.state.untouched")
async def test_state_lasts_until_shutdown(process: Process) -> None:
    """At shutdown the lifespan's state holds what the application has put there, and nothing else."""
    lifespan = await lifespan_with_state(process)
    await lifespan.assign(["state", "kept"], "by the lifespan")
    await lifespan.send(STARTUP_COMPLETE)
    await process.serving()
    await process.shut_down(lifespan)
    assert await lifespan.look(["state"]) == {"kept": "by the lifespan"}
