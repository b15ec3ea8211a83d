"""How the application accepts a connection: www.rst, Accept - send event."""

from typing import Any

import pytest

from asgi_conformance.fixtures.application import Application, Event
from asgi_conformance.fixtures.checks import case, inapplicable, requires
from asgi_conformance.fixtures.http import Header, Headers, Response
from asgi_conformance.fixtures.values import Recipe
from asgi_conformance.fixtures.websocket import WebSocket, WebSockets, accept, binary, connected

PROTOCOL = b"sec-websocket-protocol"
OFFER = [b"chat", b"superchat"]


async def called(
    websocket: WebSockets, event: Event, subprotocols: list[bytes] | None = None
) -> tuple[WebSocket, Application]:
    """Return a handshake that waits for this event; the check ends where it has headers that the server does not claim.

    They are a part of version 2.1 of the specification.
    """
    peer, application = await websocket.call(subprotocols=subprotocols or [])
    if "headers" in event and application.claims < (2, 1):
        inapplicable("`headers` are from spec_version 2.1, and the server claims less")
    await connected(application)
    return peer, application


async def accepted(websocket: WebSockets, event: Event, subprotocols: list[bytes] | None = None) -> Response:
    """Return the response that completes a handshake when the application sends this event."""
    peer, application = await called(websocket, event, subprotocols)
    await application.send(event)
    return await peer.accepted()


async def attempted(websocket: WebSockets, event: Event, subprotocols: list[bytes] | None = None) -> WebSocket:
    """Have the application try an accept; return the WebSocket, when nothing of the response is on its way any more."""
    peer, application = await called(websocket, event, subprotocols)
    await application.conclude(event)
    await websocket.settle()
    return peer


def given(response: Response, *names: bytes) -> Headers:
    """Return the response's headers that have one of these lower-case names, lower-cased, in their order."""
    return [(name.lower(), value) for name, value in response.headers if name.lower() in names]


# --- the handshake is completed ---------------------------------------------------------------------------------------


@requires("websocket.accept.completes")
async def test_accept_completes_the_handshake(websocket: WebSockets) -> None:
    """Once the application has accepted the client gets its response, and messages pass both ways."""
    peer, application = await websocket.call()
    await connected(application)
    await application.send(accept())
    await peer.accepted()
    peer.send("there")
    assert (await application.receive())["text"] == "there"
    await application.send(binary(b"and back"))
    assert await peer.message() == b"and back"


@requires("websocket.accept.type.value")
async def test_type_of_the_event_accepts(websocket: WebSockets) -> None:
    """An event of the type "websocket.accept" accepts the connection."""
    assert (await accepted(websocket, {"type": "websocket.accept"})).status == 101


@pytest.mark.parametrize("event", [case("plain", accept()), case("headers", accept(headers=[[b"x-probe", b"second"]]))])
@requires("websocket.accept.once")
async def test_second_accept_has_no_effect(websocket: WebSockets, event: Event) -> None:
    """A second accept puts nothing on the wire."""
    peer, application = await websocket.open()
    await application.attempt(event)
    await websocket.settle()
    assert peer.refused is None, peer.outcome
    assert peer.messages == []
    assert peer.connection.received.count(b"HTTP/1.1 101") == 1


# --- the subprotocol --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chosen", [case("first", "chat"), case("last", "superchat")])
@requires("websocket.accept.subprotocol.value")
async def test_subprotocol_is_the_one_given(websocket: WebSockets, chosen: str) -> None:
    """The subprotocol that the application gives is the value of Sec-WebSocket-Protocol."""
    response = await accepted(websocket, accept(subprotocol=chosen), OFFER)
    assert response.values(PROTOCOL) == [chosen.encode()]


@pytest.mark.parametrize("event", [case("missing", accept()), case("none", accept(subprotocol=None))])
@requires("websocket.accept.subprotocol.default")
async def test_subprotocol_may_be_missing(websocket: WebSockets, event: Event) -> None:
    """Without a subprotocol, or with None, the response names none, whatever the client advertised."""
    assert (await accepted(websocket, event, OFFER)).values(PROTOCOL) == []


