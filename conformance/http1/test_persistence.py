"""What a connection is used for after a response, and what is said of it: RFC 9112, section 9; RFC 9110, 7.5 and 7.6.1."""

import re

import pytest

from asgi_conformance.fixtures.application import response_body, response_start
from asgi_conformance.fixtures.checks import Broken, case, inapplicable, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.hostile import Trap, next_or_closed
from asgi_conformance.fixtures.http import Header, Response
from asgi_conformance.fixtures.http1 import Exchange, Http1Connection, connection_options

CLOSE = (b"connection", b"close")


async def answered(http: Http, asked: list[Header], said: list[Header], connection: Http1Connection) -> Exchange:
    """Have a request answered that has these headers, by an application that gives those; return the exchange."""
    exchange, application = await http.call(headers=asked, connection=connection)
    await application.respond(200, said, b"body")
    await exchange.ended()
    await application.finish()
    return exchange


async def ended(exchange: Exchange) -> Response | None:
    """Wait for the end of an exchange; where there is none, that is judged elsewhere."""
    try:
        return await exchange.ended()
    except Broken:
        inapplicable("the exchange does not end, which is judged elsewhere")


# --- what is said -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status", [case("ok", 200), case("no-content", 204), case("not-modified", 304), case("not-found", 404)]
)
@requires("rfc9112.persistence.unsupported")
async def test_server_without_persistence_says_so(http: Http, status: int) -> None:
    """A server that closes the connection after a plain request says `close` in its response."""
    exchange, application = await http.call()
    await application.respond(status)
    response = await exchange.response()
    await application.finish()
    if b"close" in connection_options(response):
        return
    if await next_or_closed(http, exchange.connection) is not None:
        inapplicable("the connection persists")
    raise Broken("the server closed the connection without having said so")


MALFORMED = [
    case("no-colon", b"GET / HTTP/1.1\r\nHost: {host}\r\nno colon\r\n\r\n"),
    case("no-version", b"GET / and more\r\nHost: {host}\r\n\r\n"),
    case("bad-length", b"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: four\r\n\r\n"),
]


@pytest.mark.parametrize("request_", MALFORMED)
@requires("rfc9112.persistence.close-announced")
async def test_closing_after_a_malformed_request_is_announced(http: Http, request_: bytes) -> None:
    """Where the server closes the connection after a malformed request, its response says `close`."""
    exchange = (await http.connect()).by_hand(request_)
    await http.stage.until(lambda: exchange.applications or exchange.over, "a response")
    if exchange.applications or exchange.arrived is None:
        inapplicable("the server does not answer the request with an error of its own")
    await judge_announcement(http, exchange)
    await http.exchange()


@requires("rfc9112.persistence.close-announced")
async def test_closing_to_end_a_response_is_announced(http: Http) -> None:
    """Where the end of the connection ends a response to a client that asked to keep it, the response says `close`."""
    request = b"GET / HTTP/1.0\r\nHost: {host}\r\nConnection: keep-alive\r\n\r\n"
    exchange = (await http.connect()).by_hand(request)
    application = await exchange.called()
    await application.send(response_start(200))
    await application.send(response_body(b"bo", more_body=True))
    await application.send(response_body(b"dy"))
    await application.finish()
    if (await exchange.head()).version == "1.0":
        inapplicable("the response is one of HTTP/1.0, after which a connection ends unless it says keep-alive")
    await judge_announcement(http, exchange)


async def judge_announcement(http: Http, exchange: Exchange) -> None:
    """Make sure that the response says `close`, unless the connection persists."""
    response = await exchange.head()
    if b"close" in connection_options(response):
        return
    further = await http.request(target="/further", connection=exchange.connection)
    await http.stage.until(
        lambda: further.applications or exchange.connection.closed, "the connection to be closed, or to persist"
    )
    if further.applications:
        inapplicable("the connection persists")
    raise Broken("the server closed the connection without having said so")


@pytest.mark.parametrize(
    ("method", "status", "said"),
    [
        case("plain", "GET", 200, []),
        case("head", "HEAD", 200, []),
        case("no-content", "GET", 204, []),
        case("not-found", "GET", 404, []),
        case("application-says-keep-alive", "GET", 200, [(b"connection", b"keep-alive")]),
    ],
)
@requires("rfc9112.persistence.close-answered")
async def test_close_is_answered_with_close(http: Http, method: str, status: int, said: list[Header]) -> None:
    """The response to a request with the close option has it too."""
    exchange, application = await http.call(method, headers=[CLOSE])
    await application.conclude(response_start(status, said), response_body())
    response = await exchange.head()
    assert b"close" in connection_options(response), f"its Connection is {response.values(b'connection')}"


# --- what is done -----------------------------------------------------------------------------------------------------


