"""The handshake as the application sees it, up to its reply: www.rst, Connect - receive event; Close - send event."""

from typing import Any

import pytest

from asgi_conformance.fixtures.checks import case, requires
from asgi_conformance.fixtures.frames import BINARY, TEXT
from asgi_conformance.fixtures.values import kind
from asgi_conformance.fixtures.websocket import WebSockets, accept, binary, close, connected, denial_body, text

# --- websocket.connect ------------------------------------------------------------------------------------------------


@requires("websocket.connect.first")
async def test_connect_comes_first_and_once(websocket: WebSockets) -> None:
    """The first event is websocket.connect, and none after it is another."""
    peer, application = await websocket.call()
    assert (await application.receive())["type"] == "websocket.connect"
    await application.send(accept())
    await peer.accepted()
    peer.send("a message")
    assert (await application.receive())["type"] != "websocket.connect"
    peer.close_with(1000)
    assert (await application.receive())["type"] != "websocket.connect"


@requires("websocket.connect.first")
async def test_connect_comes_once_before_the_reply(websocket: WebSockets) -> None:
    """A further receive before the application has replied gives no second websocket.connect."""
    _, application = await websocket.call()
    await connected(application)
    further = application.start_receive()
    await websocket.settle()
    if further.done:
        assert (await further.value())["type"] != "websocket.connect"
    await application.attempt(accept())
    await websocket.settle()
    if further.done:
        assert (await further.value())["type"] != "websocket.connect"


@requires("websocket.connect.during-handshake")
async def test_connect_comes_during_the_handshake(websocket: WebSockets) -> None:
    """websocket.connect comes while the client still waits for the response to its handshake."""
    peer, application = await websocket.call()
    assert (await application.receive())["type"] == "websocket.connect"
    assert bytes(peer.connection.received) == b""


@pytest.mark.parametrize("receives", [case("connect-received", True), case("nothing-received", False)])
@requires("websocket.connect.handshake-waits")
async def test_handshake_waits_for_the_reply(websocket: WebSockets, receives: bool) -> None:
    """Nothing of a response is sent before the application has replied."""
    peer, application = await websocket.call()
    if receives:
        await connected(application)
    await websocket.settle()
    assert bytes(peer.connection.received) == b""
    if not receives:
        await connected(application)
    await application.send(accept())
    await peer.accepted()


@pytest.mark.parametrize(
    ("opcode", "payload"), [case("text", TEXT, b"early"), case("binary", BINARY, b"early"), case("empty", TEXT, b"")]
)
@requires("websocket.connect.no-receive-before-reply")
async def test_message_sent_too_early_waits(websocket: WebSockets, opcode: int, payload: bytes) -> None:
    """A frame that the client sends before it has a response is no websocket.receive before the application replies."""
    peer, application = await websocket.call()
    peer.send_frame(opcode, payload)
    await connected(application)
    step = application.start_receive()
    await websocket.settle()
    assert not step.done or step.returned["type"] != "websocket.receive"


OTHERS = [
    case("text", text("payload")),
    case("binary", binary(b"payload")),
    case("body-of-a-denial", denial_body(b"payload")),
]
RECEIVED = [
    case("receive", {"type": "websocket.receive", "text": "payload"}),
    case("connect", {"type": "websocket.connect"}),
    case("disconnect", {"type": "websocket.disconnect", "code": 1000}),
]


@pytest.mark.parametrize("event", [*OTHERS, *RECEIVED])
@requires("websocket.connect.other-reply.no-effect")
async def test_other_reply_completes_nothing(websocket: WebSockets, event: dict[str, Any]) -> None:
    """An event that is no reply does not complete the handshake, and nothing of it reaches the client."""
    peer, application = await websocket.call()
    await connected(application)
    await application.attempt(event)
    await websocket.settle()
    assert peer.upgraded is None
    assert b"payload" not in peer.connection.received


@pytest.mark.parametrize("event", OTHERS)
@requires("websocket.connect.other-reply.raises")
async def test_other_reply_is_refused(websocket: WebSockets, event: dict[str, Any]) -> None:
    """`send` raises for an event that is no reply."""
    _, application = await websocket.call()
    await connected(application)
    raised = await application.attempt(event)
    await application.finish()
    assert (await websocket.exchange()).status == 204
    assert raised is not None, "send returned"


@requires("websocket.connect.type.type")
async def test_type_of_connect_is_a_text(websocket: WebSockets) -> None:
    """The `type` of the first event is exactly a str."""
    _, application = await websocket.call()
    assert kind((await application.receive())["type"]) == "str"


@requires("websocket.connect.type.value")
async def test_type_of_connect(websocket: WebSockets) -> None:
    """The `type` of the first event is "websocket.connect"."""
    _, application = await websocket.call()
    assert (await application.receive())["type"] == "websocket.connect"


# --- the connection is denied -----------------------------------------------------------------------------------------


@requires("websocket.connect.denied")
async def test_denied_connection_gets_403(websocket: WebSockets) -> None:
    """A client whose connection the application denies gets the status 403."""
    peer, application = await websocket.call()
    await connected(application)
    await application.send(close())
    await application.finish()
    assert (await peer.response()).status == 403


@pytest.mark.parametrize(
    "keys",
    [
        case("plain", {}),
        case("code", {"code": 4001}),
        case("reason", {"code": 1008, "reason": "not today"}),
    ],
)
@requires("websocket.close.before-accept.status")
async def test_close_before_accept_is_answered_with_403(websocket: WebSockets, keys: dict[str, Any]) -> None:
    """A websocket.close before the accept gets the client the status 403, whatever the application does after it."""
    peer, application = await websocket.call()
    await connected(application)
    await application.send(close(**keys))
    response = await peer.response()
    assert response.status == 403


@pytest.mark.parametrize(
    "event", [case("accept", accept()), case("text", text("payload")), case("second-close", close(code=1000))]
)
@requires("websocket.close.before-accept.no-handshake")
async def test_handshake_is_not_completed_after_a_close(websocket: WebSockets, event: dict[str, Any]) -> None:
    """After a websocket.close before the accept nothing that the application sends completes the handshake."""
    peer, application = await websocket.call()
    await connected(application)
    await application.send(close())
    await application.conclude(event)
    await peer.ended()
    await websocket.settle()
    assert peer.upgraded is None
    assert b"payload" not in peer.connection.received


@requires("websocket.close.before-accept.connection")
async def test_connection_after_a_denial(websocket: WebSockets) -> None:
    """Whether the connection of a denied handshake takes a further request is the server's choice."""
    peer, application = await websocket.call()
    await connected(application)
    await application.send(close())
    await application.finish()
    await peer.response()
    await websocket.settle()
    websocket.observe("the connection is closed" if peer.connection.closed else "the connection stays open")
