"""The head of a response, byte for byte, and what it says of the body: RFC 9112, sections 2 to 7; RFC 9110, 5 to 15."""

import re

import pytest

from asgi_conformance.fixtures.application import response_body, response_start
from asgi_conformance.fixtures.checks import Broken, case, inapplicable, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.hostile import next_or_closed, of_its_own
from asgi_conformance.fixtures.http import Header, Response
from asgi_conformance.fixtures.http1 import Exchange, Http1Connection

Given = list[Header]  # the headers that the application gives
NO_COLON = b"GET / HTTP/1.1\r\nHost: {host}\r\nno colon\r\n\r\n"


async def attempted(
    http: Http,
    headers: Given,
    status: int = 200,
    pieces: tuple[bytes, ...] = (b"body",),
    method: str = "GET",
    asked: Given | None = None,
) -> Exchange:
    """Have the application try such a response; return the exchange when it is over, or nothing is on its way any more."""
    exchange, application = await http.call(method, headers=asked or [])
    *first, last = pieces
    events = [response_body(piece, more_body=True) for piece in first]
    await application.conclude(response_start(status, headers), *events, response_body(last))
    if not exchange.over:
        await http.settle()
    return exchange


def field_lines(connection: Http1Connection, name: bytes) -> list[bytes]:
    """Return the values of the field lines with this lower-case name, as they came."""
    lines = [line.partition(b":") for line in connection.head_lines[1:]]
    return [value.strip(b" \t") for key, _, value in lines if key.lower() == name]


def codings(connection: Http1Connection) -> list[bytes]:
    """Return the transfer codings that the response names, in lower case."""
    members = b",".join(field_lines(connection, b"transfer-encoding")).split(b",")
    return [member.strip().lower() for member in members if member.strip()]


# --- lines ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        case("in-value", b"x-probe", b"a\rb"),
        case("before-value", b"x-probe", b"\ra"),
        case("behind-value", b"x-probe", b"a\r"),
        case("in-name", b"x-\rprobe", b"a"),
    ],
)
@requires("rfc9112.line.bare-cr-not-sent")
async def test_bare_cr_does_not_reach_the_wire(http: Http, name: bytes, value: bytes) -> None:
    """A CR in a header that the application gives does not reach the client without an LF behind it."""
    exchange = await attempted(http, [(name, value)])
    head = bytes(exchange.connection.received).partition(b"\r\n\r\n")[0]
    assert re.search(rb"\r(?!\n)", head) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        case("space", b"x-probe", b"a\r\n b"),
        case("tab", b"x-probe", b"a\r\n\tb"),
        case("last-line-empty", b"x-probe", b"a\r\n "),
        case("name-begins-with-a-space", b" x-probe", b"a"),
    ],
)
@requires("rfc9112.fields.obs-fold-not-sent")
async def test_folded_line_does_not_reach_the_wire(http: Http, name: bytes, value: bytes) -> None:
    """No line that continues the one before it reaches the client, whatever headers the application gives."""
    exchange = await attempted(http, [(b"x-first", b"1"), (name, value)])
    assert [line for line in exchange.connection.head_lines[2:] if line.startswith((b" ", b"\t"))] == []


@pytest.mark.parametrize(
    "headers",
    [
        case("space", [(b" x-probe", b"a")]),
        case("tab", [(b"\tx-probe", b"a")]),
        case("nothing-but-a-space", [(b" ", b"a")]),
    ],
)
@requires("rfc9112.fields.space-before-first-not-sent")
async def test_no_white_space_before_the_first_field(http: Http, headers: Given) -> None:
    """Between the status line and the first field line there is no white space."""
    exchange = await attempted(http, headers)
    assert re.match(rb"[^\n]*\n[ \t]", exchange.connection.received) is None


