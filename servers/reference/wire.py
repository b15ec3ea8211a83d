"""HTTP/1.1 as bytes, as far as h11 does not do it.

h11 reads requests. Responses are written here and in `exchange`, in sight of the sections that ask for each
byte.
"""

import re
import time
from collections.abc import Iterable
from http import HTTPStatus

import h11

from asgi_conformance.servers.reference.events import Headers
from asgi_conformance.servers.reference.scope import ABSOLUTE_FORM

CONTINUE = h11.InformationalResponse(status_code=100, headers=[], reason="Continue")
LAST_CHUNK = b"0\r\n\r\n"  # RFC 9112, section 7.1
REASONS = {int(status): status.phrase.encode("ascii") for status in HTTPStatus}
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HOST = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]*")  # RFC 9110, section 7.2


def head(status: int, headers: Headers) -> bytes:
    """Status line and header section (RFC 9112, sections 4 and 5)."""
    lines = [b"HTTP/1.1 %d %b" % (status, REASONS.get(status, b""))]
    lines += [b"%b: %b" % field for field in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def chunk(data: bytes) -> list[bytes]:
    """RFC 9112, section 7.1. An empty chunk would be the last one, so no data makes no chunk."""
    return [b"%x\r\n" % len(data), data, b"\r\n"] if data else []


def date() -> bytes:
    """Now, as an IMF-fixdate (RFC 9110, section 5.6.7): English in whatever locale the application sets."""
    now = time.gmtime()
    day, month = DAYS[now.tm_wday], MONTHS[now.tm_mon]
    return time.strftime(f"{day}, %d {month} %Y %H:%M:%S GMT", now).encode("ascii")


def connection_options(headers: Iterable[tuple[bytes, bytes]]) -> set[bytes]:
    """The members of all Connection fields (RFC 9110, section 7.6.1)."""
    values = b",".join(value for name, value in headers if name == b"connection")
    return {option.strip().lower() for option in values.split(b",")}


def refusal(request: h11.Request) -> int | None:
    """The status with which to refuse a request that h11 lets through, if any."""
    if not request.http_version.startswith(b"1."):
        return 505
    if request.method == b"CONNECT":
        return 501
    fields = dict(request.headers)
    if b"transfer-encoding" in fields and (b"content-length" in fields or request.http_version == b"1.0"):
        return 400  # RFC 9112, section 6.1: two opinions on where the body ends
    if not HOST.fullmatch(fields.get(b"host", b"")):
        return 400  # RFC 9112, section 3.2
    target = request.target
    if target.startswith(b"/") or ABSOLUTE_FORM.match(target):
        return None
    if target == b"*" and request.method == b"OPTIONS":
        return None
    return 400  # RFC 9112, section 3.2: none of the forms of a request target
