"""Any response: legal events arrive on the wire exactly as they were sent, and others change nothing there."""

from typing import Any

from hypothesis import strategies as st

from asgi_conformance.conformance.http.test_any_request import by_name
from asgi_conformance.fixtures import strategies
from asgi_conformance.fixtures.application import Event, response_body, response_start
from asgi_conformance.fixtures.checks import requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.http import Header, Headers, Response
from asgi_conformance.fixtures.http1 import Exchange
from asgi_conformance.fixtures.properties import given
from asgi_conformance.fixtures.strategies import BODILESS, MARK, Reply
from asgi_conformance.fixtures.values import difference

CLEAR_ONLY = True  # what is drawn makes no difference to TLS


async def response_to(http: Http, events: list[Event], method: str = "GET") -> tuple[Exchange, Response]:
    """Have the application send these events; return the exchange and the response to it."""
    exchange, application = await http.call(method)
    for event in events:
        await application.send(event)
    return exchange, await exchange.response()


async def attempted(http: Http, events: list[Any], method: str = "GET") -> Exchange:
    """Have the application send these events, whatever comes of each; return when nothing is on its way any more."""
    exchange, application = await http.call(method)
    for event in events:
        await application.attempt(event)
    await http.settle()
    return exchange


# --- the start --------------------------------------------------------------------------------------------------------


@requires("http.start.status.value")
@given(status=strategies.statuses())
async def test_status(http: Http, status: int) -> None:
    """The status of the response is the one given, whether an RFC registers it or not."""
    _, response = await response_to(http, [response_start(status), response_body()])
    assert response.status == status


def ours(response: Response, sent: Headers) -> Headers:
    """Return the fields of the response that have a name which was sent, which are in lower case."""
    names = {name for name, _ in sent}
    return [(name.lower(), value) for name, value in response.headers if name.lower() in names]


@requires("http.start.headers.exact", "http.start.headers.duplicates")
@given(headers=strategies.response_headers())
async def test_headers(http: Http, headers: Headers) -> None:
    """Every header of the application is in the response, its value octet for octet, those of one name apart."""
    _, response = await response_to(http, [response_start(200, headers), response_body(b"body")])
    assert by_name(ours(response, headers)) == by_name(headers)


# That some servers put the headers of one name together is found by an example of it; it would hide all else here.
@requires("http.start.headers.order")
@given(headers=strategies.response_headers().map(strategies.grouped))
async def test_order_of_headers(http: Http, headers: Headers) -> None:
    """Headers, of which those of one name stand together, are in the response in the order given."""
    _, response = await response_to(http, [response_start(200, headers), response_body(b"body")])
    assert ours(response, headers) == headers


@requires("http.start.headers.no-injection", "core.send.returns")
@given(header=strategies.split_headers(), length=st.booleans())
async def test_headers_that_hold_a_line_end(http: Http, header: Header, length: bool) -> None:
    """What stands behind a line end in a header does not begin a line on the wire."""
    fields = [(b"content-length", b"4")] if length else []
    exchange = await attempted(http, [response_start(200, [*fields, header]), response_body(b"body")])
    lines = bytes(exchange.connection.received).replace(b"\r", b"\n").split(b"\n")
    assert not [line for line in lines if line.lower().startswith(MARK)]


# --- the body ---------------------------------------------------------------------------------------------------------

BODY = (
    "http.body.body.concatenated",
    "http.body.body.default",
    "http.body.body.empty",
    "http.body.completes",
    "http.body.more-body.default",
)


@requires(*BODY, "http.body.body.value")
@given(reply=strategies.replies(length=st.just(True), plain=False))
async def test_body_with_a_length(http: Http, reply: Reply) -> None:
    """The bodies of all events make the body of the response, octet for octet, beside a Content-Length."""
    _, response = await response_to(http, reply.events())
    assert difference(response.body, reply.content) is None


@requires(*BODY, "http.transfer-encoding.outbound")
@given(reply=strategies.replies(length=st.just(False), plain=False))
async def test_body_without_a_length(http: Http, reply: Reply) -> None:
    """The bodies of all events make the body of the response, octet for octet, and its end can be recognised."""
    _, response = await response_to(http, reply.events())
    assert difference(response.body, reply.content) is None


@requires("http.body.flushed", "http.body.more-body.value")
@given(reply=strategies.replies())
async def test_body_as_it_is_sent(http: Http, reply: Reply) -> None:
    """Once `send` has returned, the client gets what was sent so far, and takes it for whole only when it is."""
    exchange, application = await http.call()
    start, *events = reply.events()
    await application.send(start)
    sent = b""
    for event in events:
        # Whatever the length, a body of which nothing is missing any more could be whole for the client.
        due = not reply.length or len(sent) < len(reply.content)
        assert not exchange.complete or not due, "the response is complete though more was to come"
        await application.send(event)
        sent += event.get("body", b"")
        if sent:
            assert difference(await exchange.body_bytes(len(sent)), sent) is None
    await exchange.response()


