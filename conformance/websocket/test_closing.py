"""The end of a WebSocket as the application sees and makes it: www.rst, "Disconnect", "Close" and what follows."""

import contextlib
from collections.abc import Callable

import pytest

from asgi_conformance.fixtures.application import Application, Event, Fields, Raised, Step
from asgi_conformance.fixtures.checks import case, inapplicable, requires, unsupported
from asgi_conformance.fixtures.frames import CLOSE, TEXT, close_payload, frame
from asgi_conformance.fixtures.http1 import Http1Connection
from asgi_conformance.fixtures.timing import DEADLINE
from asgi_conformance.fixtures.values import kind
from asgi_conformance.fixtures.verdicts import Broken
from asgi_conformance.fixtures.websocket import (
    WebSocket,
    WebSockets,
    accept,
    close,
    connected,
    denial_body,
    denial_start,
    text,
)

CLIENT_LEAVES = [
    case("close", Http1Connection.close),
    case("reset", Http1Connection.reset),
]
ATTEMPTS = 30
Leave = Callable[[Http1Connection], None]


async def disconnected(application: Application) -> Fields:
    """Receive until the end and return the disconnect event; messages on the way are passed over."""
    __tracebackhide__ = True
    events = await application.events_until(lambda event: event["type"] != "websocket.receive")
    assert events[-1]["type"] == "websocket.disconnect", f"received {dict(events[-1])!r}"
    return events[-1]


async def closed(
    websocket: WebSockets, code: int | None = 1000, reason: str = ""
) -> tuple[WebSocket, Application, Fields]:
    """Have the client of an open socket close it; return both ends and the disconnect event."""
    __tracebackhide__ = True
    peer, application = await websocket.open()
    peer.close_with(code, reason)
    return peer, application, await disconnected(application)


def bound_by(application: Application, version: tuple[int, int]) -> None:
    """End the check as inapplicable where the server claims less than ``version`` of the specification."""
    if application.claims < version:
        claimed = ".".join(map(str, application.claims))
        inapplicable(f"the rule is from spec_version {version[0]}.{version[1]}, and the server claims {claimed}")


# --- the event --------------------------------------------------------------------------------------------------------


@requires("websocket.disconnect.client-close", "websocket.disconnect.type.value")
async def test_client_closes(websocket: WebSockets) -> None:
    """A close frame of the client ends in a websocket.disconnect."""
    _, _, event = await closed(websocket)
    assert event["type"] == "websocket.disconnect"


@requires("websocket.disconnect.type.type")
async def test_type_of_the_type(websocket: WebSockets) -> None:
    """The `type` of the event is exactly a str."""
    _, _, event = await closed(websocket)
    assert kind(event["type"]) == "str"


@pytest.mark.parametrize("leave", CLIENT_LEAVES)
@requires("websocket.disconnect.socket-lost")
async def test_client_is_gone_without_a_close_frame(websocket: WebSockets, leave: Leave) -> None:
    """A connection that ends or is reset without a close frame ends in a websocket.disconnect."""
    peer, application = await websocket.open()
    leave(peer.connection)
    await disconnected(application)


@pytest.mark.parametrize("leave", CLIENT_LEAVES)
@requires("websocket.disconnect.socket-lost")
async def test_client_is_gone_in_the_middle_of_a_message(websocket: WebSockets, leave: Leave) -> None:
    """A connection that ends within a message ends in a websocket.disconnect, and the message is none."""
    peer, application = await websocket.open()
    peer.send_frame(1, b"first", fin=False)
    peer.connection.write(b"\x80\x8a\x00\x00\x00\x00 and")
    leave(peer.connection)
    assert (await application.receive())["type"] == "websocket.disconnect"


@pytest.mark.parametrize("leave", CLIENT_LEAVES)
@requires("websocket.disconnect.while-waiting")
async def test_receive_waits_when_the_client_leaves(websocket: WebSockets, leave: Leave) -> None:
    """A receive that already waits when the client leaves ends with the event, or is cancelled."""
    peer, application = await websocket.open()
    waiting = application.start_receive()
    await websocket.exchange()
    leave(peer.connection)
    await application.stage.until(lambda: waiting.done or application.over, "the receive to end")
    if waiting.cancelled or not waiting.done:
        websocket.observe("the application is cancelled")
        return
    assert (await waiting.value())["type"] == "websocket.disconnect"


