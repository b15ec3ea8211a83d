"""The request's body as the application receives it: www.rst, Request - receive event."""

import pytest

from asgi_conformance.fixtures.application import Fields
from asgi_conformance.fixtures.checks import case, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.values import difference, kind

MEBIBYTE = 1 << 20


def more(event: Fields) -> bool:
    """Tell whether an event says that more of the body is to come."""
    return bool(event.get("more_body", False))


async def events(http: Http, method: str = "POST", body: bytes | None = b"some body") -> list[Fields]:
    """Return the events that the application receives for a request with this body, which is then answered."""
    exchange, application = await http.call(method, body=body)
    received = await application.body_events()
    await application.respond()
    await exchange.response()
    return received


@pytest.mark.parametrize(
    ("method", "body"),
    [case("no-body", "GET", None), case("empty-body", "POST", b""), case("body", "POST", b"body")],
)
@requires("http.request.first")
async def test_first_event_is_the_request(http: Http, method: str, body: bytes | None) -> None:
    """The first event is the request, also when it has no body."""
    exchange, application = await http.call(method, body=body)
    assert (await application.receive())["type"] == "http.request"
    await application.respond()
    await exchange.response()


@requires("http.request.type.type", "http.request.type.value")
async def test_type_of_the_event(http: Http) -> None:
    """`type` is exactly a str, "http.request"."""
    for event in await events(http):
        assert (kind(event["type"]), event["type"]) == ("str", "http.request")


@pytest.mark.parametrize("body", [case("body", b"some body"), case("empty", b""), case("large", b"x" * MEBIBYTE)])
@requires("http.request.body.type")
async def test_body_is_a_byte_string(http: Http, body: bytes) -> None:
    """`body`, where it is there, is exactly bytes."""
    for event in await events(http, body=body):
        assert kind(event.get("body", b"")) == "bytes"


@requires("http.request.body.default")
async def test_body_of_a_request_without_one(http: Http) -> None:
    """`body`, or its default, is an empty byte string for a request without a body."""
    received = await events(http, "GET", None)
    assert [event.get("body", b"") for event in received] == [b""] * len(received)