@requires("websocket.accept.subprotocol.not-advertised")
async def test_subprotocol_that_was_not_advertised(websocket: WebSockets) -> None:
    """Whether `send` raises for a subprotocol that the client did not advertise is the server's choice."""
    peer, application = await websocket.call(subprotocols=OFFER)
    await connected(application)
    raised = await application.attempt(accept(subprotocol="other"))
    await application.finish()
    await websocket.settle()
    named = peer.upgraded.values(PROTOCOL) if peer.upgraded is not None else []
    websocket.observe(f"send raises {raised!r}" if raised is not None else f"send returns, and the wire has {named!r}")


# --- wrong types ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "event",
    [
        case("type-none", {"type": None}, requires="websocket.accept.type.type"),
        case("type-bytes", {"type": b"websocket.accept"}, requires="websocket.accept.type.type"),
        case("type-int", {"type": 101}, requires="websocket.accept.type.type"),
        case("subprotocol-bytes", accept(subprotocol=b"chat"), requires="websocket.accept.subprotocol.type"),
        case("subprotocol-int", accept(subprotocol=1), requires="websocket.accept.subprotocol.type"),
        case("subprotocol-list", accept(subprotocol=["chat"]), requires="websocket.accept.subprotocol.type"),
        case("headers-none", accept(headers=None), requires="websocket.accept.headers.type"),
        case("headers-int", accept(headers=1), requires="websocket.accept.headers.type"),
        case("headers-str", accept(headers="x-probe: value"), requires="websocket.accept.headers.type"),
        case("headers-bytes", accept(headers=b"x-probe: value"), requires="websocket.accept.headers.type"),
        case("headers-dict", accept(headers={b"x-probe": b"value"}), requires="websocket.accept.headers.type"),
        case("header-one-item", accept(headers=[[b"x-probe"]]), requires="websocket.accept.headers.type"),
        case("header-three-items", accept(headers=[[b"x", b"a", b"b"]]), requires="websocket.accept.headers.type"),
        case("header-none", accept(headers=[None]), requires="websocket.accept.headers.type"),
        case("name-str", accept(headers=[["x-probe", b"value"]]), requires="websocket.accept.headers.type"),
        case("value-str", accept(headers=[[b"x-probe", "value"]]), requires="websocket.accept.headers.type"),
        case("value-int", accept(headers=[[b"x-probe", 1]]), requires="websocket.accept.headers.type"),
        case("value-none", accept(headers=[[b"x-probe", None]]), requires="websocket.accept.headers.type"),
    ],
)
@requires()
async def test_wrong_accept_is_refused(websocket: WebSockets, event: Event) -> None:
    """`send` raises when a key of the event has another type."""
    _, application = await called(websocket, event, OFFER)
    raised = await application.attempt(event)
    await application.finish()
    assert (await websocket.exchange()).status == 204
    assert raised is not None, "send returned"