@pytest.mark.parametrize("leave", CLIENT_LEAVES)
@requires("websocket.disconnect.during-handshake")
async def test_client_leaves_before_the_handshake_is_answered(websocket: WebSockets, leave: Leave) -> None:
    """A client that leaves before the application has answered is told of by a websocket.disconnect."""
    peer, application = await websocket.call()
    await connected(application)
    leave(peer.connection)
    assert (await application.receive())["type"] == "websocket.disconnect"


@pytest.mark.parametrize("leave", CLIENT_LEAVES)
@requires("websocket.disconnect.socket-lost")
async def test_application_accepts_a_client_that_has_left(websocket: WebSockets, leave: Leave) -> None:
    """Where the client has left before it is accepted, receive gives a websocket.disconnect after the accept, too."""
    peer, application = await websocket.call()
    await connected(application)
    leave(peer.connection)
    await websocket.settle()
    await application.attempt(accept())  # which may raise
    assert (await application.receive())["type"] == "websocket.disconnect"


@requires("websocket.disconnect.application-close")
async def test_application_closes(websocket: WebSockets) -> None:
    """After the application's own close, receive gives a websocket.disconnect."""
    peer, application = await websocket.open()
    await application.send(close())
    await peer.closing()
    await disconnected(application)


@pytest.mark.parametrize(
    "events",
    [case("close", [close()]), case("denial-response", [denial_start(401), denial_body(b"denied")])],
)
@requires("websocket.disconnect.denied")
async def test_application_denies(websocket: WebSockets, events: list[Event]) -> None:
    """After the application has denied the connection, receive gives a websocket.disconnect."""
    _, application = await websocket.call()
    if len(events) > 1 and "websocket.http.response" not in application.scope.get("extensions", {}):
        unsupported("websocket.http.response")
    await connected(application)
    for event in events:
        await application.send(event)
    assert (await application.receive())["type"] == "websocket.disconnect"


@requires("websocket.disconnect.server-close")
async def test_server_closes_for_a_reason_of_its_own(websocket: WebSockets) -> None:
    """When the server fails the connection over a frame that is not masked, receive gives a websocket.disconnect."""
    peer, application = await websocket.open()
    peer.send_frame(1, b"not masked", mask=None)
    assert (await application.receive())["type"] == "websocket.disconnect"


@requires("websocket.disconnect.not-early")
async def test_receive_waits_while_the_connection_is_open(websocket: WebSockets) -> None:
    """While the connection is open and quiet, receive waits."""
    peer, application = await websocket.open()
    waiting = application.start_receive()
    await websocket.settle()
    assert not waiting.done
    peer.send("hello")
    assert (await waiting.value())["type"] == "websocket.receive"


@requires("websocket.disconnect.messages-first")
async def test_messages_before_the_close_frame_come_first(websocket: WebSockets) -> None:
    """Messages that the client sent before its close frame are given before the disconnect."""
    peer, application = await websocket.open()
    for number in range(3):
        peer.send(f"message {number}")
    peer.close_with(1000)
    events = await application.events_until(lambda event: event["type"] != "websocket.receive")
    assert [event.get("text") for event in events[:-1]] == ["message 0", "message 1", "message 2"]


@requires("websocket.disconnect.last")
async def test_nothing_follows_the_disconnect(websocket: WebSockets) -> None:
    """What the client sends after its close frame is no message: no other event follows the disconnect."""
    peer, application = await websocket.open()
    # In one piece: over TLS, bytes that come after the server's close_notify can be an error of the connection.
    peer.connection.write(frame(CLOSE, close_payload(1000)) + frame(TEXT, b"too late"))
    peer.close_sent = True
    await disconnected(application)
    further = application.start_receive()
    await websocket.settle()
    if further.done and further.raised is None and not further.cancelled:
        assert (await further.value())["type"] == "websocket.disconnect"


@requires("websocket.disconnect.repeatable")
async def test_a_further_receive(websocket: WebSockets) -> None:
    """What a further receive does after the disconnect is the server's choice."""
    _, application, _ = await closed(websocket)
    further = application.start_receive()
    await websocket.settle()
    if not further.done:
        websocket.observe("it waits")
    else:
        websocket.observe("it raises" if further.raised is not None else "it gives the event again")


# --- its code and reason ----------------------------------------------------------------------------------------------


@requires("websocket.disconnect.code.type", "websocket.disconnect.code.present")
async def test_type_of_the_code(websocket: WebSockets) -> None:
    """`code` is there, and exactly an int."""
    _, _, event = await closed(websocket)
    assert kind(event["code"]) == "int"


