"""The body of a response, and when the client gets it: www.rst, Response Body - send event."""

import pytest

from asgi_conformance.fixtures.application import response_body, response_start
from asgi_conformance.fixtures.checks import case, inapplicable, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.values import difference

MEBIBYTE = 1 << 20


def start(body: bytes | None = None) -> dict[str, object]:
    """Return a start with status 200, and with a Content-Length if a body is given."""
    return response_start(200, [] if body is None else [(b"content-length", b"%d" % len(body))])


BODIES = [
    case("empty", b""),
    case("one-byte", b"x"),
    case("every-octet", bytes(range(256))),
    case("looks-like-chunks", b"5\r\nhello\r\n0\r\n\r\n"),
    case("looks-like-a-response", b"HTTP/1.1 204 No Content\r\n\r\n"),
    case("64-kibibytes", b"x" * 65536),
    case("10-mebibytes", b"0123456789abcdef" * (10 * MEBIBYTE // 16)),
]


@pytest.mark.parametrize("body", BODIES)
@requires("http.body.body.value")
async def test_body_with_a_length_is_the_one_given(http: Http, body: bytes) -> None:
    """The body reaches the client octet for octet, beside the Content-Length that the application gave."""
    exchange, application = await http.call()
    await application.send(start(body))
    await application.send(response_body(body))
    assert difference((await exchange.response()).body, body) is None


@pytest.mark.parametrize("body", BODIES)
@requires("http.transfer-encoding.outbound")
async def test_body_without_a_length_is_the_one_given(http: Http, body: bytes) -> None:
    """The body reaches the client octet for octet, with an end that it can recognise, without a Content-Length."""
    exchange, application = await http.call()
    await application.send(start())
    await application.send(response_body(body))
    assert difference((await exchange.response()).body, body) is None


@requires("http.body.type.value")
async def test_body_event_gives_the_body(http: Http) -> None:
    """`http.response.body` gives the response its body."""
    exchange, application = await http.call()
    await application.send(start())
    await application.send({"type": "http.response.body", "body": b"the body", "more_body": False})
    assert (await exchange.response()).body == b"the body"


@pytest.mark.parametrize(
    "pieces",
    [
        case("two", [b"one", b"two"]),
        case("one-byte-each", [b"%d" % (number % 10) for number in range(100)]),
        case("large", [b"x" * MEBIBYTE, b"y", b"z" * MEBIBYTE]),
    ],
)
@requires("http.body.body.concatenated")
async def test_pieces_are_concatenated(http: Http, pieces: list[bytes]) -> None:
    """The bodies of several events make the body of the response, in their order."""
    exchange, application = await http.call()
    await application.send(start())
    for piece in pieces:
        await application.send(response_body(piece, more_body=True))
    await application.send(response_body())
    assert difference((await exchange.response()).body, b"".join(pieces)) is None


@pytest.mark.parametrize("position", [case("first", 0), case("middle", 1), case("last", 2)])
@requires("http.body.body.empty")
async def test_empty_piece_ends_nothing(http: Http, position: int) -> None:
    """An empty body with `more_body` true adds nothing and ends nothing."""
    pieces = [b"one", b"two"]
    pieces.insert(position, b"")
    exchange, application = await http.call()
    await application.send(start())
    for piece in pieces:
        await application.send(response_body(piece, more_body=True))
    await application.send(response_body(b"three"))
    assert (await exchange.response()).body == b"onetwothree"


@requires("http.body.body.default")
async def test_body_may_be_missing(http: Http) -> None:
    """An event without `body` adds nothing."""
    exchange, application = await http.call()
    await application.send(start())
    await application.send({"type": "http.response.body", "more_body": True})
    await application.send({"type": "http.response.body", "body": b"body", "more_body": True})
    await application.send({"type": "http.response.body"})
    assert (await exchange.response()).body == b"body"


@requires("http.body.more-body.default")
async def test_more_body_may_be_missing(http: Http) -> None:
    """An event without `more_body` completes the response."""
    exchange, application = await http.call()
    await application.send(start())
    await application.send({"type": "http.response.body", "body": b"body"})
    assert (await exchange.response()).body == b"body"


@pytest.mark.parametrize("length", [case("with-length", True), case("without-length", False)])
@requires("http.body.flushed")
async def test_each_piece_is_flushed(http: Http, length: bool) -> None:
    """Once `send` has returned, the client gets that piece, without the application's doing anything further."""
    pieces = [b"one", b"x" * 20_000, b"three", b"4"]
    exchange, application = await http.call()
    await application.send(start(b"".join(pieces)) if length else start())
    arrived = b""
    for piece in pieces:
        await application.send(response_body(piece, more_body=True))
        arrived += piece
        assert difference(await exchange.body_bytes(len(arrived)), arrived) is None
    await application.send(response_body())
    assert (await exchange.response()).body == arrived


@pytest.mark.parametrize("length", [case("with-length", True), case("without-length", False)])
@requires("http.body.completes")
async def test_last_piece_completes_the_response(http: Http, length: bool) -> None:
    """`more_body` false completes the response: the client sees its end while the application is still there."""
    exchange, application = await http.call()
    await application.send(start(b"body") if length else start())
    await application.send(response_body(b"bo", more_body=True))
    await application.send(response_body(b"dy"))
    assert (await exchange.response()).body == b"body"


@requires("http.body.more-body.value")
async def test_response_is_not_complete_while_more_is_to_come(http: Http) -> None:
    """While `more_body` is true the client does not see the response as complete."""
    exchange, application = await http.call()
    await application.send(start())
    await application.send(response_body(b"some", more_body=True))
    await exchange.body_bytes(4)
    await http.exchange()
    assert not exchange.over, exchange.outcome
    await application.send(response_body(b" more"))
    assert (await exchange.response()).body == b"some more"


@pytest.mark.parametrize(
    "event",
    [
        case("body", response_body(b"too late")),
        case("body-with-more", response_body(b"too late", more_body=True)),
        case("start", response_start(500, [(b"x-too-late", b"1")])),
    ],
)
@requires("http.body.after-last.ignored")
async def test_message_after_the_last_does_not_reach_the_wire(http: Http, event: dict[str, object]) -> None:
    """Nothing of a message after a complete response reaches the client, in this response or in the next."""
    connection = await http.connect()
    exchange, application = await http.call(connection=connection)
    await application.send(start())
    await application.send(response_body(b"body"))
    await application.attempt(event)
    assert (await exchange.response()).body == b"body"
    await application.finish()
    await http.exchange()
    if not connection.closed:
        assert (await http.exchange(connection)).status == 204
    assert not connection.surplus
    assert b"too-late" not in connection.received.replace(b"too late", b"too-late")


@requires("http.body.after-last.reaction")
async def test_reaction_to_a_message_after_the_last(http: Http) -> None:
    """Whether `send` raises after a complete response is the server's choice."""
    exchange, application = await http.call()
    await application.respond(200, body=b"body")
    await exchange.response()
    raised = await application.attempt(response_body(b"too late"))
    http.observe("send returns" if raised is None else f"send raises {raised!r}")
    assert (await http.exchange()).status == 204


@requires("http.start.once")
async def test_second_start_does_not_reach_the_wire(http: Http) -> None:
    """A second start puts no other head on the wire."""
    exchange, application = await http.call()
    await application.send(response_start(200, [(b"x-first", b"1")]))
    await application.send(response_body(b"body", more_body=True))
    await exchange.body_bytes(4)
    raised = await application.attempt(response_start(500, [(b"x-second", b"2")]))
    if raised is None:
        await application.attempt(response_body())
    else:
        await application.raise_error("again")
    await http.settle()
    response = await exchange.head()
    assert (response.status, response.values(b"x-first")) == (200, [b"1"])
    assert exchange.refused is None, exchange.outcome
    assert b"x-second" not in exchange.connection.received.lower()


@pytest.mark.parametrize(
    "before",
    [
        case("nothing", None),
        case("start-without-status", {"type": "http.response.start", "headers": []}),
        case("start-with-wrong-status", {"type": "http.response.start", "status": "200", "headers": []}),
    ],
)
@requires("http.body.continues")
async def test_body_without_a_start_does_not_reach_the_wire(http: Http, before: dict[str, object] | None) -> None:
    """The bytes of a body event do not reach the client where no start was taken before it."""
    exchange, application = await http.call()
    if before is not None and await application.attempt(before) is None:
        inapplicable("send takes this start, which is judged elsewhere")
    await application.conclude(response_body(b"bytes without a start", more_body=True))
    await http.settle()
    assert b"bytes without a start" not in exchange.connection.received
    assert exchange.refused is None, exchange.outcome


@requires("http.start.flush-optional")
async def test_start_alone(http: Http) -> None:
    """Whether the start alone reaches the client is the server's choice."""
    exchange, application = await http.call()
    await application.send(response_start(200))
    await http.exchange()
    http.observe("the start is sent at once" if exchange.arrived else "the start waits for the body")
    await application.send(response_body(b"body"))
    assert (await exchange.response()).body == b"body"


@requires("http.start.replaced-by-error")
async def test_start_replaced_by_an_error(http: Http) -> None:
    """Whether a start without a body becomes an error response when the application fails is the server's choice."""
    exchange, application = await http.call()
    await application.send(response_start(200))
    await application.raise_error()
    await http.settle()
    http.observe(exchange.outcome)


@pytest.mark.parametrize(
    ("coding", "length"),
    [
        case("chunked", b"chunked", False),
        case("gzip-chunked", b"gzip, chunked", False),
        case("identity", b"identity", False),
        case("chunked-with-length", b"chunked", True),
    ],
)
@requires("http.transfer-encoding.ignored")
async def test_transfer_encoding_of_the_application_is_ignored(http: Http, coding: bytes, length: bool) -> None:
    """A Transfer-Encoding of the application's does not make `send` raise, and the body reaches the client whole."""
    exchange, application = await http.call()
    headers = [(b"transfer-encoding", coding)] + ([(b"content-length", b"4")] if length else [])
    await application.send(response_start(200, headers))
    await application.send(response_body(b"bo", more_body=True))
    await application.send(response_body(b"dy"))
    await http.stage.until(lambda: exchange.arrived or exchange.over, "the head of the response")
    head = bytes(exchange.connection.received).partition(b"\r\n\r\n")[0].lower().splitlines()
    codings = [line for line in head if line.startswith(b"transfer-encoding:")]
    lengths = [line for line in head if line.startswith(b"content-length:")]
    assert codings in ([], [b"transfer-encoding: chunked"])
    assert not (codings and lengths), "the response has both framings"
    assert (await exchange.response()).body == b"body"


@requires("http.transfer-encoding.chunked-optional")
async def test_framing_of_a_body_without_a_length(http: Http) -> None:
    """How a body without a Content-Length is framed is the server's choice."""
    exchange, application = await http.call()
    await application.respond(200, body=b"body")
    response = await exchange.response()
    assert response.body == b"body"
    coding = response.values(b"transfer-encoding") or [b"length" if response.values(b"content-length") else b"close"]
    http.observe(f"framed by {coding[0].decode('latin-1')}")