@requires("rfc9110.whitespace.single-sp")
async def test_one_space_before_a_value(http: Http) -> None:
    """Each field line has one space between the colon and the value, and nothing behind the value."""
    exchange, application = await http.call()
    await application.respond(200, [(b"x-probe", b"value")])
    await exchange.head()
    for line in exchange.connection.head_lines[1:]:
        assert re.fullmatch(rb"[^ \t:]+: ?|[^ \t:]+: [^ \t](.*[^ \t])?", line), f"the field line is {line!r}"


@pytest.mark.parametrize("status", [case(str(status), status) for status in (299, 399, 499, 599)])
@requires("rfc9112.status-line.space")
async def test_space_before_the_reason_phrase(http: Http, status: int) -> None:
    """A status that has no reason phrase of its own is followed by a space."""
    exchange, application = await http.call()
    await application.respond(status)
    await exchange.ended()
    line = exchange.connection.head_lines[0]
    assert re.match(rb"HTTP/1\.[01] %d " % status, line), f"the status line is {line!r}"


@pytest.mark.parametrize(
    "status", [case("negative", -200), case("zero", 0), case("two-digits", 99), case("four-digits", 1000)]
)
@requires("rfc9112.status-line.three-digits")
async def test_status_has_three_digits(http: Http, status: int) -> None:
    """A status that has fewer digits than three, or more, does not reach the client."""
    exchange = await attempted(http, [], status)
    line = exchange.connection.head_lines[0]
    assert line == b"" or re.match(rb"HTTP/1\.[01] [0-9]{3} ", line), f"the status line is {line!r}"


# --- fields -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        case("date", b"date", b"Tue, 15 Nov 1994 08:12:31 GMT"),
        case("server", b"server", b"probe"),
        case("content-type", b"content-type", b"text/x-probe"),
        case("content-length", b"content-length", b"4"),
    ],
)
@requires("rfc9110.fields.not-duplicated")
async def test_field_is_not_there_twice(http: Http, name: bytes, value: bytes) -> None:
    """The server adds no second line to a field of the application's that may be there only once."""
    exchange = await attempted(http, [(name, value)])
    assert len(field_lines(exchange.connection, name)) <= 1, f"the head is {exchange.connection.head_lines!r}"


@pytest.mark.parametrize(
    ("value", "octets"),
    [
        case("word", b"four", 4),
        case("empty", b"", 0),
        case("negative", b"-4", 4),
        case("plus", b"+4", 4),
        case("fraction", b"4.0", 4),
        case("hexadecimal", b"0x4", 4),
        case("underscore", b"1_0", 10),
        case("list", b"4, 4", 4),
    ],
)
@requires("rfc9110.content-length.grammar")
async def test_content_length_that_is_no_number(http: Http, value: bytes, octets: int) -> None:
    """A Content-Length that is no decimal number does not reach the client."""
    exchange = await attempted(http, [(b"content-length", value)], pieces=(b"x" * octets,))
    for line in field_lines(exchange.connection, b"content-length"):
        assert re.fullmatch(rb"[0-9]+", line), f"the Content-Length is {line!r}"


@pytest.mark.parametrize(
    ("status", "pieces"),
    [
        case("one-piece", 200, (b"body",)),
        case("several-pieces", 200, (b"bo", b"d", b"y")),
        case("not-found", 404, (b"none",)),
        case("empty", 200, (b"",)),
    ],
)
@requires("rfc9110.content-length.known")
async def test_known_length_is_told(http: Http, status: int, pieces: tuple[bytes, ...]) -> None:
    """The Content-Length that the application gives reaches the client, unless the response is chunked."""
    length = len(b"".join(pieces))
    exchange = await attempted(http, [(b"content-length", b"%d" % length)], status, pieces)
    response = await exchange.head()
    if response.status == status and not response.values(b"transfer-encoding"):
        assert response.values(b"content-length") == [b"%d" % length]


FOR_GET = b"content"  # what the application answers to GET


