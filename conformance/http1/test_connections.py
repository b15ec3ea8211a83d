"""How long an HTTP/1 connection lasts, and HTTP/1.0: RFC 9112, sections 3.2.2, 6.1 and 9."""

import pytest

from asgi_conformance.fixtures.application import response_body, response_start
from asgi_conformance.fixtures.checks import case, inapplicable, requires
from asgi_conformance.fixtures.client import Http


@requires("rfc9112.persistence.default")
async def test_connection_persists(http: Http) -> None:
    """A connection serves several requests, one after the other, also with bodies."""
    connection = await http.connect()
    for number in range(5):
        exchange, application = await http.call("POST", f"/{number}", body=b"body %d" % number, connection=connection)
        assert await application.body() == b"body %d" % number
        await application.respond(200, body=b"answer %d" % number)
        assert (await exchange.response()).body == b"answer %d" % number
        await application.finish()
        assert connection.closed is None, "the server closed the connection"


@requires("rfc9112.persistence.close")
async def test_client_asks_for_the_end(http: Http) -> None:
    """A request with `Connection: close` is answered whole, and the server then closes the connection."""
    exchange, application = await http.call(headers=[(b"connection", b"close")])
    await application.respond(200, body=b"body")
    assert (await exchange.response()).body == b"body"
    await application.finish()
    assert await exchange.connection.until_closed() == "end"


@requires("rfc9112.persistence.close-sent")
async def test_application_asks_for_the_end(http: Http) -> None:
    """After a response that goes out with `Connection: close` no further request on the connection is served."""
    exchange, application = await http.call()
    await application.respond(200, [(b"connection", b"close")], b"body")
    response = await exchange.response()
    await application.finish()
    if b"close" not in [value.lower() for value in response.values(b"connection")]:
        inapplicable("the server leaves the application's Connection header out")
    further = await http.request(target="/further", connection=exchange.connection)
    await http.settle()
    assert not further.applications, "the server goes on with the next request"


OLD = b"GET /old HTTP/1.0\r\nHost: {host}\r\n\r\n"


@requires("http.scope.http-version.value")
async def test_old_version_is_told(http: Http) -> None:
    """`http_version` is "1.0" for a request in HTTP/1.0."""
    exchange = (await http.connect()).by_hand(OLD)
    application = await exchange.called()
    await application.respond()
    assert application.scope["http_version"] == "1.0"
    await exchange.response()


@requires("rfc9112.persistence.1.0")
async def test_connection_of_the_old_version_ends(http: Http) -> None:
    """A request in HTTP/1.0 without `Connection: keep-alive` is answered whole, and the connection then closed."""
    exchange = (await http.connect()).by_hand(OLD)
    application = await exchange.called()
    await application.respond(200, [(b"content-length", b"4")], b"body")
    assert (await exchange.response()).body == b"body"
    await application.finish()
    assert await exchange.connection.until_closed() == "end"


@pytest.mark.parametrize("pieces", [case("one-piece", [b"body"]), case("several-pieces", [b"bo", b"d", b"y"])])
@requires("rfc9112.transfer-encoding.not-to-1.0")
async def test_old_version_gets_no_transfer_encoding(http: Http, pieces: list[bytes]) -> None:
    """A request in HTTP/1.0 is answered without a Transfer-Encoding, and the body ends with the connection."""
    exchange = (await http.connect()).by_hand(OLD)
    application = await exchange.called()
    await application.send(response_start(200))
    for piece in pieces:
        await application.send(response_body(piece, more_body=True))
    await application.send(response_body())
    await application.finish()
    await exchange.ended()
    assert exchange.arrived is not None, exchange.outcome
    assert exchange.arrived.values(b"transfer-encoding") == []
    assert exchange.arrived.body == b"body"


@requires("rfc9112.absolute-form")
async def test_absolute_form_is_accepted(http: Http) -> None:
    """A request whose target is in absolute form reaches the application."""
    connection = await http.connect()
    exchange = connection.by_hand(b"GET http://{host}/absolute?query HTTP/1.1\r\nHost: {host}\r\n\r\n")
    application = await exchange.called()
    await application.respond()
    assert application.scope["query_string"] == b"query"
    assert (await exchange.response()).status == 204


@requires("rfc9112.pipelining.order")
async def test_pipelined_requests_are_answered_in_order(http: Http) -> None:
    """Requests that come without waiting for responses are answered in their order."""
    connection = await http.connect()
    exchanges = [await http.request(target=f"/{number}", connection=connection) for number in range(3)]
    for number, exchange in enumerate(exchanges):
        application = await exchange.called()
        assert application.scope["path"] == f"/{number}"
        await application.respond(200, body=b"answer %d" % number)
        assert (await exchange.response()).body == b"answer %d" % number
        await application.finish()