@pytest.mark.parametrize(
    "body",
    [
        case("one-byte", b"x"),
        case("every-octet", bytes(range(256))),
        case("looks-like-chunks", b"5\r\nhello\r\n0\r\n\r\n"),
        case("looks-like-a-request", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        case("64-kibibytes", bytes(65536)),
        case("a-little-more", b"x" * 65537),
        case("10-mebibytes", b"0123456789abcdef" * (10 * MEBIBYTE // 16)),
    ],
)
@requires("http.request.body.value")
async def test_body_with_a_length_is_what_the_client_sent(http: Http, body: bytes) -> None:
    """The pieces of a body that was sent with its length make the body, octet for octet."""
    exchange, application = await http.call("POST", body=body)
    assert difference(await application.body(), body) is None
    await application.respond()
    await exchange.response()


@pytest.mark.parametrize(
    "pieces",
    [
        case("none", []),
        case("one", [b"one piece"]),
        case("one-byte-each", [b"%d" % number for number in range(10)]),
        case("many", [b"piece %d," % number for number in range(500)]),
        case("large", [b"x" * 300_000, b"y", b"z" * 300_000]),
        case("10-mebibytes", [b"0123456789abcdef" * (MEBIBYTE // 16)] * 10),
    ],
)
@requires("http.request.body.concatenated")
async def test_body_without_a_length_is_what_the_client_sent(http: Http, pieces: list[bytes]) -> None:
    """The pieces of a body that was sent without its length make the body, octet for octet."""
    exchange = await http.request("POST", pieces=pieces)
    application = await exchange.called()
    assert difference(await application.body(), b"".join(pieces)) is None
    await application.respond()
    await exchange.response()


@requires("http.request.body.concatenated")
async def test_body_in_pieces_over_time(http: Http) -> None:
    """Pieces of a body that come one after the other reach the application as they come."""
    exchange, application = await http.call_with_open_body()
    for piece in (b"first", b"second", b"third"):
        exchange.send_body(piece)
        arrived = await application.events_until(lambda event: bool(event.get("body")))
        assert all(map(more, arrived))
        assert b"".join(event.get("body", b"") for event in arrived) == piece
    exchange.end_body()
    assert await application.body() == b""
    await application.respond()
    await exchange.response()


@requires("http.request.body.dechunked")
async def test_body_is_the_content_without_its_coding(http: Http) -> None:
    """What the application receives is the content of the chunks, without their sizes and ends."""
    exchange = await http.request("POST", pieces=[b"hello", b", ", b"world"])
    application = await exchange.called()
    assert await application.body() == b"hello, world"
    await application.respond()
    await exchange.response()


@requires("http.transfer-encoding.inbound")
async def test_end_of_a_body_without_a_length_is_recognised(http: Http) -> None:
    """The end of a body that was sent without its length is recognised, and so is the next request."""
    connection = await http.connect()
    exchange = await http.request("POST", pieces=[b"hello"], connection=connection)
    application = await exchange.called()
    assert (await application.body_events())[-1].get("more_body", False) is False
    await application.respond()
    await exchange.response()
    await application.finish()
    if not connection.closed:
        scope = await http.scope(target="/next", connection=connection)
        assert scope["path"] == "/next"


@requires("http.request.streamed")
async def test_large_body_is_divided(http: Http) -> None:
    """How a large body is divided into events is the server's choice."""
    received = await events(http, body=b"x" * MEBIBYTE)
    sizes = [len(event.get("body", b"")) for event in received]
    assert sum(sizes) == MEBIBYTE
    http.observe("in one event" if len(sizes) == 1 else "in several events")


@pytest.mark.parametrize("body", [case("no-body", None), case("body", b"some body"), case("large", b"x" * MEBIBYTE)])
@requires("http.request.more-body.type")
async def test_more_body_is_a_bool(http: Http, body: bytes | None) -> None:
    """`more_body`, where it is there, is exactly a bool."""
    for event in await events(http, body=body):
        assert kind(event.get("more_body", False)) == "bool"


@requires("http.request.more-body.ends")
async def test_end_of_the_body_is_told_when_it_comes_late(http: Http) -> None:
    """`more_body` becomes false once the client has ended the body, also long after its last piece was received."""
    exchange, application = await http.call_with_open_body()
    exchange.send_body(b"all there is")
    assert (await application.receive())["body"] == b"all there is"
    waiting = application.start_receive()
    await http.exchange()
    exchange.end_body()
    event = await waiting.value()
    assert event["type"] == "http.request"
    assert not event.get("more_body", False)
    await application.respond()
    await exchange.response()


@requires("http.request.more-body.default")
async def test_more_body_is_true_while_more_is_to_come(http: Http) -> None:
    """`more_body` is there, and true, as long as the client has not ended the body."""
    exchange, application = await http.call_with_open_body()
    exchange.send_body(b"some")
    event = await application.receive()
    assert event.get("more_body", False) is True
    exchange.end_body()
    await application.body()
    await application.respond()
    await exchange.response()


@pytest.mark.parametrize("body", [case("no-body", None), case("body", b"some body")])
@requires("http.request.more-body.last")
async def test_complete_request_is_followed_by_no_other_request(http: Http, body: bytes | None) -> None:
    """After the event that completes the request `receive` gives no further http.request."""
    exchange, application = await http.call("POST", body=body)
    await application.body()
    waiting = application.start_receive()
    await http.exchange()
    exchange.connection.close()
    assert (await waiting.value())["type"] != "http.request"


@pytest.mark.parametrize("way", [case("close", "close"), case("reset", "reset")])
@requires("http.request.more-body.truncated")
async def test_body_that_breaks_off_is_not_complete(http: Http, way: str) -> None:
    """A body that the client breaks off never ends with `more_body` false, but with http.disconnect."""
    exchange, application = await http.call_with_open_body()
    exchange.send_body(b"not all there is")
    assert (await application.receive())["body"] == b"not all there is"
    if way == "close":
        exchange.connection.close()
    else:
        exchange.connection.reset()
    *pieces, last = await application.events_until(lambda event: event["type"] != "http.request" or not more(event))
    assert all(map(more, pieces))
    assert last["type"] == "http.disconnect", "the request is said to be complete"


@requires("http.disconnect.not-early")
async def test_receive_waits_after_the_body(http: Http) -> None:
    """After the body, while the client is there and waits for its response, `receive` waits too."""
    exchange, application = await http.call("POST", body=b"body")
    await application.body()
    waiting = application.start_receive()
    await http.exchange()
    await http.exchange()
    assert not waiting.done, "receive gave http.disconnect though the client is there"
    await application.respond()
    assert (await exchange.response()).status == 204


@requires("http.disconnect.not-early")
async def test_receive_waits_while_the_response_is_sent(http: Http) -> None:
    """While the response is being sent and the client is there, `receive` waits."""
    exchange, application = await http.call()
    await application.body()
    await application.send({"type": "http.response.start", "status": 200, "headers": []})
    await application.send({"type": "http.response.body", "body": b"first", "more_body": True})
    await exchange.body_bytes(5)
    waiting = application.start_receive()
    await http.exchange()
    await http.exchange()
    assert not waiting.done, "receive gave http.disconnect though the client is there"
    await application.send({"type": "http.response.body", "body": b"last"})
    assert (await exchange.response()).body == b"firstlast"
