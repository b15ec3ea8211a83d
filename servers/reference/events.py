"""The events that an application sends, checked before anything in them is believed.

asgi.rst, "Error Handling": an invalid event (unknown type, missing keys, wrong Python types) raises an
exception out of `send`; additional keys do not. An event is read completely before the server changes any
state of its own, so an application that catches the exception can go on as if it had not sent the event.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

Message = dict[str, Any]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
FIELD_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110, section 5.5: no CR, LF, NUL, other controls
DIGITS = re.compile(rb"[0-9]{1,18}")
REQUIRED = object()


class Start(NamedTuple):
    """www.rst, "Response Start - send event"."""

    status: int
    headers: Headers
    content_length: int | None
    trailers: bool


class Body(NamedTuple):
    """www.rst, "Response Body - send event"."""

    body: bytes
    more_body: bool


class Trailers(NamedTuple):
    """extensions.rst, "HTTP Trailers": www.rst makes a server wait for it after `trailers: True`."""

    headers: Headers
    more_trailers: bool


def check(event: object, expected: str) -> Start | Body | Trailers:
    """Read one event of an HTTP exchange in which only the type `expected` may come next, or raise."""
    kind = event_type(event)
    if kind not in READERS:
        raise ValueError(f"unknown event type {kind!r}")
    if kind != expected:
        raise ValueError(f"{kind!r} sent where {expected!r} has to come next")
    assert isinstance(event, dict)
    return READERS[kind](event)


def event_type(event: object) -> str:
    """The `type` that every event has (asgi.rst, "Events")."""
    if not isinstance(event, dict):
        raise TypeError(f"an event is a dict, not {type(event).__name__}")
    if "type" not in event:
        raise ValueError("event without 'type'")
    kind = event["type"]
    if not isinstance(kind, str):
        raise TypeError(f"the 'type' of an event is a str, not {type(kind).__name__}")
    return kind


def field(event: Message, key: str, kind: type, default: object = REQUIRED) -> Any:
    """The value of one key, which has the type that the specification names; or its default."""
    value = event.get(key, default)
    if value is REQUIRED:
        raise ValueError(f"{event['type']!r} without {key!r}")
    # In Python a bool is an int, but a status of True is a mistake. A member of an IntEnum is an integer.
    # A bytearray is not a byte string (asgi.rst, "Strings and Unicode").
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{key!r} of {event['type']!r}: expected {kind.__name__}, got {type(value).__name__}")
    return value


def header_list(event: Message) -> Headers:
    """`headers`, an iterable of two-item iterables of bytes. It is read once: it may be a generator."""
    try:
        pairs = [tuple(pair) for pair in event.get("headers", ())]
    except TypeError:
        raise TypeError(f"'headers' of {event['type']!r}: expected an iterable of [name, value]") from None
    return [header(pair) for pair in pairs]


def header(pair: tuple[object, ...]) -> tuple[bytes, bytes]:
    """One header field, in which nothing can end the line early and so inject another field or a response."""
    if len(pair) != 2:
        raise ValueError(f"a header is [name, value], not {len(pair)} items")
    name, value = pair
    if not isinstance(name, bytes) or not isinstance(value, bytes):
        raise TypeError(f"a header is two bytes, not {type(name).__name__} and {type(value).__name__}")
    if name.startswith(b":"):  # www.rst, "Response Start": pseudo headers must not be present
        raise ValueError(f"pseudo header {name!r}")
    if not TOKEN.fullmatch(name):
        raise ValueError(f"illegal header name {name!r}")
    if not FIELD_VALUE.fullmatch(value):
        raise ValueError(f"illegal value of header {name!r}: {value!r}")
    return name.lower(), value  # www.rst, "Response Start": header names must be lowercased


def read_start(event: Message) -> Start:
    status = field(event, "status", int)
    # RFC 9110, section 15: a 1xx is never the final response, and what is outside of 100..599 is invalid.
    if not 200 <= status <= 599:
        raise ValueError(f"{status} is not the status of a final response")
    headers = header_list(event)
    return Start(int(status), headers, content_length(headers), field(event, "trailers", bool, False))


def content_length(headers: Headers) -> int | None:
    """The length that the application promises (RFC 9110, section 8.6): one number, once."""
    values = [value for name, value in headers if name == b"content-length"]
    if not values:
        return None
    if len(values) > 1 or not DIGITS.fullmatch(values[0]):
        raise ValueError(f"content-length is one decimal number, not {b', '.join(values)!r}")
    return int(values[0])


def read_body(event: Message) -> Body:
    return Body(field(event, "body", bytes, b""), field(event, "more_body", bool, False))


def read_trailers(event: Message) -> Trailers:
    return Trailers(header_list(event), field(event, "more_trailers", bool, False))


READERS: dict[str, Callable[[Message], Start | Body | Trailers]] = {
    "http.response.start": read_start,
    "http.response.body": read_body,
    "http.response.trailers": read_trailers,
}
