"""Faults in where the body of a request ends.

Most of them show only in what the checks of framing send, to a target of their own: where the bodies of all requests
ended elsewhere, nothing else in the suite could hold either.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import anyio
import h11
from h11 import _readers

from asgi_conformance.servers.reference import wire
from asgi_conformance.servers.reference.events import Scope
from asgi_conformance.servers.reference.exchange import Exchange
from asgi_conformance.servers.reference.faults.registry import server_fault
from asgi_conformance.servers.reference.http1 import HTTP1

TARGET = b"/framed"
LENGTH = re.compile(rb"(?i)\r\ncontent-length:[^\r\n]*")
CODING = re.compile(rb"(?i)\r\ntransfer-encoding:([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)")
CHUNKED = ("rfc9112.chunked.*", "rfc9112.transfer-encoding.*", "rfc9110.whitespace.bws", "rfc9110.trailers.not-merged")


def _is_framed(exchange: Exchange) -> bool:
    return exchange.request.target == TARGET


def _reading(change: Callable[[bytes], bytes]) -> None:
    """Have heads read as something else; what becomes nothing is refused, and the connection goes on."""
    original = HTTP1.parse

    def parse(self: HTTP1) -> object:
        if not self.idle:
            return original(self)
        self.skip_blank_lines()
        head, end, rest = bytes(self.channel.incoming).partition(b"\r\n\r\n")
        method, _, other = head.partition(b" ")
        if not other.startswith(TARGET):
            begun = not end and method.isalpha() and len(method) < 10 and TARGET.startswith(other)
            return h11.NEED_DATA if begun and not self.channel.gone else original(self)
        if not end:
            return h11.NEED_DATA
        changed = change(head)
        if changed:
            self.channel.incoming[:] = changed + end + rest
            return original(self)
        self.channel.write(wire.head(400, [(b"content-length", b"0")]))
        self.channel.incoming[:] = rest
        return parse(self)

    HTTP1.parse = parse  # type: ignore[method-assign]


def _reading_chunk_lines(change: Callable[[bytes], bytes]) -> None:
    """Have the lines before a chunk's data read as something else; what becomes nothing is refused."""
    readers: Any = _readers
    next_piece, validate = Exchange.next_piece, readers.validate
    framed = False

    def changed_next_piece(self: Exchange) -> bytes | None:
        nonlocal framed
        framed = _is_framed(self)
        return next_piece(self)

    def changed_validate(pattern: Any, data: Any, *message: Any) -> Any:
        data = change(bytes(data)) if framed and pattern is wire.CHUNK_LINE else data
        return validate(pattern, data, *message)

    Exchange.next_piece = changed_next_piece  # type: ignore[method-assign]
    readers.validate = changed_validate


def _lengths(head: bytes) -> list[bytes]:
    """The values of all Content-Length fields, members of lists apart."""
    lines = [line.partition(b":")[2] for line in LENGTH.findall(head)]
    return [member.strip(b" \t") for line in lines for member in line.split(b",")]


def _with_length(head: bytes, length: int) -> bytes:
    return LENGTH.sub(b"", head) + b"\r\nContent-Length: %d" % length


def _with_guessed_length(head: bytes) -> bytes:
    found = re.search(rb"[0-9]{1,5}", b" ".join(_lengths(head)))
    return _with_length(head, int(found[0]) if found else 0)


def _with_coding(head: bytes) -> bytes:
    return CODING.sub(b"", head) + b"\r\nTransfer-Encoding: chunked"


def _is_invalid(head: bytes) -> bool:
    lengths = _lengths(head)
    same = len(set(lengths)) <= 1 and all(re.fullmatch(rb"[0-9]+", length) for length in lengths)
    return not same and not CODING.search(head)


def _has_both(head: bytes) -> bool:
    return bool(LENGTH.search(head) and CODING.search(head))


# --- Content-Length ---------------------------------------------------------------------------------------------------


