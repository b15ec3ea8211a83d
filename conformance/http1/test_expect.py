"""Clients that wait for a go-ahead before they send the content: RFC 9110, sections 10.1.1, 15.2 and 7.5."""

import re

import pytest

from asgi_conformance.fixtures.application import Application, Step, response_body, response_start
from asgi_conformance.fixtures.checks import Broken, case, inapplicable, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.hostile import next_or_closed
from asgi_conformance.fixtures.http1 import Exchange, connection_options

LENGTH, CHUNKED = b"Content-Length: 7\r\n", b"Transfer-Encoding: chunked\r\n"
CONTENT = {LENGTH: b"content", CHUNKED: b"7\r\ncontent\r\n0\r\n\r\n"}
FRAMING = [case("with-length", LENGTH), case("chunked", CHUNKED)]


async def announced(
    http: Http, expect: bytes = b"Expect: 100-continue\r\n", framing: bytes = LENGTH, version: bytes = b"1.1"
) -> Exchange:
    """Send the head of a request whose content is still to come."""
    connection = await http.connect()
    return connection.by_hand(b"POST /expect HTTP/%b\r\nHost: {host}\r\n%b%b\r\n" % (version, expect, framing))


async def asked(http: Http, exchange: Exchange) -> tuple[Application, Step] | None:
    """Have the application ask for the content; ``None`` where it has not been called when others are served."""
    await http.settle()
    if exchange.arrived is not None and not exchange.applications:
        inapplicable(f"the server answers the expectation itself: {exchange.outcome}")
    if not exchange.applications:
        return None
    application = await exchange.called()
    return application, application.start_receive()


async def delivered(
    exchange: Exchange, pending: tuple[Application, Step] | None, framing: bytes = LENGTH
) -> Application:
    """Send the content, and have the application get it."""
    exchange.connection.write(CONTENT[framing])
    if pending is None:
        application = await exchange.called()
        await application.body()
        return application
    application, step = pending
    if (await step.value()).get("more_body", False):
        await application.body()
    return application


async def go_ahead(exchange: Exchange) -> None:
    """Wait for 100, or for a final response, or for the end of the connection."""
    await exchange.stage.until(
        lambda: exchange.informational or exchange.over, "100 (Continue), or a final response, while the client waits"
    )


@pytest.mark.parametrize("framing", FRAMING)
@pytest.mark.parametrize("asks", [case("application-asks", True), case("application-responds", False)])
@requires("rfc9110.expect.answered")
async def test_waiting_client_is_answered(http: Http, asks: bool, framing: bytes) -> None:
    """A client that waits before it sends the content gets 100 or a final response."""
    exchange = await announced(http, framing=framing)
    await exchange.stage.until(
        lambda: exchange.applications or exchange.informational or exchange.over, "an answer, or a call"
    )
    if exchange.applications:
        application = await exchange.called()
        if asks:
            application.start_receive()
        else:
            await application.respond()
    await go_ahead(exchange)
    if not exchange.informational:
        await exchange.head()
    else:
        assert exchange.informational[0].status == 100


@pytest.mark.parametrize("framing", FRAMING)
@requires("rfc9110.expect.no-wait")
async def test_go_ahead_comes_before_the_content(http: Http, framing: bytes) -> None:
    """Once the application asks for the content, the client gets 100, though none of the content has come."""
    exchange = await announced(http, framing=framing)
    await asked(http, exchange)
    await go_ahead(exchange)
    if not exchange.informational:
        inapplicable(f"the server does not ask for the content: {exchange.outcome}")
    assert exchange.informational[0].status == 100


@requires("rfc9110.expect.final-follows")
async def test_response_follows_the_go_ahead(http: Http) -> None:
    """After 100 and the content, the client gets the application's response."""
    exchange = await announced(http)
    pending = await asked(http, exchange)
    await go_ahead(exchange)
    if not exchange.informational:
        inapplicable(f"the server does not ask for the content: {exchange.outcome}")
    application = await delivered(exchange, pending)
    await application.respond()
    assert (await exchange.response()).status == 204


