"""A response of the application's own that denies a connection: extensions.rst, Websocket Denial Response."""

from typing import Any

import pytest

from asgi_conformance.fixtures.application import Application, Event
from asgi_conformance.fixtures.checks import case, requires, unsupported
from asgi_conformance.fixtures.http import Header, Headers, Request, Response
from asgi_conformance.fixtures.websocket import (
    WebSocket,
    WebSockets,
    accept,
    binary,
    close,
    connected,
    denial_body,
    denial_start,
    text,
)

EXTENSION = "websocket.http.response"
STATUSES = (200, 204, 301, 400, 401, 403, 404, 418, 429, 500, 503, 599)


def judge_offer(application: Application) -> None:
    """End the check as unsupported where the server does not offer the extension."""
    if EXTENSION not in (application.scope.get("extensions") or {}):
        unsupported(EXTENSION)


async def denying(websocket: WebSockets) -> tuple[WebSocket, Application]:
    """Return a handshake that waits for the application's denial; the check ends where the extension is not offered."""
    peer, application = await websocket.call()
    judge_offer(application)
    await connected(application)
    return peer, application


async def denied(websocket: WebSockets, *events: Event) -> Response:
    """Return the response that the client gets when the application sends these events."""
    peer, application = await denying(websocket)
    for event in events:
        await application.send(event)
    return await peer.response()


def given(response: Response, *names: bytes) -> Headers:
    """Return the response's headers that have one of these lower-case names, lower-cased, in their order."""
    return [(name.lower(), value) for name, value in response.headers if name.lower() in names]


@requires("websocket.denial.offered")
async def test_extension_is_offered(websocket: WebSockets) -> None:
    """Whether the server offers denial responses is its choice."""
    _, application = await websocket.call()
    offered = EXTENSION in (application.scope.get("extensions") or {})
    websocket.observe("it is offered" if offered else "it is not offered")


# --- the response -----------------------------------------------------------------------------------------------------


@requires("websocket.denial.sent")
async def test_denial_is_sent_in_place_of_a_handshake(websocket: WebSockets) -> None:
    """The client gets the application's response in place of a handshake."""
    peer, application = await denying(websocket)
    await application.send(denial_start(401, [(b"x-probe", b"value")]))
    await application.send(denial_body(b"not today"))
    response = await peer.response()
    assert peer.upgraded is None
    assert (response.status, given(response, b"x-probe")) == (401, [(b"x-probe", b"value")])
    assert response.body == b"not today"


@pytest.mark.parametrize("status", [case(str(status), status) for status in STATUSES])
@requires("websocket.denial.start.status")
async def test_status_is_the_one_given(websocket: WebSockets, status: int) -> None:
    """The response has the status that the application gave."""
    assert (await denied(websocket, denial_start(status), denial_body())).status == status


@pytest.mark.parametrize(
    "headers",
    [
        case("one", [(b"x-probe", b"value")]),
        case("order", [(b"x-%d" % (37 * number % 50), b"%d" % number) for number in range(50)]),
        case("mixed", [(b"x-c", b"1"), (b"x-a", b"2"), (b"x-b", b"3"), (b"x-a", b"4"), (b"x-c", b"5")]),
        case("duplicates", [(b"x-probe", b"1"), (b"x-probe", b"2"), (b"x-probe", b"1")]),
        case("cookies", [(b"set-cookie", b"a=1; Path=/"), (b"set-cookie", b"b=2")]),
        case("content-type", [(b"content-type", b'text/plain; charset="utf-8"')]),
        case("above-127", [(b"x-probe", "€".encode())]),
        case("empty", [(b"x-probe", b"")]),
    ],
)
@requires("websocket.denial.start.headers")
async def test_headers_are_those_given(websocket: WebSockets, headers: list[Header]) -> None:
    """The headers that the application gave are in the response, in their order, duplicates included."""
    response = await denied(websocket, denial_start(403, headers), denial_body(b"body"))
    assert given(response, *(name for name, _ in headers)) == headers


@requires("websocket.denial.start.headers.default")
async def test_headers_may_be_missing(websocket: WebSockets) -> None:
    """A start without `headers` is a response without any of the application's."""
    start = {"type": "websocket.http.response.start", "status": 404}
    response = await denied(websocket, start, denial_body(b"body"))
    assert (response.status, bytes(response.body)) == (404, b"body")


def start(**fields: Any) -> Event:
    """Return a start with these fields in place of the right ones."""
    return {**denial_start(403), **fields}


@pytest.mark.parametrize(
    "event",
    [
        case("no-status", {"type": "websocket.http.response.start", "headers": []}),
        case("status-str", start(status="403")),
        case("status-none", start(status=None)),
        case("status-float", start(status=403.0)),
        case("headers-none", start(headers=None)),
        case("headers-int", start(headers=1)),
        case("headers-str", start(headers="x-probe: value")),
        case("header-one-item", start(headers=[[b"x-probe"]])),
        case("name-str", start(headers=[["x-probe", b"value"]])),
        case("value-str", start(headers=[[b"x-probe", "value"]])),
        case("value-none", start(headers=[[b"x-probe", None]])),
    ],
)
@requires("websocket.denial.start.types")
async def test_wrong_start_is_refused(websocket: WebSockets, event: Event) -> None:
    """`send` raises for a start without a status, or with a key of another type."""
    _, application = await denying(websocket)
    raised = await application.attempt(event)
    await application.finish()
    assert (await websocket.exchange()).status == 204
    assert raised is not None, "send returned"


