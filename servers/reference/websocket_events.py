"""The events that an application sends over a WebSocket, checked as `events` checks those of HTTP."""

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from asgi_conformance.servers.reference import events, frames
from asgi_conformance.servers.reference.events import Body, Headers, Message, Start

# Of the response that completes the handshake, all of these are the server's alone: the first has a key of its own in
# the event (www.rst, "Accept"), the others make the response what it is (RFC 6455, section 4.2.2), and a response with
# the status 101 is followed by no body (RFC 9112, section 6.1; RFC 9110, section 8.6).
RESERVED = (
    b"sec-websocket-protocol",
    b"sec-websocket-accept",
    b"sec-websocket-extensions",
    b"upgrade",
    b"connection",
    b"transfer-encoding",
    b"content-length",
)
LONGEST_REASON = 123  # RFC 6455, section 5.5: a control frame has 125 bytes, two of which are the code


class Accept(NamedTuple):
    """www.rst, "Accept - send event"."""

    subprotocol: str | None
    headers: Headers


class Data(NamedTuple):
    """www.rst, "Send - send event"."""

    opcode: int
    payload: bytes


class Close(NamedTuple):
    """www.rst, "Close - send event"."""

    code: int
    reason: bytes


Event = Accept | Data | Close | Start | Body


def check(event: object, expected: Collection[str]) -> Event:
    """Read one event where only those of the types `expected` may come next, or raise."""
    kind = events.event_type(event)
    if kind not in READERS:
        raise ValueError(f"unknown event type {kind!r}")
    if kind not in expected:
        raise ValueError(f"{kind!r} sent where {' or '.join(map(repr, expected))} has to come next")
    assert isinstance(event, dict)
    return READERS[kind](event)


def optional(event: Message, key: str, kind: type) -> Any:
    """The value of a key that may be missing or None, which means the same."""
    return None if event.get(key) is None else events.field(event, key, kind)


def read_accept(event: Message) -> Accept:
    headers = events.header_list(event)
    for name, _ in headers:
        if name in RESERVED:
            raise ValueError(f"{name!r} among the headers of {event['type']!r}")
    return Accept(optional(event, "subprotocol", str), headers)


def read_send(event: Message) -> Data:
    """Exactly one of `bytes` or `text` must be non-None; and a text that is not Unicode has no UTF-8."""
    text, data = optional(event, "text", str), optional(event, "bytes", bytes)
    if (text is None) == (data is None):
        raise ValueError(f"{event['type']!r} with {'neither' if text is None else 'both'} of 'text' and 'bytes'")
    return Data(frames.BINARY, data) if text is None else Data(frames.TEXT, text.encode("utf-8"))


def read_close(event: Message) -> Close:
    code = int(events.field(event, "code", int, 1000))
    if not frames.is_close_code(code):
        raise ValueError(f"{code} is not a code for a close frame")
    reason = (optional(event, "reason", str) or "").encode("utf-8")
    if len(reason) > LONGEST_REASON:
        raise ValueError(f"a reason of {len(reason)} bytes, where {LONGEST_REASON} have room")
    return Close(code, reason)


def read_denial(event: Message) -> Start:
    """extensions.rst, "Websocket Denial Response": like http.response.start. Of trailers there are no events."""
    return events.read_start(event)._replace(trailers=False)


READERS: dict[str, Callable[[Message], Event]] = {
    "websocket.accept": read_accept,
    "websocket.send": read_send,
    "websocket.close": read_close,
    "websocket.http.response.start": read_denial,
    "websocket.http.response.body": events.read_body,
}
