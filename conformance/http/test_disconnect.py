"""What the application is told when the client leaves or the response is over: www.rst, Disconnect - receive event."""

from collections.abc import Callable

import pytest

from asgi_conformance.fixtures.application import Application, response_body, response_start
from asgi_conformance.fixtures.checks import case, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.http1 import Exchange, Http1Connection
from asgi_conformance.fixtures.values import kind

Leave = Callable[[Http1Connection], None]
WAYS = [case("close", Http1Connection.close), case("reset", Http1Connection.reset)]


async def begun(http: Http) -> tuple[Exchange, Application]:
    """Return an exchange whose request is complete and whose response has begun."""
    exchange, application = await http.call()
    await application.body()
    await application.send(response_start(200))
    await application.send(response_body(b"first", more_body=True))
    await exchange.body_bytes(5)
    return exchange, application


@pytest.mark.parametrize("leave", WAYS)
@requires("http.disconnect.while-waiting")
async def test_client_leaves_while_the_application_waits(http: Http, leave: Leave) -> None:
    """A `receive` that waits when the client leaves gives http.disconnect."""
    exchange, application = await http.call()
    await application.body()
    waiting = application.start_receive()
    await http.exchange()
    leave(exchange.connection)
    assert (await waiting.value())["type"] == "http.disconnect"


@pytest.mark.parametrize("leave", WAYS)
@requires("http.disconnect.while-waiting")
async def test_client_leaves_during_the_response_while_the_application_waits(http: Http, leave: Leave) -> None:
    """A `receive` that waits when the client leaves in the middle of the response gives http.disconnect."""
    exchange, application = await begun(http)
    waiting = application.start_receive()
    await http.exchange()
    leave(exchange.connection)
    assert (await waiting.value())["type"] == "http.disconnect"


@pytest.mark.parametrize("leave", WAYS)
@requires("http.disconnect.after-close")
async def test_client_has_left_before_the_response(http: Http, leave: Leave) -> None:
    """A `receive` that is called after the client has left gives http.disconnect."""
    exchange, application = await http.call("POST", body=b"body")
    await application.body()
    leave(exchange.connection)
    await http.exchange()
    assert (await application.receive())["type"] == "http.disconnect"


@pytest.mark.parametrize("leave", WAYS)
@requires("http.disconnect.after-close")
async def test_client_has_left_before_the_body_was_received(http: Http, leave: Leave) -> None:
    """After the client has left, `receive` gives http.disconnect, at once or after what it had sent before."""
    exchange, application = await http.call("POST", body=b"body")
    leave(exchange.connection)
    await http.exchange()
    *pieces, last = await application.events_until(lambda event: event["type"] != "http.request")
    assert b"".join(event.get("body", b"") for event in pieces) in (b"", b"body")
    assert last["type"] == "http.disconnect"


@pytest.mark.parametrize("leave", WAYS)
@requires("http.disconnect.after-close")
async def test_client_has_left_during_the_response(http: Http, leave: Leave) -> None:
    """A `receive` that is called after the client has left in the middle of the response gives http.disconnect."""
    exchange, application = await begun(http)
    leave(exchange.connection)
    await http.exchange()
    assert (await application.receive())["type"] == "http.disconnect"


@requires("http.disconnect.after-response.comes")
async def test_receive_after_the_response(http: Http) -> None:
    """A `receive` that is called after the response gives http.disconnect, though the client is still connected."""
    exchange, application = await http.call()
    await application.body()
    await application.respond()
    await exchange.response()
    assert (await application.receive())["type"] == "http.disconnect"


@requires("http.disconnect.after-response.pending")
async def test_receive_that_waits_during_the_response(http: Http) -> None:
    """What a `receive` that waits while the response is sent does when that is complete is the server's choice."""
    exchange, application = await http.call()
    await application.body()
    waiting = application.start_receive()
    await application.respond()
    await exchange.response()
    await http.settle()
    http.observe("it has returned" if waiting.done else "it still waits")


@pytest.mark.parametrize("body", [case("body-received", True), case("body-not-received", False)])
@requires("http.disconnect.after-response.only")
async def test_nothing_but_a_disconnect_after_the_response(http: Http, body: bool) -> None:
    """Whatever `receive` gives after the response and after what was left of the body is http.disconnect."""
    exchange, application = await http.call("POST", body=b"body")
    if body:
        await application.body()
    await application.respond()
    await exchange.response()
    exchange.connection.close()
    if not body:  # whatever was left of it may be given first
        *_, last = await application.events_until(
            lambda event: event["type"] != "http.request" or not event.get("more_body", False)
        )
        if last["type"] == "http.disconnect":
            return
    assert (await application.receive())["type"] == "http.disconnect"


@requires("http.disconnect.repeatable")
async def test_disconnect_after_the_response_is_repeatable(http: Http) -> None:
    """After the response and the client's leaving every `receive` gives http.disconnect, not only the first."""
    exchange, application = await http.call()
    await application.body()
    await application.respond()
    await exchange.response()
    exchange.connection.close()
    assert [(await application.receive())["type"] for _ in range(3)] == ["http.disconnect"] * 3


@pytest.mark.parametrize("leave", WAYS)
@requires("http.disconnect.repeatable")
async def test_disconnect_before_the_response_is_repeatable(http: Http, leave: Leave) -> None:
    """After the client has left every `receive` gives http.disconnect, not only the first."""
    exchange, application = await http.call()
    await application.body()
    leave(exchange.connection)
    assert [(await application.receive())["type"] for _ in range(3)] == ["http.disconnect"] * 3


@requires("http.disconnect.type.type", "http.disconnect.type.value")
async def test_type_of_the_event(http: Http) -> None:
    """The `type` of the event is exactly a str, "http.disconnect"."""
    exchange, application = await http.call()
    await application.body()
    exchange.connection.close()
    event = await application.receive()
    assert (kind(event["type"]), event["type"]) == ("str", "http.disconnect")