@pytest.mark.parametrize(
    "code", [case(str(code), code) for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 4000, 4999)]
)
@requires("websocket.disconnect.code.value")
async def test_code_is_the_clients(websocket: WebSockets, code: int) -> None:
    """`code` is the code that the client closed with."""
    _, _, event = await closed(websocket, code)
    assert event["code"] == code


@requires("websocket.disconnect.code.no-code")
async def test_code_without_one(websocket: WebSockets) -> None:
    """`code` is 1005 where the client's close frame has none."""
    _, _, event = await closed(websocket, None)
    assert event["code"] == 1005


@pytest.mark.parametrize("leave", CLIENT_LEAVES)
@requires("websocket.disconnect.code.no-frame")
async def test_code_without_a_close_frame(websocket: WebSockets, leave: Leave) -> None:
    """`code` is 1006 where the connection ended without a close frame."""
    peer, application = await websocket.open()
    leave(peer.connection)
    assert (await disconnected(application))["code"] == 1006


@pytest.mark.parametrize("how", ["client-left", "denied"])
@requires("websocket.disconnect.code.handshake")
async def test_code_without_a_handshake(websocket: WebSockets, how: str) -> None:
    """`code` is 1006 where the handshake was not completed."""
    peer, application = await websocket.call()
    await connected(application)
    if how == "denied":
        await application.send(close())
    else:
        peer.connection.close()
    assert (await disconnected(application))["code"] == 1006


@requires("websocket.disconnect.code.application-close")
async def test_code_after_the_applications_close(websocket: WebSockets) -> None:
    """Which code follows the application's own close is the server's choice."""
    peer, application = await websocket.open()
    peer.answers_close = False
    closing = application.start_send(close(code=3001))  # which may wait for the client's answer
    await peer.closing()
    peer.close_with(3002)
    await closing.value()
    websocket.observe(f"3001 was sent, 3002 came back, and the code is {(await disconnected(application)).get('code')}")


@pytest.mark.parametrize("reason", [case("ascii", "bye"), case("other-scripts", "пока 👋"), case("longest", "x" * 123)])
@requires("websocket.disconnect.reason.value", "websocket.disconnect.reason.default")
async def test_reason_is_the_clients(websocket: WebSockets, reason: str) -> None:
    """`reason` is the reason that the client gave."""
    _, application, event = await closed(websocket, 1000, reason)
    bound_by(application, (2, 5))
    assert event.get("reason") == reason


@requires("websocket.disconnect.reason.type")
async def test_type_of_the_reason(websocket: WebSockets) -> None:
    """`reason`, where it is something, is exactly a str."""
    _, application, event = await closed(websocket, 1000, "bye")
    bound_by(application, (2, 5))
    if event.get("reason") is None:
        inapplicable("the event has no reason")
    assert kind(event["reason"]) == "str"


# --- websocket.close --------------------------------------------------------------------------------------------------


@requires("websocket.close.after-accept", "websocket.close.type.value")
async def test_close_ends_the_connection(websocket: WebSockets) -> None:
    """After websocket.close the client gets a close frame and, once it has answered, the end of the connection."""
    peer, application = await websocket.open()
    await application.send(close(code=1000))
    await peer.closing()
    assert await peer.connection.until_closed() in ("end", "reset")


@pytest.mark.parametrize(
    "code", [case(str(code), code) for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 4000, 4999)]
)
@requires("websocket.close.code.value")
async def test_close_code_is_the_applications(websocket: WebSockets, code: int) -> None:
    """The close frame has the code of the event."""
    peer, application = await websocket.open()
    await application.send(close(code=code))
    assert (await peer.closing()).code == code


@requires("websocket.close.code.default")
async def test_close_code_by_default(websocket: WebSockets) -> None:
    """The close frame has the code 1000 where the event has none."""
    peer, application = await websocket.open()
    await application.send(close())
    assert (await peer.closing()).code == 1000


@pytest.mark.parametrize(
    "code", [case(str(code), code) for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)]
)
@requires("websocket.close.code.forbidden")
async def test_code_that_must_not_be_sent(websocket: WebSockets, code: int) -> None:
    """What becomes of a code that must not be in a close frame is the server's choice."""
    peer, application = await websocket.open()
    step = application.start_send(close(code=code))
    await websocket.settle()
    websocket.observe(f"send {_reaction(step)}, and {peer.outcome}")


def _reaction(step: Step) -> str:
    return "waits" if not step.done else f"raises {step.raised!r}" if step.raised is not None else "returns"