# --- headers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        case("list-of-lists", [[b"x-a", b"1"], [b"x-b", b"2"]]),
        case("list-of-tuples", [(b"x-a", b"1"), (b"x-b", b"2")]),
        case("tuple-of-tuples", ((b"x-a", b"1"), (b"x-b", b"2"))),
        case("tuple-of-lists", ([b"x-a", b"1"], [b"x-b", b"2"])),
        case("iterator", Recipe("iterator", [(b"x-a", b"1"), (b"x-b", b"2")])),
        case("list-of-iterators", [Recipe("iterator", [b"x-a", b"1"]), Recipe("iterator", [b"x-b", b"2"])]),
        case("empty-tuple", ()),
    ],
)
@requires("websocket.accept.headers.shape")
async def test_headers_may_be_any_iterable(websocket: WebSockets, headers: Any) -> None:
    """`headers` may be any iterable of any two-item iterables."""
    response = await accepted(websocket, accept(headers=headers))
    assert given(response, b"x-a", b"x-b") == ([] if headers == () else [(b"x-a", b"1"), (b"x-b", b"2")])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        case("plain", b"x-probe", b"value"),
        case("every-token-character", b"x-!#$%&'*+-.^_`|~0a", b"value"),
        case("inner-white-space", b"x-probe", b"a  b\tc"),
        case("delimiters", b"x-probe", b'(a), "b"; <c>=[d]{e}?@\\'),
        case("empty", b"x-probe", b""),
        case("latin-1", b"x-probe", "café".encode("latin-1")),
        case("utf-8", b"x-probe", "€".encode()),
        case("long", b"x-probe", b"v" * 8000),
        case("cookie", b"set-cookie", b"a=1; Path=/; HttpOnly"),
    ],
)
@requires("websocket.accept.headers.exact")
async def test_header_is_the_one_given(websocket: WebSockets, name: bytes, value: bytes) -> None:
    """A header that the application gave reaches the client, its value octet for octet."""
    assert given(await accepted(websocket, accept(headers=[[name, value]])), name) == [(name, value)]


@pytest.mark.parametrize(
    "headers",
    [
        case("names", [(b"x-%d" % (37 * number % 50), b"%d" % number) for number in range(50)]),
        case("values", [(b"x-probe", b"%d" % (37 * number % 50)) for number in range(50)]),
        case("mixed", [(b"x-c", b"1"), (b"x-a", b"2"), (b"x-b", b"3"), (b"x-a", b"4"), (b"x-c", b"5")]),
    ],
)
@requires("websocket.accept.headers.order")
async def test_order_of_headers_is_kept(websocket: WebSockets, headers: list[Header]) -> None:
    """Headers reach the client in the order in which the application gave them."""
    response = await accepted(websocket, accept(headers=headers))
    assert given(response, *(name for name, _ in headers)) == headers


@pytest.mark.parametrize(
    "headers",
    [
        case("plain", [(b"x-probe", b"1"), (b"x-probe", b"2"), (b"x-probe", b"1")]),
        case("cookies", [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2; Path=/"), (b"set-cookie", b"a=1")]),
    ],
)
@requires("websocket.accept.headers.duplicates")
async def test_duplicates_are_kept_apart(websocket: WebSockets, headers: list[Header]) -> None:
    """Headers of one name are neither joined nor dropped."""
    assert given(await accepted(websocket, accept(headers=headers)), headers[0][0]) == headers


@requires("websocket.accept.headers.default")
async def test_headers_may_be_missing(websocket: WebSockets) -> None:
    """An accept without `headers` completes the handshake, with none of the application's."""
    response = await accepted(websocket, accept(subprotocol="chat"), OFFER)
    assert given(response, b"x-probe") == []


@requires("websocket.accept.headers.lowercase")
async def test_name_in_capitals(websocket: WebSockets) -> None:
    """What becomes of a header name in capitals, which the application must not give, is the server's choice."""
    event = accept(headers=[[b"X-Probe", b"value"]])
    peer, application = await called(websocket, event)
    raised = await application.attempt(event)
    if raised is not None:
        websocket.observe(f"send raises {raised!r}")
        return
    response = await peer.accepted()
    names = [name for name, _ in response.headers if name.lower() == b"x-probe"]
    websocket.observe(f"sent as {names[0].decode()}" if names else "dropped")


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        case("same-value", accept(subprotocol="chat", headers=[[PROTOCOL, b"chat"]]), b"chat"),
        case("other-value", accept(subprotocol="chat", headers=[[PROTOCOL, b"superchat"]]), b"chat"),
        case("in-capitals", accept(subprotocol="chat", headers=[[b"Sec-WebSocket-Protocol", b"superchat"]]), b"chat"),
        case("without-the-key", accept(headers=[[PROTOCOL, b"chat"], [PROTOCOL, b"superchat"]]), None),
    ],
)
@requires("websocket.accept.headers.subprotocol-once")
async def test_subprotocol_is_there_once(websocket: WebSockets, event: Event, expected: bytes | None) -> None:
    """The response has one Sec-WebSocket-Protocol at most, that of the `subprotocol` key if this is set."""
    peer = await attempted(websocket, event, OFFER)
    if peer.upgraded is None:
        inapplicable("the server refuses such a header of the application's")
    values = peer.upgraded.values(PROTOCOL)
    assert values == [expected] if expected is not None else len(values) <= 1


