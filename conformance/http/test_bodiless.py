"""Responses that HTTP forbids a body: RFC 9110, sections 9.3.2, 15.2, 15.3.5 and 15.4.5."""

import pytest

from asgi_conformance.fixtures.application import response_body, response_start
from asgi_conformance.fixtures.checks import case, requires
from asgi_conformance.fixtures.client import Http

BODY = b"a body where there must be none"


@pytest.mark.parametrize(
    ("method", "status"),
    [
        case("head", "HEAD", 200, requires="rfc9110.head.no-content"),
        case("head-not-found", "HEAD", 404, requires="rfc9110.head.no-content"),
        case("no-content", "GET", 204, requires="rfc9110.status-204.no-content"),
        case("not-modified", "GET", 304, requires="rfc9110.status-304.no-content"),
        case("early-hints", "GET", 103, requires="rfc9110.status-1xx.no-content"),
    ],
)
@requires()
async def test_body_does_not_reach_the_wire(http: Http, method: str, status: int) -> None:
    """A body that the application gives to such a response does not reach the client."""
    exchange, application = await http.call(method)
    await application.conclude(response_start(status), response_body(BODY))
    await http.settle()
    assert BODY not in exchange.connection.received
    assert not exchange.connection.surplus, f"after the response: {bytes(exchange.connection.surplus)!r}"


@pytest.mark.parametrize(
    ("method", "status"),
    [
        case("head", "HEAD", 200, requires="rfc9110.head.no-content"),
        case("no-content", "GET", 204, requires="rfc9110.status-204.no-content"),
        case("not-modified", "GET", 304, requires="rfc9110.status-304.no-content"),
    ],
)
@requires()
async def test_connection_is_of_use_after_it(http: Http, method: str, status: int) -> None:
    """After such a response, without a body, the next response on the connection is read as what it is."""
    connection = await http.connect()
    exchange, application = await http.call(method, connection=connection)
    await application.respond(status)
    assert (await exchange.response()).status == status
    await application.finish()
    if connection.closed is None:
        assert (await http.exchange(connection)).status == 204
    assert not connection.surplus, f"after the response: {bytes(connection.surplus)!r}"


@requires("rfc9110.head.no-content")
async def test_length_of_the_response_to_head(http: Http) -> None:
    """The response to HEAD is complete without content, whatever Content-Length the application gave."""
    exchange, application = await http.call("HEAD")
    await application.send(response_start(200, [(b"content-length", b"1000")]))
    await application.send(response_body())
    response = await exchange.response()
    assert response.body == b""


@requires("rfc9110.content-length.not-in-204")
async def test_no_content_has_no_content_length(http: Http) -> None:
    """A response with status 204 has no Content-Length of the server's making."""
    exchange, application = await http.call()
    await application.respond(204)
    assert (await exchange.response()).values(b"content-length") == []


@requires("rfc9110.content-length.not-in-204")
async def test_content_length_that_the_application_gives_to_no_content(http: Http) -> None:
    """What becomes of the application's own Content-Length in a response with status 204 is recorded."""
    exchange, application = await http.call()
    raised = await application.attempt(response_start(204, [(b"content-length", b"0")]))
    if raised is not None:
        http.observe(f"send raises {raised!r}")
        return
    await application.send(response_body())
    http.observe("sent" if (await exchange.response()).values(b"content-length") else "dropped")