@pytest.mark.parametrize("reason", [case("ascii", "bye"), case("other-scripts", "пока 👋"), case("longest", "x" * 123)])
@requires("websocket.close.reason.value")
async def test_close_reason_is_the_applications(websocket: WebSockets, reason: str) -> None:
    """The close frame has the reason of the event."""
    peer, application = await websocket.open()
    bound_by(application, (2, 3))
    await application.send(close(code=1000, reason=reason))
    assert (await peer.closing()).reason == reason


@pytest.mark.parametrize("keys", [case("missing", {}), case("none", {"reason": None}), case("empty", {"reason": ""})])
@requires("websocket.close.reason.default")
async def test_close_reason_by_default(websocket: WebSockets, keys: Event) -> None:
    """The close frame has no reason where the event has none."""
    peer, application = await websocket.open()
    bound_by(application, (2, 3))
    await application.send(close(code=1000, **keys))
    assert (await peer.closing()).reason == ""


@requires("websocket.close.reason.too-long")
async def test_reason_that_no_close_frame_can_hold(websocket: WebSockets) -> None:
    """What becomes of a reason of more than 123 bytes is the server's choice."""
    peer, application = await websocket.open()
    bound_by(application, (2, 3))
    step = application.start_send(close(code=1000, reason="é" * 100))
    await websocket.settle()
    websocket.observe(f"send {_reaction(step)}, and {peer.outcome}")


@pytest.mark.parametrize(
    "event",
    [
        case("type-bytes", {"type": b"websocket.close"}, requires="websocket.close.type.type"),
        case("code-str", close(code="1000"), requires="websocket.close.code.type"),
        case("code-float", close(code=1000.0), requires="websocket.close.code.type"),
        case("code-list", close(code=[1000]), requires="websocket.close.code.type"),
        case("reason-bytes", close(reason=b"bye"), requires="websocket.close.reason.type"),
        case("reason-int", close(reason=1), requires="websocket.close.reason.type"),
    ],
)
@requires()
async def test_wrong_close_raises(websocket: WebSockets, event: Event) -> None:
    """`send` raises for a websocket.close that is not as the specification has it."""
    _, application = await websocket.open()
    assert await application.attempt(event) is not None, "send returned"


# --- send on a closed connection --------------------------------------------------------------------------------------


async def abandoned(websocket: WebSockets, leave: Leave) -> Application:
    """Return an application whose client has left, and which has been told so."""
    peer, application = await websocket.open()
    bound_by(application, (2, 4))
    leave(peer.connection)
    await disconnected(application)
    return application


async def error_of_send(websocket: WebSockets, application: Application) -> Raised | None:
    """Send until `send` raises, which it may do only once the server has noticed; return what it raised."""
    for _ in range(ATTEMPTS):
        raised = await application.attempt(text("more"))
        if raised is not None:
            return raised
        await websocket.exchange()
    return None


@pytest.mark.parametrize("leave", CLIENT_LEAVES)
@requires("websocket.send-after-close.raises", "websocket.disconnect.then-send-raises")
async def test_send_raises(websocket: WebSockets, leave: Leave) -> None:
    """After the client has left and websocket.disconnect was received, `send` raises."""
    raised = await error_of_send(websocket, await abandoned(websocket, leave))
    assert raised is not None, f"{ATTEMPTS} calls of send returned"


@pytest.mark.parametrize("leave", CLIENT_LEAVES)
@requires("websocket.send-after-close.oserror")
async def test_send_raises_an_oserror(websocket: WebSockets, leave: Leave) -> None:
    """What `send` raises after the client has left is an OSError."""
    raised = await error_of_send(websocket, await abandoned(websocket, leave))
    assert raised is not None, f"{ATTEMPTS} calls of send returned"
    assert raised.is_a("OSError"), f"send raised {raised!r}"


@requires("websocket.send-after-close.server-specific")
async def test_class_of_what_send_raises(websocket: WebSockets) -> None:
    """Which class of exception `send` raises after the client has left is the server's choice."""
    raised = await error_of_send(websocket, await abandoned(websocket, Http1Connection.close))
    websocket.observe(f"{raised.type}" if raised is not None else "send does not raise")


@pytest.mark.parametrize("leave", CLIENT_LEAVES)
@requires("websocket.send-after-close.caught")
async def test_error_of_send_may_be_let_out(websocket: WebSockets, leave: Leave) -> None:
    """An application that lets the error of `send` out does no harm: others are served as before."""
    application = await abandoned(websocket, leave)
    if await error_of_send(websocket, application) is None:
        inapplicable("send does not raise")
    await application.raise_error("again")
    assert (await websocket.exchange()).status == 204


