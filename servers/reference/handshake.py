"""The opening handshake of a WebSocket (RFC 6455, section 4.2): which requests are one, and the answer to it."""

import base64
import hashlib
import re

import h11

from asgi_conformance.servers.reference import wire
from asgi_conformance.servers.reference.deflate import Offer
from asgi_conformance.servers.reference.events import TOKEN, Headers

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
VERSION = b"13"
KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")  # section 4.1: base64 of 16 bytes
PARAMETER = re.compile(rb"(%b)[\t ]*(?:=[\t ]*(?:(%b)|\"((?:[^\"\\]|\\.)+)\"))?" % (TOKEN.pattern, TOKEN.pattern))
ESCAPED = re.compile(rb"\\(.)")
# What goes with the status 426 (RFC 6455, section 4.2.2; RFC 9110, sections 15.5.22 and 7.8).
UPGRADE_REQUIRED: Headers = [
    (b"sec-websocket-version", VERSION),
    (b"upgrade", b"websocket"),
    (b"connection", b"upgrade"),
]


class Malformed(Exception):
    """A header field that is not what its grammar allows."""


def is_handshake(request: h11.Request) -> bool:
    """RFC 9110, section 7.8: Upgrade lists protocols, and concerns this connection only if Connection says so."""
    protocols = {protocol.lower() for protocol in members(request, b"upgrade")}
    return is_http11(request) and b"websocket" in protocols and b"upgrade" in wire.connection_options(request.headers)


def is_http11(request: h11.Request) -> bool:
    """RFC 9110, section 7.8: in a request of HTTP/1.0 Upgrade is ignored. (RFC 6455, section 4.2.1, item 1.)"""
    return request.http_version != b"1.0"


def refusal(request: h11.Request) -> int | None:
    """The status with which to refuse a handshake that is not as section 4.2.1 describes it, if any."""
    if has_other_version(request):
        return 426
    good = (
        is_get(request)
        and has_no_body(request)
        and has_version(request)
        and has_key(request)
        and has_sound_lists(request)
    )
    return None if good else 400


def has_other_version(request: h11.Request) -> bool:
    """Section 4.2.2, item 4: a client that speaks another version is told which one the server speaks."""
    versions = values(request, b"sec-websocket-version")
    return len(versions) == 1 and versions != [VERSION]


def is_get(request: h11.Request) -> bool:
    """Section 4.2.1, item 1."""
    return request.method == b"GET"


def has_no_body(request: h11.Request) -> bool:
    """What follows a handshake is frames. (A GET has no use for a body anyway: RFC 9110, section 9.3.1.)"""
    return not values(request, b"transfer-encoding") and values(request, b"content-length") in ([], [b"0"])


def has_version(request: h11.Request) -> bool:
    """Section 4.2.1, item 6; section 11.3.5: once."""
    return values(request, b"sec-websocket-version") == [VERSION]


def has_key(request: h11.Request) -> bool:
    """Section 4.2.1, item 5; section 11.3.1: once."""
    keys = values(request, b"sec-websocket-key")
    return len(keys) == 1 and KEY.fullmatch(keys[0]) is not None


def has_sound_lists(request: h11.Request) -> bool:
    """Section 4.2.1: no violation of the grammar. Section 9.1 says it of extensions once more."""
    try:
        subprotocols(request)
        extensions(request)
    except Malformed:
        return False
    return True


def values(request: h11.Request, name: bytes) -> list[bytes]:
    return [bytes(value) for field, value in request.headers if field == name]


def members(request: h11.Request, name: bytes) -> list[bytes]:
    """The members of a list that one or several header fields hold (RFC 9110, section 5.6.1.2)."""
    parts = b",".join(values(request, name)).split(b",")
    return [member for part in parts if (member := part.strip(b"\t "))]


def subprotocols(request: h11.Request) -> list[str]:
    """Section 11.3.4: tokens, in the client's order of preference. Raises Malformed."""
    found = members(request, b"sec-websocket-protocol")
    if not all(map(TOKEN.fullmatch, found)):
        raise Malformed
    return [protocol.decode("ascii") for protocol in found]


def extensions(request: h11.Request) -> list[Offer]:
    """Section 9.1: names with parameters, in the client's order of preference. Raises Malformed."""
    return [extension(member) for member in members(request, b"sec-websocket-extensions")]


def extension(member: bytes) -> Offer:
    """`name; parameter; parameter=value; parameter="value"`. (A comma or semicolon in a value would be no token.)"""
    name, *parameters = (part.strip(b"\t ") for part in member.split(b";"))
    if not TOKEN.fullmatch(name):
        raise Malformed
    return name, [parameter(text) for text in parameters]


def parameter(text: bytes) -> tuple[bytes, bytes | None]:
    match = PARAMETER.fullmatch(text)
    if match is None:
        raise Malformed
    name, value, quoted = match.groups()
    if quoted is not None:
        value = ESCAPED.sub(rb"\1", quoted)
        if not TOKEN.fullmatch(value):  # section 9.1: it has to be one when it is unquoted
            raise Malformed
    return name, value


def answer(request: h11.Request, subprotocol: str | None, extension: bytes | None, headers: Headers) -> bytes:
    """The response that completes the handshake (section 4.2.2, item 5), the application's header fields last."""
    fields = [
        (b"upgrade", b"websocket"),
        (b"connection", b"Upgrade"),
        (b"sec-websocket-accept", accept_value(request)),
    ]
    if subprotocol is not None:
        fields.append((b"sec-websocket-protocol", subprotocol.encode("ascii")))
    if extension is not None:
        fields.append((b"sec-websocket-extensions", extension))
    return wire.head(101, fields + headers)


def accept_value(request: h11.Request) -> bytes:
    """Section 4.2.2, item 5.4: proof that the server has understood, and not merely echoed."""
    (key,) = values(request, b"sec-websocket-key")
    return base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