@requires("rfc9110.head.no-content", "core.send.returns")
@given(reply=strategies.replies(strategies.statuses()))
async def test_body_in_response_to_head(http: Http, reply: Reply) -> None:
    """Whatever body the application gives in response to HEAD does not reach the client."""
    exchange = await attempted(http, reply.events(), "HEAD")
    assert not exchange.connection.surplus, f"after the response: {bytes(exchange.connection.surplus)!r}"


@requires("rfc9110.status-204.no-content", "rfc9110.status-304.no-content", "core.send.returns")
@given(reply=strategies.replies(st.sampled_from(BODILESS)))
async def test_body_with_a_status_that_has_none(http: Http, reply: Reply) -> None:
    """Whatever body the application gives with status 204 or 304 does not reach the client."""
    exchange = await attempted(http, reply.events())
    assert not exchange.connection.surplus, f"after the response: {bytes(exchange.connection.surplus)!r}"


# --- events out of place ----------------------------------------------------------------------------------------------


def judge_the_wire(exchange: Exchange, reply: Reply | None, sent: bytes, complete: bool) -> None:
    """Make sure that the client got what the legal events said, or an error, and nothing of the others."""
    received = bytes(exchange.connection.received)
    assert MARK not in received, "an event out of place has reached the wire"
    assert not exchange.connection.surplus, f"after the response: {bytes(exchange.connection.surplus)!r}"
    assert exchange.refused is None, exchange.outcome
    if sent or complete:
        assert reply is not None
        assert exchange.arrived is not None, exchange.outcome
        assert exchange.arrived.status == reply.status
        assert difference(exchange.arrived.body, sent) is None
        assert exchange.complete or not complete, exchange.outcome


@requires("http.body.continues", "core.send.returns")
@given(events=st.lists(strategies.misplaced_bodies() | strategies.unknown_events(), min_size=1, max_size=5))
async def test_events_before_the_start(http: Http, events: list[Any]) -> None:
    """Nothing that the application sends before a start reaches the client."""
    exchange = await attempted(http, events)
    judge_the_wire(exchange, None, b"", complete=False)


# Events of the right type whose values are wrong stand elsewhere: what `send` makes of those is no more than a SHOULD.
@requires("http.start.once", "core.send.returns")
@given(
    reply=strategies.replies(),
    count=st.integers(0, 3),
    events=st.lists(strategies.misplaced_starts() | strategies.unknown_events(), min_size=1, max_size=5),
)
async def test_events_in_the_response(http: Http, reply: Reply, count: int, events: list[Any]) -> None:
    """A second start, or what is no event of a response, changes nothing on the wire, wherever it comes in the response."""
    legal = reply.events()[:-1][: count + 1]
    exchange = await attempted(http, [*legal, *events])
    judge_the_wire(exchange, reply, b"".join(event.get("body", b"") for event in legal), complete=False)


@requires("http.body.after-last.ignored", "core.send.returns")
@given(reply=strategies.replies(), events=st.lists(strategies.anything(), min_size=1, max_size=5))
async def test_events_after_the_response(http: Http, reply: Reply, events: list[Any]) -> None:
    """Nothing that the application sends after its response reaches the client, whatever it is."""
    exchange = await attempted(http, [*reply.events(), *events])
    judge_the_wire(exchange, reply, reply.content, complete=True)


async def go_on_after(http: Http, reply: Reply, position: int, event: Any) -> None:
    """Have the application send an event amid those of its response, and go on if `send` has refused it."""
    start, *events = reply.events()
    exchange, application = await http.call()
    await application.send(start)
    position %= len(events)
    for legal in events[:position]:
        await application.send(legal)
    if await application.attempt(event) is None:
        return  # which is judged elsewhere
    for legal in events[position:]:
        await application.send(legal)
    response = await exchange.response()
    assert response.status == reply.status
    assert difference(response.body, reply.content) is None


# What a server has made of a start before it refuses it is found by examples; that would hide all else here.
@requires("core.send.invalid-event.no-effect")
@given(
    reply=strategies.replies(),
    position=st.integers(0, 5),
    event=strategies.misplaced_starts() | strategies.unknown_events(),
)
async def test_refused_event_changes_nothing(http: Http, reply: Reply, position: int, event: Any) -> None:
    """After `send` has refused an event in the response, the application can go on, and all arrives."""
    await go_on_after(http, reply, position, event)


# Without a length, which a server that takes the values may find exceeded.
@requires("core.send.invalid-event.no-effect")
@given(reply=strategies.replies(length=st.just(False)), position=st.integers(0, 5), event=strategies.broken_bodies())
async def test_refused_body_changes_nothing(http: Http, reply: Reply, position: int, event: Event) -> None:
    """After `send` has refused a body event whose values are wrong, the application can go on, and all arrives."""
    await go_on_after(http, reply, position, event)