@server_fault(
    "length-off-by-one",
    "rfc9112.content-length.delimits",
    "rfc9112.incomplete.content-length",
    "rfc9112.body.any-method",
)
def _() -> None:
    def change(head: bytes) -> bytes:
        lengths = _lengths(head)
        if len(lengths) != 1 or _is_invalid(head) or len(lengths[0].lstrip(b"0")) > 9 or CODING.search(head):
            return head
        return _with_length(head, abs(int(lengths[0]) - 1))

    _reading(change)


@server_fault("length-in-31-bits", "rfc9110.content-length.large")
def _() -> None:
    def change(head: bytes) -> bytes:
        lengths = _lengths(head)
        return _with_length(head, int(lengths[0]) % 2**31) if lengths and lengths[0].isdigit() else head

    _reading(lambda head: head if _is_invalid(head) else change(head))


@server_fault("invalid-length-guessed", "rfc9112.content-length.invalid", "rfc9112.content-length.invalid-*")
def _() -> None:
    _reading(lambda head: _with_guessed_length(head) if _is_invalid(head) else head)


@server_fault("invalid-length-answered-411", "rfc9112.content-length.invalid-400")
def _() -> None:
    def change(head: bytes) -> bytes:
        if _is_invalid(head):
            raise h11.RemoteProtocolError("what is the length?", error_status_hint=411)
        return head

    _reading(change)


@server_fault("invalid-length-leaves-the-connection-open", "rfc9112.content-length.invalid-close")
def _() -> None:
    _reading(lambda head: b"" if _is_invalid(head) else head)


@server_fault("repeated-length-taken-for-none", "rfc9112.content-length.repeated-same")
def _() -> None:
    def change(head: bytes) -> bytes:
        lengths = _lengths(head)
        return _with_length(head, 0) if len(lengths) > 1 and len(set(lengths)) == 1 else head

    _reading(change)


# --- no length --------------------------------------------------------------------------------------------------------


def _has_framing(head: bytes) -> bool:
    return bool(LENGTH.search(head) or CODING.search(head))


@server_fault("body-of-two-octets-assumed", "rfc9112.body.none", "rfc9112.body.never-close-delimited")
def _() -> None:
    _reading(lambda head: head if _has_framing(head) else _with_length(head, 2))


@server_fault("body-without-length-read-until-close", "rfc9112.body.never-close-delimited", "rfc9112.body.none")
def _() -> None:
    original = Exchange.next_piece

    def next_piece(self: Exchange) -> bytes | None:
        fields = {name for name, _ in self.request.headers}
        delimited = fields & {b"content-length", b"transfer-encoding"}
        return original(self) if delimited or not _is_framed(self) or self.channel.gone else None

    Exchange.next_piece = next_piece  # type: ignore[method-assign]


@server_fault("body-of-post-only", "rfc9112.body.any-method")
def _() -> None:
    _reading(lambda head: head if head.startswith(b"POST ") else CODING.sub(b"", LENGTH.sub(b"", head)))


# --- Transfer-Encoding ------------------------------------------------------------------------------------------------


@server_fault("coding-known-in-lower-case-only", "rfc9112.transfer-encoding.case-insensitive")
def _() -> None:
    def change(head: bytes) -> bytes:
        coding = CODING.search(head)
        if coding and coding[1].lower() != coding[1]:
            raise h11.RemoteProtocolError("what coding is this?", error_status_hint=501)
        return head

    _reading(change)


@server_fault("coding-before-chunked-dropped", "rfc9112.transfer-encoding.unknown")
def _() -> None:
    def change(head: bytes) -> bytes:
        codings = CODING.findall(head)
        return _with_coding(head) if codings and codings[-1].endswith((b", chunked", b" chunked")) else head

    _reading(change)


@server_fault("parameters-of-chunked-dropped", "rfc9112.chunked.no-parameters")
def _() -> None:
    _reading(lambda head: re.sub(rb"(?i)(transfer-encoding: chunked);[^\r\n]*", rb"\1", head))


@server_fault(
    "any-coding-taken-for-chunked",
    "rfc9112.transfer-encoding.not-final-400",
    "rfc9112.transfer-encoding.not-final-close",
    "rfc9112.transfer-encoding.unknown",
    "rfc9112.chunked.no-parameters",
)
def _() -> None:
    _reading(lambda head: _with_coding(head) if CODING.search(head) else head)


