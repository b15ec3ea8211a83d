"""How long a scope lives, what is shared between scopes, and `state`: www.rst, HTTP Connection Scope; lifespan.rst."""

from asgi_conformance.fixtures.checks import inapplicable, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.instance import LIFESPAN_STATE


@requires("http.scope-per-request.single")
async def test_application_is_called_once_for_a_request(http: Http) -> None:
    """The application is called once for each request, also when it takes its time and the body comes in pieces."""
    exchange = await http.request("POST", pieces=[b"one", b"two"])
    application = await exchange.called()
    assert await application.body() == b"onetwo"
    await http.exchange()
    await application.respond()
    await exchange.response()
    await http.exchange()
    assert len(exchange.applications) == 1


@requires("http.scope-per-request.called-at-start")
async def test_application_is_called_before_the_body_is_complete(http: Http) -> None:
    """The application is called at the start of the request, while its body is still to come."""
    assert await http.calls_at_start(), "the application is called only once the body is complete"


@requires("http.scope-per-request.kept-alive")
async def test_each_request_on_a_connection_has_its_own_scope(http: Http) -> None:
    """Each request on a kept-alive connection has a scope of its own, which shows nothing of the one before."""
    connection = await http.connect()
    exchange, application = await http.call("POST", "/first?one", [(b"x-first", b"1")], b"body", connection)
    await application.assign(["left"], "by the first request")
    await application.body()
    await application.respond()
    await exchange.response()
    await application.finish()
    if connection.closed:
        inapplicable("the server closes the connection after each response")
    scope = await http.scope("GET", "/second", [(b"x-second", b"2")], connection)
    assert (scope["method"], scope["path"], scope["query_string"]) == ("GET", "/second", b"")
    assert b"x-first" not in [name.lower() for name, _ in scope["headers"]]
    assert "left" not in scope


@requires("http.connection.long-response")
async def test_scope_lasts_while_the_response_is_held_open(http: Http) -> None:
    """A response that is held open stays so, and its application goes on, while others come and go."""
    exchange, application = await http.call()
    await application.send({"type": "http.response.start", "status": 200, "headers": []})
    await application.send({"type": "http.response.body", "body": b"first", "more_body": True})
    await exchange.body_bytes(5)
    for _ in range(5):
        await http.exchange()
    assert not application.over
    assert not exchange.over
    await application.send({"type": "http.response.body", "body": b" and last"})
    assert (await exchange.response()).body == b"first and last"


@requires("http.scope.state.value")
async def test_state_holds_what_the_lifespan_put_there(http: Http) -> None:
    """`state` holds what the application put into it during the lifespan's startup."""
    scope = await http.scope()
    if "state" not in scope:
        inapplicable("the scope has no state, which is optional")
    state = scope["state"]
    assert state == {**state, **LIFESPAN_STATE}


@requires("http.scope.state.value")
async def test_objects_in_state_are_shared(http: Http) -> None:
    """The copy of `state` is shallow: two requests find the same object under one key."""
    identities = []
    for _ in range(2):
        exchange, application = await http.call()
        if "state" not in application.scope:
            inapplicable("the scope has no state, which is optional")
        identities.append((application.process_id, await application.identify(["state", "shared"])))
        await application.respond()
        await exchange.response()
    assert identities[0] == identities[1]


@requires("http.scope.state.copy")
async def test_state_is_a_copy_for_each_request(http: Http) -> None:
    """What one request puts into its `state` shows in no other, neither at the same time nor later."""
    first, application = await http.call()
    if "state" not in application.scope:
        inapplicable("the scope has no state, which is optional")
    second, meanwhile = await http.call()
    await application.assign(["state", "leaked"], "by the first request")
    assert await meanwhile.identify(["state"]) != await application.identify(["state"])
    assert "leaked" not in await meanwhile.look(["state"])
    for exchange, call in ((first, application), (second, meanwhile)):
        await call.respond()
        await exchange.response()
    later = await http.scope()
    assert "leaked" not in later["state"]