@pytest.mark.parametrize(
    ("headers", "pieces"),
    [
        case("no-content", [], (b"",)),
        case("content", [], (FOR_GET,)),
        case("content-in-pieces", [], (b"con", b"tent")),
        case("length-and-no-content", [(b"content-length", b"7")], (b"",)),
        case("length-and-content", [(b"content-length", b"7")], (FOR_GET,)),
    ],
)
@requires("rfc9110.content-length.head")
async def test_length_in_the_response_to_head(http: Http, headers: Given, pieces: tuple[bytes, ...]) -> None:
    """A Content-Length in the response to HEAD is that of the response to GET."""
    exchange = await attempted(http, headers, pieces=pieces, method="HEAD")
    if exchange.arrived is not None and exchange.arrived.status == 200:
        assert field_lines(exchange.connection, b"content-length") in ([], [b"%d" % len(FOR_GET)])


@pytest.mark.parametrize(
    "headers", [case("none-given", [(b"etag", b'"1"')]), case("given", [(b"etag", b'"1"'), (b"content-length", b"7")])]
)
@requires("rfc9110.content-length.304")
async def test_length_in_not_modified(http: Http, headers: Given) -> None:
    """A Content-Length in a response with status 304 is the application's own."""
    exchange = await attempted(http, headers, 304, (b"",), asked=[(b"if-none-match", b'"1"')])
    if exchange.arrived is not None and exchange.arrived.status == 304:
        allowed = [[], [value for name, value in headers if name == b"content-length"]]
        assert field_lines(exchange.connection, b"content-length") in allowed


@pytest.mark.parametrize("length", [case("with-length", [(b"content-length", b"4")]), case("without-length", [])])
@requires("rfc9110.head.same-fields")
async def test_fields_of_the_response_to_head(http: Http, length: Given) -> None:
    """The response to HEAD has the fields that the response to GET has, but for those that come of the content."""
    given: Given = [(b"content-type", b"text/plain"), (b"x-probe", b"value"), *length]
    got, headed = await attempted(http, given), await attempted(http, given, method="HEAD")
    of_content = {b"content-length", b"transfer-encoding", b"trailer"} - {name for name, _ in given}
    missing = names(await got.head()) - names(await headed.head()) - of_content - {b"connection", b"keep-alive"}
    assert missing == set()


def names(response: Response) -> set[bytes]:
    """Return the names of a response's fields, in lower case."""
    return {name.lower() for name, _ in response.headers}


# --- what the end of the body is told by ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("coding", "asked"),
    [
        case("gzip", b"gzip", []),
        case("gzip-chunked", b"gzip, chunked", []),
        case("identity", b"identity", []),
        case("unregistered", b"x-probe", []),
        case("te-empty", b"gzip", [(b"te", b""), (b"connection", b"te")]),
    ],
)
@requires("rfc9112.transfer-encoding.only-chunked")
async def test_only_coding_is_chunked(http: Http, coding: bytes, asked: Given) -> None:
    """No other transfer coding than chunked reaches a client that has not asked for one, whatever the application gives."""
    exchange = await attempted(http, [(b"transfer-encoding", coding)], asked=asked)
    assert set(codings(exchange.connection)) <= {b"chunked"}


@pytest.mark.parametrize(
    "coding", [case("gzip", b"gzip"), case("chunked-first", b"chunked, gzip"), case("identity", b"identity")]
)
@requires("rfc9112.transfer-encoding.chunked-final-or-close")
async def test_chunked_is_the_last_coding(http: Http, coding: bytes) -> None:
    """A response with another transfer coding than chunked has chunked as its last, or ends with the connection."""
    exchange = await attempted(http, [(b"transfer-encoding", coding)])
    found = codings(exchange.connection)
    if found and found[-1] != b"chunked":
        assert not await goes_on(http, exchange), f"the connection does not end a response in {found[-1].decode()}"


async def goes_on(http: Http, exchange: Exchange) -> bool:
    """Send another request behind one that the server is done with; tell whether it is processed too."""
    connection = exchange.connection
    further = await http.request(target="/further", connection=connection)
    await http.stage.until(
        lambda: further.applications or exchange.complete or connection.closed, "a final response, or the end"
    )
    return bool(further.applications)