@requires("rfc9112.persistence.keep-alive-1.0")
async def test_old_client_asks_to_keep_the_connection(http: Http) -> None:
    """Whether the connection of a client of HTTP/1.0 that asks for it persists is recorded."""
    exchange = (await http.connect()).by_hand(
        b"GET / HTTP/1.0\r\nHost: {host}\r\nConnection: keep-alive\r\n\r\n",
    )
    application = await exchange.called()
    await application.respond(200, [(b"content-length", b"4")], b"body")
    assert (await exchange.response()).body == b"body"
    await application.finish()
    further = await next_or_closed(http, exchange.connection)
    http.observe("the connection is closed" if further is None else "the connection persists")


@pytest.mark.parametrize("when", [case("right-behind", 0), case("before-the-response", 1), case("after-it", 2)])
@requires("rfc9112.persistence.nothing-after-close")
async def test_nothing_is_processed_after_close(http: Http, when: int) -> None:
    """After a request with the close option, a further one changes nothing, nor does it reach the application."""
    connection = await http.connect()
    first, further = connection.expect(), connection.expect()
    closing = b"GET /last HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n" % first.authority
    behind = b"GET /further HTTP/1.1\r\nHost: %b\r\n\r\n" % further.authority
    connection.write(closing + behind if when == 0 else closing)
    await http.stage.until(lambda: first.applications or first.over, "the first request to be processed")
    if not first.applications:
        assert when != 0, f"for what is behind it, the last request is not processed: {first.outcome}"
        inapplicable(f"the server does not process the first request: {first.outcome}")
    application = await first.called()
    if when == 1:
        connection.write(behind)
        await http.settle()
    await application.respond(200, body=b"body")
    await first.ended()
    await application.finish()
    if when == 2 and not connection.closing:
        connection.write(behind)
    await http.settle()
    assert first.arrived is not None, first.outcome
    assert not further.applications, "the application is called for the request behind the last one"


@pytest.mark.parametrize("behind", [case("further-request", False), case("pipelined-request", True)])
@requires("rfc9112.persistence.nothing-after-close-sent")
async def test_nothing_is_processed_after_close_was_sent(http: Http, behind: bool) -> None:
    """After a response with the close option that the application gives, no further request is processed."""
    connection = await http.connect()
    exchange, application = await http.call(connection=connection)
    further = await http.request(target="/further", connection=connection) if behind else None
    await http.settle()
    if further is not None and further.applications:
        inapplicable("the server processes pipelined requests in parallel")
    await application.respond(200, [CLOSE], b"body")
    await application.finish()
    await judge_nothing_further(http, exchange, further)


@requires("rfc9112.persistence.nothing-after-close-sent")
async def test_nothing_is_processed_after_an_error_with_close(http: Http) -> None:
    """After a response of the server's own that has the close option, no further request is processed."""
    connection = await http.connect()
    exchange, application = await http.call(connection=connection)
    further = await http.request(target="/further", connection=connection)
    await http.settle()
    if further.applications:
        inapplicable("the server processes pipelined requests in parallel")
    await application.raise_error()
    await judge_nothing_further(http, exchange, further)


async def judge_nothing_further(http: Http, exchange: Exchange, further: Exchange | None) -> None:
    """Make sure that the response has the close option, and that the application is called for no further request."""
    response = await ended(exchange)
    if response is None or b"close" not in connection_options(response):
        inapplicable("the response goes out without the close option")
    if further is None:
        further = await http.request(target="/further", connection=exchange.connection)
    await http.settle()
    assert not further.applications, "the server goes on with the next request"


@pytest.mark.parametrize("option", [case("upper-case", b"CLOSE"), case("mixed-case", b"Close")])
@pytest.mark.parametrize("by", [case("client", True), case("application", False)])
@requires("rfc9110.connection.case-insensitive")
async def test_case_of_the_close_option(http: Http, option: bytes, by: bool) -> None:
    """The close option is understood in upper case and in mixed case as it is in lower case."""

    async def persists(option: bytes) -> bool:
        connection = await http.connect()
        headers = [(b"connection", option)]
        exchange = await answered(http, headers if by else [], [] if by else headers, connection)
        said = connection_options(exchange.arrived) if exchange.arrived is not None else set()
        if not by and b"close" not in said:
            inapplicable("the server leaves the application's Connection header out")
        further = await http.request(target="/further", connection=connection)
        await http.stage.until(lambda: further.applications or further.over, "the connection to be closed")
        return bool(further.applications)

    if await persists(b"close"):
        inapplicable("the server goes on after close, which is judged elsewhere")
    assert not await persists(option), f"the server goes on after {option.decode()}"


@requires("rfc9112.pipelining.parallel")
async def test_pipelined_requests_in_parallel(http: Http) -> None:
    """Whether the application is called for a pipelined request before the one ahead of it is answered is recorded."""
    connection = await http.connect()
    first = await http.request(target="/first", connection=connection)
    second = await http.request(target="/second", connection=connection)
    await first.called()
    await http.settle()
    parallel = bool(second.applications)
    await first.applications[0].respond()
    await first.response()
    await first.applications[0].finish()
    http.observe("in parallel" if parallel else "one after the other")


