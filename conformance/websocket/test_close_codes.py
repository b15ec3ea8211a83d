"""The codes of close frames: RFC 6455, section 7.4."""

import pytest

from asgi_conformance.conformance.websocket.test_close_handshake import converse_until_shutdown
from asgi_conformance.fixtures.checks import case, configured, inapplicable, requires
from asgi_conformance.fixtures.conversation import converse
from asgi_conformance.fixtures.frames import CLOSE, CONTINUATION, PING, TEXT, Close, frame
from asgi_conformance.fixtures.process import Process
from asgi_conformance.fixtures.websocket import WebSockets, close

CLEAR_ONLY = True  # it is about bytes

NEVER_SENT = [
    case("1005", 1005, requires="rfc6455.close-code.1005.not-sent"),
    case("1006", 1006, requires="rfc6455.close-code.1006.not-sent"),
    case("1015", 1015, requires="rfc6455.close-code.1015.not-sent"),
    *(case(f"{code}", code, requires="rfc6455.close-code.below-1000.not-sent") for code in (0, 1, 999)),
]


@pytest.mark.parametrize("code", NEVER_SENT)
@requires()
async def test_code_is_not_sent_for_the_application(websocket: WebSockets, code: int) -> None:
    """A code that must not stand in a close frame does not get there when the application gives it."""
    talk = await converse(websocket, listens=False)
    await talk.attempt(close(code=code))
    found = talk.peer.close_received
    assert found is None or found.code != code


@pytest.mark.parametrize("code", NEVER_SENT)
@requires()
async def test_code_is_not_echoed(websocket: WebSockets, code: int) -> None:
    """A code that must not stand in a close frame is not echoed to a client that sends it."""
    talk = await converse(websocket)
    talk.peer.close_with(code)
    found = await talk.failed()
    assert found is None or found.code != code


@requires("rfc6455.close-code.1005.not-sent")
async def test_no_code_is_made_for_a_close_frame_without_one(websocket: WebSockets) -> None:
    """The answer to a close frame without a code does not have the code that stands for there being none."""
    talk = await converse(websocket)
    talk.peer.close_with(None)
    assert (await talk.peer.closing()).code != 1005


CODES = [case(f"{code}", code) for code in (3000, 3999, 4000, 4999)]


@pytest.mark.parametrize("code", CODES)
@requires("rfc6455.close-code.application")
async def test_code_of_applications_from_the_client(websocket: WebSockets, code: int) -> None:
    """A code that libraries, frameworks and applications may use passes from the client to the application."""
    talk = await converse(websocket)
    talk.peer.close_with(code)
    assert (await talk.disconnected())["code"] == code


@pytest.mark.parametrize("code", CODES)
@requires("rfc6455.close-code.application")
async def test_code_of_applications_to_the_client(websocket: WebSockets, code: int) -> None:
    """A code that libraries, frameworks and applications may use passes from the application to the client."""
    talk = await converse(websocket, listens=False)
    talk.application.start_send(close(code=code))
    assert (await talk.peer.closing()).code == code


@pytest.mark.parametrize("code", [case(f"{code}", code) for code in (1000, 1001, 1003, *range(1007, 1012))])
@requires("rfc6455.close-code.defined")
async def test_code_that_is_defined(websocket: WebSockets, code: int) -> None:
    """A close frame with a code that the RFC defines is answered, and is no error of the protocol."""
    talk = await converse(websocket)
    talk.peer.close_with(code)
    answer = await talk.peer.closing()
    assert answer.code != 1002, "the server takes the code for an error of the protocol"


@pytest.mark.parametrize("code", [case(f"{code}", code) for code in (0, 1, 999, 1005, 1006, 1015)])
@requires("rfc6455.close-code.received.not-allowed")
async def test_code_that_is_not_allowed(websocket: WebSockets, code: int) -> None:
    """A close frame with a code that none may have is answered with 1002, or with the end of the connection."""
    talk = await converse(websocket)
    talk.peer.close_with(code)
    answer = await talk.failed()
    assert answer is None or answer.code == 1002


@pytest.mark.parametrize(
    "code", [case(f"{code}", code) for code in (1004, 1012, 1013, 1014, 1016, 1100, 2000, 2999, 5000, 65535)]
)
@requires("rfc6455.close-code.received.undefined")
async def test_code_that_is_not_defined(websocket: WebSockets, code: int) -> None:
    """What the server makes of a close frame with a code that the RFC does not define is recorded."""
    talk = await converse(websocket)
    talk.peer.close_with(code)
    answer = await talk.failed()
    said = "with the end of the connection" if answer is None else f"with {answer.code}"
    told = "" if talk.disconnect is None else f"; the application is told {talk.disconnect.get('code')}"
    websocket.observe(f"answers {said}{told}")


# --- the code that fits -----------------------------------------------------------------------------------------------

UNFINISHED = frame(TEXT, b"one", fin=False)


@pytest.mark.parametrize(
    "data",
    [
        case("reserved-bit", frame(TEXT, b"bad", rsv=2)),
        case("reserved-bit-in-a-ping", frame(PING, b"bad", rsv=4)),
        case("unknown-data-opcode", frame(3, b"bad")),
        case("unknown-control-opcode", frame(11)),
        case("stray-continuation", frame(CONTINUATION, b"bad")),
        case("interleaved-messages", UNFINISHED + frame(TEXT, b"bad")),
        case("long-ping", frame(PING, b"p" * 126)),
        case("fragmented-ping", frame(PING, b"p", fin=False)),
        case("close-frame-of-one-byte", frame(CLOSE, b"\x03")),
    ],
)
@requires("rfc6455.close-code.protocol-error")
async def test_code_for_an_error_of_the_protocol(websocket: WebSockets, data: bytes) -> None:
    """Where a frame breaks the protocol, the server's close frame has the code 1002."""
    talk = await converse(websocket)
    await talk.deliver(data)
    judge_code(await talk.failed(), 1002)


def judge_code(found: Close | None, *codes: int) -> None:
    """Make sure that the close frame has one of these codes."""
    if found is None:
        inapplicable("the server ends the connection without a close frame, which is judged elsewhere")
    assert found.code in codes, f"the close frame has the code {found.code}"


@pytest.mark.parametrize(
    "data",
    [
        case("no-start", frame(TEXT, b"text \x80")),
        case("cut-off", frame(TEXT, b"text \xe2\x82")),
        case("surrogate", frame(TEXT, b"\xed\xa0\x80")),
        case("in-fragments", frame(TEXT, b"\xc0", fin=False) + frame(CONTINUATION, b"\xaf")),
    ],
)
@requires("rfc6455.close-code.invalid-data")
async def test_code_for_text_that_is_not_utf8(websocket: WebSockets, data: bytes) -> None:
    """Where a text message is not UTF-8, the server's close frame has the code 1007."""
    talk = await converse(websocket)
    await talk.deliver(data)
    judge_code(await talk.failed(), 1007)


@configured(graceful_timeout=2, if_any=("graceful_timeout",))
@requires("rfc6455.close-code.going-away")
async def test_code_at_the_shutdown_of_the_server(process: Process) -> None:
    """Where the server closes because it shuts down, its close frame has the code 1001, or 1012."""
    talk = await converse_until_shutdown(process)
    judge_code(talk.peer.close_received, 1001, 1012)


@requires("rfc6455.close-code.unexpected-condition")
async def test_code_when_the_application_raises(websocket: WebSockets) -> None:
    """Which code the client gets when the application raises is recorded."""
    peer, application = await websocket.open()
    await application.raise_error()
    found = await peer.failed()
    websocket.observe("no close frame" if found is None else f"a close frame with {found.code}")