@requires("websocket.accept.headers.subprotocol-reaction")
async def test_subprotocol_among_the_headers(websocket: WebSockets) -> None:
    """Whether the server refuses, drops or sends a Sec-WebSocket-Protocol header is its choice."""
    event = accept(headers=[[PROTOCOL, b"chat"]])
    peer, application = await called(websocket, event, OFFER)
    raised = await application.attempt(event)
    await application.finish()
    await websocket.settle()
    sent = peer.upgraded is not None and peer.upgraded.values(PROTOCOL) != []
    websocket.observe(f"send raises {raised!r}" if raised is not None else "sent" if sent else "dropped")


@pytest.mark.parametrize("name", [case("status", b":status"), case("unknown", b":probe"), case("colon", b":")])
@requires("websocket.accept.headers.pseudo")
async def test_pseudo_header_does_not_reach_the_wire(websocket: WebSockets, name: bytes) -> None:
    """A pseudo header of the application's does not reach the client."""
    peer = await attempted(websocket, accept(headers=[[name, b"101"]]))
    assert peer.refused is None, peer.outcome
    assert b"\n" + name + b":" not in bytes(peer.connection.received).partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize(
    ("name", "value", "element"),
    [
        case("cr-lf-in-value", b"x-probe", b"a\r\nx-injected: 1", b"a\r\nx-injected"),
        case("lf-in-value", b"x-probe", b"a\nx-injected: 1", b"a\nx-injected"),
        case("cr-in-value", b"x-probe", b"a\rx-injected: 1", b"a\rx-injected"),
        case("whole-head-in-value", b"x-probe", b"a\r\n\r\n\x81\x08injected", b"\r\n\r\n\x81\x08injected"),
        case("cr-lf-in-name", b"x-probe: a\r\nx-injected", b"1", b"a\r\nx-injected"),
        case("lf-in-name", b"x-probe: a\nx-injected", b"1", b"a\nx-injected"),
        case("cr-in-name", b"x-probe: a\rx-injected", b"1", b"a\rx-injected"),
    ],
)
@requires("websocket.accept.headers.no-injection")
async def test_line_break_does_not_reach_the_wire(
    websocket: WebSockets, name: bytes, value: bytes, element: bytes
) -> None:
    """A CR or LF in a name or value makes no other headers than the application gave."""
    peer = await attempted(websocket, accept(headers=[[name, value]]))
    received = bytes(peer.connection.received)
    # Behind the head of an error there may be a text about the header.
    assert element not in (received if peer.upgraded is not None else received.partition(b"\r\n\r\n")[0])


@requires("websocket.accept.headers.version-2-0")
async def test_headers_where_version_2_0_is_claimed(websocket: WebSockets) -> None:
    """What a server that claims version 2.0 makes of `headers` is its choice."""
    peer, application = await websocket.call()
    if application.claims >= (2, 1):
        inapplicable("the server claims 2.1 or later, of which `headers` are a part")
    await connected(application)
    raised = await application.attempt(accept(headers=[[b"x-probe", b"value"]]))
    await websocket.settle()
    sent = peer.upgraded is not None and peer.upgraded.values(b"x-probe") != []
    websocket.observe(f"send raises {raised!r}" if raised is not None else "sent" if sent else "dropped")