@pytest.mark.parametrize(
    "pieces",
    [
        case("one", [b"body"]),
        case("several", [b"one, ", b"two, ", b"three"]),
        case("empty-ones-among-them", [b"", b"one", b"", b"two", b""]),
        case("nothing", [b""]),
        case("long", [b"p" * 100_000, b"q" * 100_000]),
    ],
)
@requires("websocket.denial.body.concatenated")
async def test_body_is_that_of_all_events(websocket: WebSockets, pieces: list[bytes]) -> None:
    """The bodies of all events together are the body of the response."""
    events = [denial_body(piece, more_body=True) for piece in pieces[:-1]] + [denial_body(pieces[-1])]
    assert (await denied(websocket, denial_start(403), *events)).body == b"".join(pieces)


@requires("websocket.denial.body.default")
async def test_body_may_be_missing(websocket: WebSockets) -> None:
    """An event without `body` and `more_body` ends the response."""
    last = {"type": "websocket.http.response.body"}
    response = await denied(websocket, denial_start(403), denial_body(b"body", more_body=True), last)
    assert response.body == b"body"


@requires("websocket.denial.body.more-body")
async def test_response_is_not_complete_while_there_is_more(websocket: WebSockets) -> None:
    """While `more_body` is true the client does not see a complete response."""
    peer, application = await denying(websocket)
    await application.send(denial_start(403))
    await application.send(denial_body(b"some", more_body=True))
    await websocket.settle()
    assert not peer.complete
    await application.send(denial_body(b"thing"))
    assert (await peer.response()).body == b"something"


@pytest.mark.parametrize(
    ("name", "value", "element"),
    [
        case("cr-lf-in-value", b"x-probe", b"a\r\nx-injected: 1", b"a\r\nx-injected"),
        case("lf-in-value", b"x-probe", b"a\nx-injected: 1", b"a\nx-injected"),
        case("cr-in-value", b"x-probe", b"a\rx-injected: 1", b"a\rx-injected"),
        case("cr-lf-in-name", b"x-probe: a\r\nx-injected", b"1", b"a\r\nx-injected"),
        case("lf-in-name", b"x-probe: a\nx-injected", b"1", b"a\nx-injected"),
    ],
)
@requires("websocket.denial.no-injection")
async def test_line_break_does_not_reach_the_wire(
    websocket: WebSockets, name: bytes, value: bytes, element: bytes
) -> None:
    """A CR or LF in a name or value makes no other headers than the application gave."""
    peer, application = await denying(websocket)
    await application.conclude(denial_start(403, [(name, value)]), denial_body(b"body"))
    await websocket.settle()
    assert element not in bytes(peer.connection.received).partition(b"\r\n\r\n")[0]  # behind it may be a text about it


@requires("websocket.denial.closes")
async def test_connection_is_closed_after_the_response(websocket: WebSockets) -> None:
    """After the response the server closes the connection."""
    peer, application = await denying(websocket)
    await application.send(denial_start(403))
    await application.send(denial_body(b"body"))
    await application.finish()
    await peer.response()
    connection = peer.connection
    if not connection.closing:
        further = connection.request(Request(target=b"/further"))
        await websocket.stage.until(
            lambda: further.applications or connection.closed is not None, "the server to close the connection"
        )
        assert further.applications == [], "the connection took a further request"


# --- what cannot follow -----------------------------------------------------------------------------------------------

OTHERS = [
    case("accept", accept()),
    case("text", text("payload")),
    case("binary", binary(b"payload")),
    case("close", close(code=1000, reason="payload")),
]
BEGUN = [denial_start(401)]
HALFWAY = [denial_start(401), denial_body(b"body", more_body=True)]
OVER = [denial_start(401), denial_body(b"body")]


@pytest.mark.parametrize("event", OTHERS)
@pytest.mark.parametrize("before", [case("after-the-start", BEGUN), case("halfway", HALFWAY), case("at-the-end", OVER)])
@requires("websocket.denial.followed.no-effect")
async def test_other_event_has_no_effect(websocket: WebSockets, before: list[Event], event: Event) -> None:
    """After the start of a denial no other event of a WebSocket completes the handshake, or reaches the client."""
    peer, application = await denying(websocket)
    for part in before:
        await application.send(part)
    await application.attempt(event)
    await websocket.settle()
    assert peer.upgraded is None
    assert peer.refused is None, peer.outcome
    assert peer.arrived is None or peer.arrived.status == 401
    assert b"payload" not in peer.connection.received
    assert bytes(peer.connection.surplus) == b""


@pytest.mark.parametrize("event", OTHERS)
@requires("websocket.denial.followed.raises")
async def test_other_event_is_refused(websocket: WebSockets, event: Event) -> None:
    """`send` raises when an event other than a body follows the start of a denial."""
    _, application = await denying(websocket)
    await application.send(denial_start(401))
    raised = await application.attempt(event)
    await application.finish()
    assert (await websocket.exchange()).status == 204
    assert raised is not None, "send returned"


@pytest.mark.parametrize("event", [case("start", denial_start(401)), case("body", denial_body(b"body"))])
@requires("websocket.denial.after-accept")
async def test_denial_after_the_accept_is_refused(websocket: WebSockets, event: Event) -> None:
    """`send` raises when the application denies a connection that it has accepted."""
    _, application = await websocket.open()
    judge_offer(application)
    raised = await application.attempt(event)
    await application.finish()
    assert (await websocket.exchange()).status == 204
    assert raised is not None, "send returned"