@server_fault(
    "unknown-coding-ignored",
    "rfc9112.transfer-encoding.not-final-close",
    "rfc9112.transfer-encoding.not-final-400",
    "rfc9112.transfer-encoding.*",
    "rfc9112.chunked.*",
)
def _() -> None:
    def change(head: bytes) -> bytes:
        codings = CODING.findall(head)
        return head if [coding.strip() for coding in codings] == [b"chunked"] else CODING.sub(b"", head)

    _reading(change)


@server_fault(
    "length-preferred", "rfc9112.transfer-encoding.overrides", "rfc9112.transfer-encoding.with-content-length-close"
)
def _() -> None:
    _reading(lambda head: _with_guessed_length(CODING.sub(b"", head)) if _has_both(head) else head)


@server_fault(
    "coding-ignored",
    "rfc9112.chunked.delimits",
    *CHUNKED,
    "rfc9112.body.any-method",
    "rfc9112.incomplete.chunked",
)
def _() -> None:
    _reading(lambda head: CODING.sub(b"", head))


@server_fault("both-framings-and-no-end", "rfc9112.transfer-encoding.with-content-length-close")
def _() -> None:
    def change(head: bytes) -> bytes:
        """Whatever looks like a Transfer-Encoding is taken for one."""
        both = LENGTH.search(head) and re.search(rb"(?i)transfer.encoding", head)
        return _with_coding(b"\r\n".join(head.split(b"\r\n")[:2])) if both else head

    _reading(change)


@server_fault("old-version-with-coding-goes-on", "rfc9112.transfer-encoding.faulty-in-1.0")
def _() -> None:
    def change(head: bytes) -> bytes:
        old = head.partition(b"\r\n")[0].endswith(b"HTTP/1.0")
        return LENGTH.sub(b"", head).replace(b"HTTP/1.0", b"HTTP/1.1") if old and CODING.search(head) else head

    _reading(change)


# --- chunks -----------------------------------------------------------------------------------------------------------


@server_fault("size-left-in-the-chunk", "rfc9112.chunked.decoded", *CHUNKED, "rfc9112.body.any-method")
def _() -> None:
    original = Exchange.next_piece
    begun: set[int] = set()

    def next_piece(self: Exchange) -> bytes | None:
        piece = original(self)
        if piece is None or not _is_framed(self) or (b"transfer-encoding", b"chunked") not in self.request.headers:
            return piece
        size = b"" if id(self) in begun else b"5\r\n"
        begun.add(id(self))
        if self.body_read:
            begun.discard(id(self))
        return size + piece

    Exchange.next_piece = next_piece  # type: ignore[method-assign]


@server_fault("chunk-size-in-decimal", "rfc9112.chunked.size-hex", "rfc9112.chunked.*", "rfc9112.body.any-method")
def _() -> None:
    def change(line: bytes) -> bytes:
        digits = re.sub(rb"[^0-9]", b"", line.partition(b";")[0])
        return re.sub(rb"^[0-9A-Fa-f]*", b"%x" % int(digits or b"0"), line)

    _reading_chunk_lines(change)


@server_fault("chunk-size-in-31-bits", "rfc9112.chunked.size-overflow")
def _() -> None:
    def change(line: bytes) -> bytes:
        size = re.match(rb"[0-9A-Fa-f]+", line)
        return b"%x" % (int(size[0], 16) % 2**31) + line[size.end() :] if size else line

    _reading_chunk_lines(change)


@server_fault("zeros-refused", "rfc9112.chunked.complete", "rfc9112.chunked.size-hex")
def _() -> None:
    _reading_chunk_lines(lambda line: line if re.match(rb"0[^0-9A-Fa-f]|[^0]", line) else b"")