@pytest.mark.parametrize("leave", CLIENT_LEAVES)
@requires("websocket.send-after-close.not-logged")
async def test_error_of_send_is_not_logged(websocket: WebSockets, leave: Leave) -> None:
    """An error of `send` that the application lets out is not logged as an error."""
    position = websocket.instance.log_position()
    application = await abandoned(websocket, leave)
    if await error_of_send(websocket, application) is None:
        inapplicable("send does not raise")
    await application.raise_error("again")
    await websocket.settle()
    logged = websocket.instance.has_logged(r"Traceback|\b(ERROR|CRITICAL)\b", position)
    assert not logged, websocket.instance.log_since(position)


@pytest.mark.parametrize("further", [case("send", text("too late")), case("close", close()), case("accept", accept())])
@requires("websocket.send-after-close.own-close")
async def test_send_raises_after_the_applications_own_close(websocket: WebSockets, further: Event) -> None:
    """After the application's own close, `send` raises."""
    peer, application = await websocket.open()
    bound_by(application, (2, 4))
    await application.send(close())
    await peer.closing()
    assert await application.attempt(further) is not None, "send returned"


@requires("websocket.send-after-close.own-close.no-effect")
async def test_nothing_goes_out_after_the_applications_own_close(websocket: WebSockets) -> None:
    """What the application sends after its own close does not reach the client."""
    peer, application = await websocket.open()
    peer.answers_close = False
    application.start_send(close())  # which may wait for the client's answer
    await peer.closing()
    application.start_send(text("too late"))
    await websocket.settle()
    assert peer.messages == []
    assert peer.refused is None, peer.refused


# --- the end of the application ---------------------------------------------------------------------------------------


async def end(application: Application, how: str) -> None:
    """Let the application return or raise."""
    if how == "returns":
        await application.finish()
    else:
        await application.raise_error()


@pytest.mark.parametrize("how", ["returns", "raises"])
@requires("websocket.application-ends.handshake.ends")
async def test_application_ends_before_it_has_answered(websocket: WebSockets, how: str) -> None:
    """A client is not left waiting when the application ends before it has answered the handshake."""
    peer, application = await websocket.call()
    await connected(application)
    await end(application, how)
    await websocket.stage.until(lambda: peer.over, "a response or the end of the connection")
    assert peer.upgraded is None, "the handshake was completed"
    assert (await websocket.exchange()).status == 204


@pytest.mark.parametrize("how", ["returns", "raises"])
@requires("websocket.application-ends.handshake.answer")
async def test_what_the_client_gets_then(websocket: WebSockets, how: str) -> None:
    """What the client gets when the application ends before it has answered is the server's choice."""
    peer, application = await websocket.call()
    await connected(application)
    await end(application, how)
    with contextlib.suppress(Broken):  # which is judged elsewhere
        await websocket.stage.until(lambda: peer.over, "a response or the end of the connection")
    websocket.observe(peer.outcome)


@pytest.mark.parametrize("how", ["returns", "raises"])
@requires("websocket.application-ends.accepted.ends")
async def test_application_ends_after_it_has_accepted(websocket: WebSockets, how: str) -> None:
    """The socket ends when the application does."""
    peer, application = await websocket.open()
    await end(application, how)
    await websocket.stage.until(
        lambda: peer.close_received or peer.over, "a close frame or the end of the connection", 3 * DEADLINE
    )
    assert (await websocket.exchange()).status == 204


@pytest.mark.parametrize("how", ["returns", "raises"])
@requires("websocket.application-ends.accepted.close")
async def test_code_when_the_application_ends(websocket: WebSockets, how: str) -> None:
    """Whether there is a close frame when the application ends, and with which code, is the server's choice."""
    peer, application = await websocket.open()
    await end(application, how)
    with contextlib.suppress(Broken):  # which is judged elsewhere
        await websocket.stage.until(
            lambda: peer.close_received or peer.over, "a close frame or the end of the connection", 3 * DEADLINE
        )
    got = peer.close_received
    websocket.observe("no close frame" if got is None else f"a close frame with {got.code}")


@requires("websocket.socket-ends.application")
async def test_application_when_the_socket_ends(websocket: WebSockets) -> None:
    """Whether an application that does not receive is cancelled when the socket ends is the server's choice."""
    peer, application = await websocket.open()
    peer.connection.reset()
    await websocket.settle()
    websocket.observe(f"the application has ended ({application.ended})" if application.over else "it goes on")
