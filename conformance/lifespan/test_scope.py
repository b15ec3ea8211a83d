"""What the application is called with for the lifespan, where, and what it receives first: lifespan.rst, Scope, Startup."""

from asgi_conformance.fixtures.checks import inapplicable, requires, unsupported
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.instance import Lifespan
from asgi_conformance.fixtures.values import Foreign, is_a, items, kind
from asgi_conformance.fixtures.websocket import WebSockets, accept, connected

VERSIONS = ("1.0", "2.0")


async def lifespan_of(http: Http) -> Lifespan:
    """Return the lifespan call of a server that answers requests; the check ends if there is none."""
    await http.settle()
    if http.instance.lifespan is None:
        unsupported("the lifespan protocol")
    return http.instance.lifespan


# --- the scope --------------------------------------------------------------------------------------------------------


@requires("lifespan.scope.type.type")
async def test_type_is_a_unicode_string(http: Http) -> None:
    """`scope["type"]` is exactly a str."""
    assert kind((await lifespan_of(http)).scope["type"]) == "str"


@requires("lifespan.scope.type.value")
async def test_type_is_lifespan(http: Http) -> None:
    """`scope["type"]` is "lifespan"."""
    assert (await lifespan_of(http)).scope["type"] == "lifespan"


@requires("lifespan.scope.asgi-version.type")
async def test_asgi_version_is_a_unicode_string(http: Http) -> None:
    """`scope["asgi"]["version"]` is exactly a str."""
    assert kind((await lifespan_of(http)).scope["asgi"]["version"]) == "str"


async def spec_version(http: Http) -> object:
    """Return the version that the server claims; the check ends if it claims none."""
    asgi = (await lifespan_of(http)).scope["asgi"]
    if "spec_version" not in asgi:
        inapplicable("there is no spec_version, which is optional")
    version: object = asgi["spec_version"]
    return version


@requires("lifespan.scope.spec-version.type")
async def test_spec_version_is_a_unicode_string(http: Http) -> None:
    """`scope["asgi"]["spec_version"]` is exactly a str."""
    assert kind(await spec_version(http)) == "str"


@requires("lifespan.scope.spec-version.value")
async def test_spec_version_is_one_of_the_lifespan_protocol(http: Http) -> None:
    """`scope["asgi"]["spec_version"]` is a version that the lifespan protocol has had."""
    assert await spec_version(http) in VERSIONS


@requires("lifespan.scope.spec-version.default")
async def test_spec_version_claimed(http: Http) -> None:
    """Which version is claimed, or none, is the server's choice."""
    http.observe(f"claims {(await lifespan_of(http)).scope['asgi'].get('spec_version', 'none')}")


# --- the state --------------------------------------------------------------------------------------------------------


async def state_of(http: Http) -> object:
    """Return the state that the lifespan was called with; the check ends if there is none."""
    scope = (await lifespan_of(http)).scope
    if "state" not in scope:
        inapplicable("the lifespan's scope has no state, which is optional")
    return scope["state"]


@requires("lifespan.scope.state.type")
async def test_state_is_a_dict(http: Http) -> None:
    """`scope["state"]`, where it is there, is a dict."""
    state = await state_of(http)
    assert is_a(state, "dict"), f"it is a {kind(state)}"


@requires("lifespan.scope.state.empty")
async def test_state_is_empty(http: Http) -> None:
    """`scope["state"]` is empty when the application is called."""
    assert items(await state_of(http)) == []


@requires("lifespan.scope.state.default")
async def test_state_offered(http: Http) -> None:
    """Whether there is a state is the server's choice."""
    http.observe("offers a state" if "state" in (await lifespan_of(http)).scope else "offers none")


# --- the event loop ---------------------------------------------------------------------------------------------------


@requires("lifespan.loop.same")
async def test_requests_run_in_the_event_loop_of_the_lifespan(http: Http) -> None:
    """A request is handled in the process and the event loop in which the lifespan's startup was completed."""
    await lifespan_of(http)
    exchange, application = await http.call()
    loops = [lifespan.loop for lifespan in http.instance.every_lifespan if lifespan.complete]
    assert (application.process_id, *application.loop) in loops
    await application.respond()
    await exchange.response()


@requires("lifespan.loop.same")
async def test_websockets_run_in_the_event_loop_of_the_lifespan(websocket: WebSockets) -> None:
    """A WebSocket is handled in the process and the event loop in which the lifespan's startup was completed."""
    peer, application = await websocket.call()
    if websocket.instance.lifespan is None:
        unsupported("the lifespan protocol")
    if application.scope["type"] != "websocket":
        unsupported("WebSocket")
    loops = [lifespan.loop for lifespan in websocket.instance.every_lifespan if lifespan.complete]
    assert (application.process_id, *application.loop) in loops
    await connected(application)
    await application.send(accept())
    await peer.accepted()


@requires("lifespan.loop.once")
async def test_lifespan_is_called_once_for_the_event_loop(http: Http) -> None:
    """There has been one call with a lifespan scope in the event loop in which requests are handled."""
    await lifespan_of(http)
    exchange, application = await http.call()
    loop = (application.process_id, *application.loop)
    assert [lifespan.loop for lifespan in http.instance.every_lifespan].count(loop) == 1
    await application.respond()
    await exchange.response()


# --- the first event --------------------------------------------------------------------------------------------------


async def first_event(http: Http) -> dict[object, object]:
    """Return what the first receive of the lifespan gave."""
    event = (await lifespan_of(http)).first
    event = event.value if isinstance(event, Foreign) else event
    assert isinstance(event, dict), f"the first receive gave {event!r}"
    return event


@requires("lifespan.startup.sent", "lifespan.startup.type.value")
async def test_first_event_is_the_startup(http: Http) -> None:
    """The first `receive` of the lifespan gives a `lifespan.startup`."""
    assert (await first_event(http)).get("type") == "lifespan.startup"


@requires("lifespan.startup.type.type")
async def test_type_of_the_startup_is_a_unicode_string(http: Http) -> None:
    """The `type` of the first event is exactly a str."""
    assert kind((await first_event(http)).get("type")) == "str"