@requires("rfc9110.response.early")
async def test_response_before_the_request_is_complete(http: Http) -> None:
    """Whether the response reaches the client while the content of the request is still due is recorded."""
    exchange = await http.request("POST", unfinished=True)
    exchange.send_body(b"some")
    await http.settle()
    if exchange.applications:
        application = await exchange.called()
        await application.respond(200, body=b"early")
        await http.settle()
        http.observe("it does" if exchange.complete else "it does not")
    else:
        http.observe("the application is called only when it is complete")


# --- one response to each request -------------------------------------------------------------------------------------

LENGTH = [(b"content-length", b"4")]


@pytest.mark.parametrize("headers", [case("with-length", LENGTH), case("without-length", [])])
@pytest.mark.parametrize(
    "then", [case("raises", "raise"), case("responds-again", "respond"), case("raises-before-the-end", "break")]
)
@requires("rfc9112.responses.one-per-request")
async def test_one_response_to_one_request(http: Http, then: str, headers: list[Header]) -> None:
    """A request gets one response, also where the application fails after it, or sends another."""
    connection = await http.connect()
    exchange, application = await http.call(connection=connection)
    await application.send(response_start(200, headers))
    await application.send(response_body(b"bo", more_body=True))
    if then != "break":
        await application.send(response_body(b"dy"))
        await exchange.response()
    if then == "respond":
        application.respond_and_return(202, [(b"content-length", b"5")], b"again")
    else:
        await application.raise_error()
    await http.settle()
    heads = re.findall(rb"HTTP/1\.[01] [0-9]{3} ", connection.received)
    assert len(heads) == 1, f"the client got {bytes(connection.received)!r}"
    if then != "break":
        await next_or_closed(http, connection)
        assert not connection.surplus, f"after the response: {bytes(connection.surplus)!r}"


# --- bodies that nobody reads -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("raises", [case("application-responds", False), case("application-raises", True)])
@pytest.mark.parametrize(
    ("chunked", "count", "late"),
    [
        case("with-length", False, 1, False),
        case("with-length-and-late", False, 1, True),
        case("with-length-and-long", False, 20_000, False),
        case("with-length-and-long-and-late", False, 20_000, True),
        case("chunked", True, 1, False),
        case("chunked-and-late", True, 1, True),
        case("chunked-and-long", True, 20_000, False),
        case("chunked-and-long-and-late", True, 20_000, True),
    ],
)
@requires("rfc9112.body.read-or-close")
async def test_unread_body_is_no_request(http: Http, chunked: bool, count: int, late: bool, raises: bool) -> None:
    """A body that the application does not receive is never taken for a request: it is read, or the connection closed."""
    if late and not await http.calls_at_start():
        inapplicable("the server calls the application only once the body of the request is complete")
    trap = Trap(http)
    content = trap.request * count
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(content)
    connection = await http.connect()
    exchange = connection.expect()
    head = b"POST /unread HTTP/1.1\r\nHost: %b\r\n%b\r\n\r\n" % (exchange.authority, framing)
    head += b"%x\r\n" % len(content) if chunked else b""
    content += b"\r\n0\r\n\r\n" if chunked else b""
    connection.write(head if late else head + content)
    application = await exchange.called()
    if not late:
        await http.exchange()  # meanwhile the server reads what it wants to read ahead
    if raises:
        await application.raise_error()
    else:
        application.respond_and_return(200, body=b"early")
    await ended(exchange)
    if late and not connection.closing:
        connection.write(content)
    if connection.closed is None:
        await next_or_closed(http, connection)
    await http.settle()
    trap.judge()
    assert not connection.surplus, f"the server answers the body: {bytes(connection.surplus)!r}"


# --- slow ends --------------------------------------------------------------------------------------------------------

LARGE = 4 << 20  # bytes: more than what both ends' buffers take in


@requires("rfc9112.persistence.flow-control")
async def test_client_that_pauses_gets_the_whole_response(http: Http) -> None:
    """A client that reads nothing for a while gets the whole of a large response."""
    connection = await http.connect(receive_buffer=4096)
    exchange, application = await http.call(connection=connection)
    connection.stop_reading()
    application.start_send(response_start(200, [(b"content-length", b"%d" % LARGE)]))
    application.start_send(response_body(bytes(LARGE)))
    await http.settle()
    connection.resume_reading()
    assert len((await exchange.response()).body) == LARGE


@requires("rfc9112.persistence.flow-control")
async def test_application_that_pauses_gets_the_whole_body(http: Http) -> None:
    """An application that receives nothing for a while gets the whole of a large body, and answers it."""
    exchange, application = await http.call("POST", body=bytes(LARGE))
    await http.settle()
    assert len(await application.body()) == LARGE
    await application.respond()
    assert (await exchange.response()).status == 204
