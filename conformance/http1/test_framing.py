"""How a response is framed on an HTTP/1.1 connection: RFC 9112, sections 6 and 9."""

import pytest

from asgi_conformance.fixtures.application import response_body, response_start
from asgi_conformance.fixtures.checks import case, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.http1 import Exchange, Http1Connection


async def attempted(http: Http, connection: Http1Connection, length: int, pieces: list[bytes]) -> Exchange:
    """Have the application declare a length and send something else; return when nothing is on its way any more."""
    exchange, application = await http.call(connection=connection)
    events = [response_start(200, [(b"content-length", b"%d" % length)])]
    events += [response_body(piece, more_body=True) for piece in pieces]
    await application.conclude(*events, response_body())
    await http.settle()
    return exchange


@pytest.mark.parametrize(
    "pieces",
    [
        case("in-one-piece", [b"0123456789"]),
        case("in-the-second-piece", [b"012", b"3456789"]),
        case("in-a-further-piece", [b"01234", b"56789"]),
    ],
)
@requires("rfc9112.content-length.delimits")
async def test_body_longer_than_its_length(http: Http, pieces: list[bytes]) -> None:
    """Of a body that is longer than the declared Content-Length nothing goes out beyond that length."""
    connection = await http.connect()
    exchange = await attempted(http, connection, 5, pieces)
    if exchange.arrived is not None and exchange.arrived.status == 200:
        assert bytes(exchange.arrived.body) in (b"", b"012", b"01234")
    assert not connection.surplus, f"after the response: {bytes(connection.surplus)!r}"
    assert b"56789" not in connection.received


@requires("rfc9112.incomplete.close")
async def test_body_shorter_than_its_length(http: Http) -> None:
    """After a body that is shorter than the declared Content-Length the connection is closed."""
    connection = await http.connect()
    exchange = await attempted(http, connection, 10, [b"01234"])
    await exchange.ended()
    if not exchange.complete:
        assert connection.closed is not None
    else:
        assert exchange.arrived is not None
        assert exchange.arrived.status == 500


@requires("rfc9110.content-length.incorrect")
async def test_length_that_is_not_true_of_the_body(http: Http) -> None:
    """A response whose Content-Length is not true of its body is not passed off as a whole one."""
    connection = await http.connect()
    exchange = await attempted(http, connection, 10, [b"01234"])
    assert not (exchange.complete and exchange.arrived is not None and exchange.arrived.status == 200)


@pytest.mark.parametrize(
    ("headers", "pieces"),
    [
        case("with-length", [(b"content-length", b"4")], [b"body"]),
        case("without-length", [], [b"body"]),
        case("in-pieces", [], [b"bo", b"dy"]),
        case("empty", [], []),
    ],
)
@requires("rfc9112.transfer-encoding.not-with-content-length")
async def test_one_framing_only(http: Http, headers: list[tuple[bytes, bytes]], pieces: list[bytes]) -> None:
    """A response has a Content-Length or a Transfer-Encoding, never both."""
    exchange, application = await http.call()
    await application.send(response_start(200, headers))
    for piece in pieces:
        await application.send(response_body(piece, more_body=True))
    await application.send(response_body())
    response = await exchange.response()
    assert response.body == b"".join(pieces)
    assert not (response.values(b"content-length") and response.values(b"transfer-encoding"))


@requires("rfc9112.transfer-encoding.not-twice")
async def test_body_is_chunked_once(http: Http) -> None:
    """A body that looks chunked, with the application's own Transfer-Encoding, is not taken for framing."""
    body = b"4\r\nbody\r\n0\r\n\r\n"
    exchange, application = await http.call()
    raised = await application.attempt(response_start(200, [(b"transfer-encoding", b"chunked")]))
    if raised is not None:
        http.observe(f"send raises {raised!r}")
        return
    await application.send(response_body(body))
    response = await exchange.response()
    assert response.values(b"transfer-encoding") in ([], [b"chunked"])
    assert response.body == body


@requires("rfc9112.transfer-encoding.not-in-204")
async def test_no_content_has_no_transfer_encoding(http: Http) -> None:
    """A response with status 204 has no Transfer-Encoding."""
    exchange, application = await http.call()
    await application.respond(204)
    assert (await exchange.response()).values(b"transfer-encoding") == []


@requires("rfc9112.message-delimited")
async def test_connection_that_persists_has_delimited_messages(http: Http) -> None:
    """A response without a Content-Length on a connection that persists says itself where it ends."""
    connection = await http.connect()
    for number in range(3):
        exchange, application = await http.call(connection=connection)
        await application.respond(200, body=b"body %d" % number)
        assert (await exchange.response()).body == b"body %d" % number
        await application.finish()
        if connection.closed:
            break
    assert not connection.surplus