@pytest.mark.parametrize(
    ("method", "status", "headers", "body"),
    [
        case("head-and-content", "HEAD", 200, [], b"content"),
        case("head-and-length", "HEAD", 200, [(b"content-length", b"7")], b"content"),
        case("head-and-length-only", "HEAD", 200, [(b"content-length", b"7")], b""),
        case("head-and-chunked", "HEAD", 200, [(b"transfer-encoding", b"chunked")], b"content"),
        case("no-content-and-content", "GET", 204, [], b"content"),
        case("no-content-and-length", "GET", 204, [(b"content-length", b"7")], b"content"),
        case("no-content-and-length-only", "GET", 204, [(b"content-length", b"7")], b""),
        case("no-content-and-chunked", "GET", 204, [(b"transfer-encoding", b"chunked")], b"content"),
        case("not-modified-and-content", "GET", 304, [], b"content"),
        case("not-modified-and-length", "GET", 304, [(b"content-length", b"7")], b"content"),
        case("not-modified-and-length-only", "GET", 304, [(b"content-length", b"7")], b""),
        case("not-modified-and-chunked", "GET", 304, [(b"transfer-encoding", b"chunked")], b"content"),
    ],
)
@requires("rfc9112.bodiless.ends-with-headers")
async def test_response_ends_with_its_head(http: Http, method: str, status: int, headers: Given, body: bytes) -> None:
    """Such a response ends with the empty line, whatever its fields tell and whatever content the application gives."""
    exchange = await attempted(http, headers, status, (body,), method)
    await exchange.ended()
    await http.settle()
    assert exchange.refused is None, exchange.outcome
    connection = exchange.connection
    assert not connection.surplus, f"after the response: {bytes(connection.surplus)!r}"
    await next_or_closed(http, connection)
    assert not connection.surplus, f"after the response: {bytes(connection.surplus)!r}"


@requires("rfc9112.bodiless.ends-with-headers")
async def test_response_of_the_servers_own_to_head_ends_with_its_head(http: Http) -> None:
    """Where the application raises, the response to HEAD ends with the empty line too."""
    exchange, application = await http.call("HEAD")
    await application.raise_error()
    await of_its_own(exchange)
    await http.settle()
    assert exchange.refused is None, exchange.outcome
    assert not exchange.connection.surplus, f"after the response: {bytes(exchange.connection.surplus)!r}"


CLOSE = (b"connection", b"close")


@pytest.mark.parametrize(
    ("asked", "headers", "pieces"),
    [
        case("one-piece", [], [], (b"body",)),
        case("several-pieces", [], [], (b"bo", b"d", b"y")),
        case("empty", [], [], (b"",)),
        case("client-closes", [CLOSE], [], (b"bo", b"dy")),
        case("application-closes", [], [CLOSE], (b"bo", b"dy")),
    ],
)
@requires("rfc9112.response.delimited")
async def test_response_tells_its_end(http: Http, asked: Given, headers: Given, pieces: tuple[bytes, ...]) -> None:
    """A response of no known length is chunked, or gets a length, though the connection's end might end it too."""
    exchange = await attempted(http, headers, pieces=pieces, asked=asked)
    assert names(await exchange.head()) & {b"content-length", b"transfer-encoding"}


@requires("rfc9112.response.delimited")
async def test_response_to_a_malformed_request_tells_its_end(http: Http) -> None:
    """The response to a malformed request has a length, or is chunked."""
    exchange = (await http.connect()).by_hand(NO_COLON)
    await http.stage.until(lambda: exchange.applications or exchange.over, "a response")
    response = exchange.arrived
    if response is None:
        inapplicable("the server does not answer the request with an error of its own")
    assert names(response) & {b"content-length", b"transfer-encoding"}
    await http.exchange()


