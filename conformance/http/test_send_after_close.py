"""What `send` does once the client has left: www.rst, Disconnected Client - send exception; asgi.rst, Error Handling."""

from collections.abc import Callable

import pytest

from asgi_conformance.fixtures.application import Application, Raised, response_body, response_start
from asgi_conformance.fixtures.checks import case, inapplicable, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.http1 import Http1Connection

Leave = Callable[[Http1Connection], None]
WAYS = [case("close", Http1Connection.close), case("reset", Http1Connection.reset)]
ATTEMPTS = 30


async def abandoned(http: Http, leave: Leave) -> Application:
    """Return an application whose client has left in the middle of the response, and which has been told so."""
    exchange, application = await http.call()
    await application.body()
    await application.send(response_start(200))
    await application.send(response_body(b"first", more_body=True))
    await exchange.body_bytes(5)
    leave(exchange.connection)
    await application.receive()
    return application


async def error_of_send(http: Http, application: Application) -> Raised | None:
    """Send until `send` raises, which it may do only once the server has noticed; return what it raised."""
    for _ in range(ATTEMPTS):
        raised = await application.attempt(response_body(b"more", more_body=True))
        if raised is not None:
            return raised
        await http.exchange()
    return None


async def error_since_2_4(http: Http, leave: Leave) -> tuple[Application, Raised | None]:
    """Return an abandoned application with what its `send` raised; the check ends if the server claims less than 2.4."""
    application = await abandoned(http, leave)
    if application.claims < (2, 4):
        inapplicable(
            f"the rule is from spec_version 2.4, and the server claims {'.'.join(map(str, application.claims))}"
        )
    return application, await error_of_send(http, application)


@pytest.mark.parametrize("leave", WAYS)
@requires("http.send-after-close.raises", "http.disconnect.then-send-raises")
async def test_send_raises(http: Http, leave: Leave) -> None:
    """After the client has left and http.disconnect was received, `send` raises."""
    _, raised = await error_since_2_4(http, leave)
    assert raised is not None, f"{ATTEMPTS} calls of send returned"


@pytest.mark.parametrize("leave", WAYS)
@requires("http.send-after-close.oserror")
async def test_send_raises_an_oserror(http: Http, leave: Leave) -> None:
    """What `send` raises after the client has left is an OSError."""
    _, raised = await error_since_2_4(http, leave)
    if raised is None:
        inapplicable("send does not raise, which is judged elsewhere")
    assert raised.is_a("OSError"), f"send raised {raised!r}"


@requires("http.send-after-close.server-specific")
async def test_class_of_the_error(http: Http) -> None:
    """Whether the error is of a class of the server's own is recorded."""
    _, raised = await error_since_2_4(http, Http1Connection.close)
    http.observe("send does not raise" if raised is None else f"send raises {raised.type}")


@pytest.mark.parametrize("leave", WAYS)
@requires("http.send-after-close.caught")
async def test_error_of_send_is_caught_by_the_server(http: Http, leave: Leave) -> None:
    """The server survives it when the application lets the error of `send` out, and serves on."""
    application, raised = await error_since_2_4(http, leave)
    if raised is None:
        inapplicable("send does not raise, which is judged elsewhere")
    await application.raise_error("again")
    assert (await http.exchange()).status == 204


@pytest.mark.parametrize("leave", WAYS)
@requires("http.send-after-close.not-logged")
async def test_error_of_send_is_not_logged(http: Http, leave: Leave) -> None:
    """The error of `send`, let out by the application, is not logged as an error."""
    position = http.instance.log_position()
    application, raised = await error_since_2_4(http, leave)
    if raised is None:
        inapplicable("send does not raise, which is judged elsewhere")
    await application.raise_error("again")
    await http.exchange()
    await http.exchange()
    logged = http.instance.has_logged("Traceback", position)
    assert not logged, f"the server logged:\n{http.instance.log_since(position)}"


@pytest.mark.parametrize("leave", WAYS)
@requires("core.send.after-close.no-op")
async def test_send_does_nothing_before_2_4(http: Http, leave: Leave) -> None:
    """Where the server claims less than 2.4, `send` does nothing after the client has left, and does not raise."""
    application = await abandoned(http, leave)
    if application.claims >= (2, 4):
        inapplicable("from spec_version 2.4 on, which the server claims, send should raise")
    assert await error_of_send(http, application) is None


@pytest.mark.parametrize("leave", WAYS)
@requires("core.send.error-caught-and-ignored")
async def test_whatever_send_raises_is_caught(http: Http, leave: Leave) -> None:
    """Whatever `send` raises after the client has left, the server catches it when the application lets it out."""
    application = await abandoned(http, leave)
    raised = await error_of_send(http, application)
    if raised is None:
        await application.finish()
    else:
        await application.raise_error("again")
    assert (await http.exchange()).status == 204
    assert http.instance.exit_status is None