@pytest.mark.parametrize(
    ("expect", "content"),
    [
        case("content-comes-along", b"Expect: 100-continue\r\n" + LENGTH, CONTENT[LENGTH]),
        case("no-content", b"Expect: 100-continue\r\n", b""),
        case("length-zero", b"Expect: 100-continue\r\nContent-Length: 0\r\n", b""),
    ],
)
@requires("rfc9110.expect.omit")
async def test_go_ahead_that_nobody_waits_for(http: Http, expect: bytes, content: bytes) -> None:
    """Whether 100 is sent to a client that does not wait for it is recorded."""
    connection = await http.connect()
    exchange = connection.by_hand(b"POST /expect HTTP/1.1\r\nHost: {host}\r\n%b\r\n%b" % (expect, content))
    application = await exchange.called()
    await application.body()
    await application.respond()
    await exchange.response()
    http.observe("100 is sent" if exchange.informational else "100 is omitted")


@pytest.mark.parametrize("expect", [case("client-waits", b"Expect: 100-continue\r\n"), case("no-expectation", b"")])
@requires("rfc9110.expect.early-final")
async def test_early_response_tells_what_becomes_of_the_connection(http: Http, expect: bytes) -> None:
    """A response before the content has the close option, or the connection takes the content and a further request."""
    exchange = await announced(http, expect)
    await http.settle()
    if not exchange.applications:
        inapplicable("the server does not call the application before the content has come")
    application = await exchange.called()
    await application.respond()
    response = await exchange.response()
    await application.finish()
    if b"close" in connection_options(response):
        return
    await http.settle()  # some servers close where the content is not there yet, and take it where it is
    exchange.connection.write(CONTENT[LENGTH])
    await http.exchange()
    if await next_or_closed(http, exchange.connection) is None:
        raise Broken("the server closed the connection without having said so")


@pytest.mark.parametrize("value", [case("upper-case", b"100-CONTINUE"), case("mixed-case", b"100-Continue")])
@requires("rfc9110.expect.case-insensitive")
async def test_case_of_the_expectation(http: Http, value: bytes) -> None:
    """The expectation is understood in upper case and in mixed case as it is in lower case."""
    usual = await announced(http)
    await asked(http, usual)
    await http.settle()
    if not usual.informational:
        inapplicable("the server does not send 100 as it is, which is judged elsewhere")
    exchange = await announced(http, b"Expect: %b\r\n" % value)
    await asked(http, exchange)
    await go_ahead(exchange)
    assert exchange.informational, exchange.outcome
    assert exchange.informational[0].status == 100


@requires("rfc9110.expect.unknown")
async def test_unknown_expectation(http: Http) -> None:
    """What a server makes of an expectation that nobody knows is recorded."""
    connection = await http.connect()
    exchange = connection.by_hand(b"POST /expect HTTP/1.1\r\nHost: {host}\r\nExpect: x-probe\r\n%b\r\ncontent" % LENGTH)
    application = await exchange.called_or_refused()
    if application is None:
        http.observe(exchange.outcome)
        return
    await application.respond()
    await exchange.response()
    http.observe("it is ignored")


@requires("rfc9110.status-1xx.not-to-1.0")
async def test_old_client_gets_no_go_ahead(http: Http) -> None:
    """A client of HTTP/1.0 gets no 100, be it that its request has the expectation."""
    exchange = await announced(http, version=b"1.0")
    pending = await asked(http, exchange)
    await http.exchange()
    application = await delivered(exchange, pending)
    await application.respond()
    await exchange.ended()
    assert exchange.informational == []


@pytest.mark.parametrize("status", [case("continue", 100), case("early-hints", 103)])
@requires("rfc9110.status-1xx.not-to-1.0")
async def test_old_client_gets_no_informational_response(http: Http, status: int) -> None:
    """A status of 1xx that the application gives does not reach a client of HTTP/1.0."""
    exchange = (await http.connect()).by_hand(b"GET /old HTTP/1.0\r\nHost: {host}\r\n\r\n")
    application = await exchange.called()
    await application.conclude(response_start(status), response_body())
    await http.settle()
    line = exchange.connection.head_lines[0]
    assert re.match(rb"HTTP/[0-9.]+ 1", line) is None, f"the client gets {line!r}"


@requires("rfc9110.expect.not-in-1.0")
async def test_expectation_of_an_old_client_is_ignored(http: Http) -> None:
    """A request in HTTP/1.0 with the expectation is processed like one without it, and gets no 100."""
    exchange = await announced(http, version=b"1.0")
    pending = await asked(http, exchange)
    await http.exchange()
    application = await delivered(exchange, pending)
    await application.respond()
    assert (await exchange.response()).status == 204
    assert exchange.informational == []