@requires("rfc9112.response.delimited")
async def test_response_to_an_error_of_the_application_tells_its_end(http: Http) -> None:
    """The response that the server makes where the application raises has a length, or is chunked."""
    exchange, application = await http.call()
    await application.raise_error()
    response = await of_its_own(exchange)
    assert names(response) & {b"content-length", b"transfer-encoding"}


# --- statuses ---------------------------------------------------------------------------------------------------------


@requires("rfc9110.status-205.no-content")
async def test_reset_content_has_no_content(http: Http) -> None:
    """A response with status 205 has no content of the server's making."""
    exchange, application = await http.call()
    await application.respond(205)
    response = await exchange.response()
    await application.finish()
    await http.settle()
    assert (response.status, bytes(response.body)) == (205, b"")
    assert not exchange.connection.surplus, f"after the response: {bytes(exchange.connection.surplus)!r}"


@pytest.mark.parametrize(
    "status", [case("continue", 100), case("switching-protocols", 101), case("early-hints", 103), case("unknown", 199)]
)
@requires("rfc9110.status.one-final")
async def test_informational_status_is_not_the_last(http: Http, status: int) -> None:
    """After a 1xx status that the application gives for its response, the client gets a final one, or the end."""
    exchange, application = await http.call()
    await application.conclude(response_start(status), response_body())
    connection = exchange.connection
    try:
        await http.stage.until(lambda: connection.received or connection.closed, "anything from the server")
    except Broken:
        inapplicable("nothing reaches the client, which is judged elsewhere")
    if not exchange.complete and connection.closed is None:
        assert not await goes_on(http, exchange), f"after {connection.head_lines[0]!r} the server goes on"
    await http.settle()


@pytest.mark.parametrize("returns", [case("raises", False), case("returns", True)])
@requires("rfc9110.status-5xx.explained")
async def test_error_of_the_server_is_explained(http: Http, returns: bool) -> None:
    """The response that the server makes where the application raises, or returns too early, has content."""
    exchange, application = await http.call()
    await (application.finish() if returns else application.raise_error())
    response = await of_its_own(exchange)
    if not exchange.complete or response.status < 500:
        inapplicable("the server answers without an error of its own")
    assert response.body != b""


# --- CONNECT ----------------------------------------------------------------------------------------------------------

CONNECT = b"CONNECT {host}:80 HTTP/1.1\r\nHost: {host}:80\r\n\r\n"


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        case(
            "no-coding-made",
            [],
            b"transfer-encoding",
            requires=("rfc9112.transfer-encoding.not-in-connect", "rfc9110.connect.no-framing"),
        ),
        case(
            "no-coding-sent",
            [(b"transfer-encoding", b"chunked")],
            b"transfer-encoding",
            requires=("rfc9112.transfer-encoding.not-in-connect", "rfc9110.connect.no-framing"),
        ),
        case(
            "no-length-made",
            [],
            b"content-length",
            requires=("rfc9110.content-length.not-in-connect", "rfc9110.connect.no-framing"),
        ),
        case(
            "no-length-sent",
            [(b"content-length", b"0")],
            b"content-length",
            requires=("rfc9110.content-length.not-in-connect", "rfc9110.connect.no-framing"),
        ),
    ],
)
@requires()
async def test_tunnel_has_no_framing(http: Http, headers: Given, field: bytes) -> None:
    """The response of 2xx to CONNECT has neither a Transfer-Encoding nor a Content-Length."""
    exchange = (await http.connect()).by_hand(CONNECT, "CONNECT")
    await http.stage.until(lambda: exchange.applications or exchange.over, "a call of the application, or a response")
    if not exchange.applications:
        inapplicable(f"the server does not hand CONNECT to the application: {exchange.outcome}")
    application = await exchange.called()
    await application.conclude(response_start(200, headers), response_body())
    await http.stage.until(lambda: exchange.arrived or exchange.over, "the head of the response")
    line = exchange.connection.head_lines[0]
    if not re.match(rb"HTTP/1\.1 2", line):
        inapplicable(f"the server does not send the application's response: {line!r}")
    assert field_lines(exchange.connection, field) == []