@server_fault("octet-added-behind-the-chunks", "rfc9112.chunked.complete", "rfc9112.chunked.delimits")
def _() -> None:
    original = HTTP1.next_request
    chunked: set[int] = set()

    async def next_request(self: HTTP1) -> h11.Request | None:
        if id(self) in chunked:
            chunked.discard(id(self))
            self.channel.incoming[:0] = b"X" + self.h11.trailing_data[0]
            self.h11 = self.new_parser()
        request = await original(self)
        if request is not None and request.target == TARGET and (b"transfer-encoding", b"chunked") in request.headers:
            chunked.add(id(self))
        return request

    HTTP1.next_request = next_request  # type: ignore[method-assign]


@server_fault("chunk-extensions-refused", "rfc9112.chunked.extensions-ignored", "rfc9110.whitespace.bws")
def _() -> None:
    _reading_chunk_lines(lambda line: b"" if b";" in line else line)


@server_fault("whitespace-in-chunk-extensions-refused", "rfc9110.whitespace.bws")
def _() -> None:
    _reading_chunk_lines(lambda line: b"" if re.search(rb"[ \t]", re.sub(rb'"[^"]*"', b"", line)[:-2]) else line)


@server_fault("chunk-extensions-skipped", "rfc9112.chunked.malformed")
def _() -> None:
    _reading_chunk_lines(lambda line: re.sub(rb"(?s)[ \t]*;.*\r\n", b"\r\n", line))


@server_fault("malformed-chunks-answered-422", "rfc9112.chunked.malformed")
def _() -> None:
    original = Exchange.on_bad_body

    def on_bad_body(self: Exchange, error: h11.RemoteProtocolError) -> None:
        if _is_framed(self):
            error = h11.RemoteProtocolError(str(error), error_status_hint=422)
        original(self, error)

    Exchange.on_bad_body = on_bad_body  # type: ignore[method-assign]


# --- trailers ---------------------------------------------------------------------------------------------------------


def _merging(into_the_next: bool) -> None:
    parse, build_scope, next_piece = HTTP1.parse, Exchange.build_scope, Exchange.next_piece
    trailers: list[list[bytes]] = []
    scopes: dict[int, Scope] = {}

    def keeping_parse(self: HTTP1) -> object:
        event = parse(self)
        if isinstance(event, h11.EndOfMessage) and event.headers:
            trailers[:] = [[name, value] for name, value in event.headers]
        return event

    def merging_build_scope(self: Exchange) -> Scope:
        scope = scopes[id(self)] = build_scope(self)
        if into_the_next and scope["path"] == "/follower":
            scope["headers"] += trailers
            trailers.clear()
        return scope

    def merging_next_piece(self: Exchange) -> bytes | None:
        piece = next_piece(self)
        if self.body_read and not into_the_next:
            scopes[id(self)]["headers"] += trailers
            trailers.clear()
        return piece

    HTTP1.parse = keeping_parse  # type: ignore[method-assign]
    Exchange.build_scope = merging_build_scope  # type: ignore[method-assign]
    Exchange.next_piece = merging_next_piece  # type: ignore[method-assign]


@server_fault("trailers-among-the-headers", "rfc9112.chunked.trailers-not-merged", "rfc9110.trailers.not-merged")
def _() -> None:
    _merging(into_the_next=False)


@server_fault("trailers-in-the-next-request", "rfc9112.chunked.trailers-not-merged", "rfc9110.trailers.not-merged")
def _() -> None:
    _merging(into_the_next=True)


# --- bodies that do not come to their end -----------------------------------------------------------------------------


@server_fault("end-of-stream-ends-the-body", "rfc9112.incomplete.content-length", "rfc9112.incomplete.chunked")
def _() -> None:
    original = Exchange.next_piece

    def next_piece(self: Exchange) -> bytes | None:
        piece = original(self)
        if piece is None and _is_framed(self) and self.channel.gone:
            self.body_read = True
            return b""
        return piece

    Exchange.next_piece = next_piece  # type: ignore[method-assign]


@server_fault("incomplete-request-leaves-the-connection-open", "rfc9112.incomplete.request-close")
def _() -> None:
    original = Exchange.run

    async def run(self: Exchange) -> None:
        await original(self)
        if _is_framed(self) and self.channel.gone and not self.body_read:
            await anyio.sleep(12)  # longer than anybody waits for it

    Exchange.run = run  # type: ignore[method-assign]
