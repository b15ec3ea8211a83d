"""HTTP/1.1 as bytes, as far as h11 does not do it.

h11 reads requests. Responses are written here and in `exchange`, in sight of the sections that ask for each
byte.
"""

import re
import time
from collections.abc import Iterable
from http import HTTPStatus

import h11
from h11 import _readers

from asgi_conformance.servers.reference.events import Headers
from asgi_conformance.servers.reference.scope import ABSOLUTE_FORM

CONTINUE = h11.InformationalResponse(status_code=100, headers=[], reason="Continue")
LAST_CHUNK = b"0\r\n\r\n"  # RFC 9112, section 7.1
REASONS = {int(status): status.phrase.encode("ascii") for status in HTTPStatus}
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HOST = re.compile(  # RFC 9110, section 7.2: a name or an address, and a port
    rb"(\[[0-9A-Fa-f:.]+\]|\[[Vv][0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+\]"
    rb"|([A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(:[0-9]*)?"
)
TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
CHUNK_LINE = re.compile(  # RFC 9112, section 7.1.1, up to a size that nobody sends
    rb"(?P<chunk_size>[0-9A-Fa-f]{1,20})"
    rb"(?:[ \t]*;[ \t]*%b(?:[ \t]*=[ \t]*(?:%b|%b))?)*\r\n" % (TOKEN, TOKEN, QUOTED)
)
# h11 takes any octets for a chunk extension, and none behind whitespace (RFC 9110, section 5.6.3).
_readers.chunk_header_re = CHUNK_LINE


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
    return target_refusal(request)


def target_refusal(request: h11.Request) -> int | None:
    """RFC 9112, section 3.2: a target has one of four forms, of which CONNECT's is refused elsewhere."""
    target = request.target
    if b"#" in target:
        return 400
    if target.startswith(b"/") or (target == b"*" and request.method == b"OPTIONS"):
        return None
    absolute = ABSOLUTE_FORM.match(target)
    if absolute is None:
        return 400
    scheme, authority = absolute.groups()
    if authority.startswith(b":") or not authority or not HOST.fullmatch(authority):
        return 400  # RFC 9110, sections 4.2.1 (no host) and 4.2.4 (userinfo)
    if scheme.lower() in (b"https", b"wss"):
        return 421  # RFC 9110, section 7.4: this connection is not secured
    return None
