"""Faults in how WebSocket frames are read and written, in how connections fail and close, and in compression."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from typing import Any

import anyio

from asgi_conformance.servers.reference import deflate, frames, websocket_events
from asgi_conformance.servers.reference.channel import Channel
from asgi_conformance.servers.reference.deflate import NAME, TAIL, Agreement, Deflater, Inflater
from asgi_conformance.servers.reference.faults.registry import server_fault
from asgi_conformance.servers.reference.frames import BINARY, CONTINUATION, PING, PONG, TEXT, Failure, FrameReader
from asgi_conformance.servers.reference.http1 import HTTP1
from asgi_conformance.servers.reference.messages import Assembler
from asgi_conformance.servers.reference.websocket import Disconnect, WebSocket

LONG = 100_000  # bytes of a message that some faults begin at
KNOWN = (CONTINUATION, TEXT, BINARY, frames.CLOSE, PING, PONG)
# What shows too where a server takes a bad frame for a good one.
TAKEN = (
    "rfc6455.fail.*",
    "rfc6455.invalid.*",
    "rfc6455.close-code.protocol-error",
    "rfc6455.close.tcp.first",
    "websocket.disconnect.server-close",
)


def wire_fault(name: str, breaks: str, *also: str) -> Callable[[Callable[[], None]], None]:
    """Declare a function that replaces parts of what the reference server does with a WebSocket's bytes."""
    return server_fault(name, breaks, *also, suite="websocket")


def instead(owner: Any, name: str) -> Callable[[Callable[..., Any]], None]:
    """Put a function in the place of an attribute; it is given the original before the arguments."""

    def put(function: Callable[..., Any]) -> None:
        original = getattr(owner, name)
        setattr(owner, name, lambda *args, **kwargs: function(original, *args, **kwargs))

    return put


def leave_out(owner: Any, name: str) -> None:
    """Make a method do nothing."""
    setattr(owner, name, lambda *args, **kwargs: None)


# --- frames that are read: what should not pass -----------------------------------------------------------------------


@wire_fault("unmasked-frames-taken", "rfc6455.masking.required", "rfc6455.masking.*", *TAKEN)
def _() -> None:
    leave_out(FrameReader, "check_mask")


@wire_fault(
    "reserved-bits-ignored",
    "rfc6455.rsv.received",
    "rfc7692.rsv1.first-fragment-only.received",
    "rfc7692.rsv1.control.received",
    *TAKEN,
)
def _() -> None:
    leave_out(FrameReader, "check_reserved_bits")


@wire_fault("unknown-opcodes-ignored", "rfc6455.opcode.unknown", *TAKEN)
def _() -> None:
    leave_out(FrameReader, "check_opcode")

    @instead(WebSocket, "on_piece")
    def _(original: Any, self: WebSocket, piece: Any) -> None:
        if piece.header.opcode in KNOWN:
            original(self, piece)


def _control_frames_as_messages(bad: Callable[[Any], bool]) -> None:
    @instead(FrameReader, "check_control_frame")
    def _(original: Any, self: FrameReader, header: Any) -> None:
        if not (header.is_control and bad(header)):
            original(self, header)

    @instead(WebSocket, "on_piece")
    def _(original: Any, self: WebSocket, piece: Any) -> None:
        if piece.header.is_control and bad(piece.header):
            self.messages.append(bytes(piece.data))
            self.channel.changed.notify()
        else:
            original(self, piece)


@wire_fault("long-control-frames-are-messages", "rfc6455.control.length.received", *TAKEN)
def _() -> None:
    _control_frames_as_messages(lambda header: bool(header.length > 125))


@wire_fault("fragmented-control-frames-are-messages", "rfc6455.control.fragmented.received", *TAKEN)
def _() -> None:
    _control_frames_as_messages(lambda header: not header.fin)


@wire_fault("stray-continuations-are-messages", "rfc6455.fragments.stray-continuation", *TAKEN)
def _() -> None:
    @instead(Assembler, "add")
    def _(original: Any, self: Assembler, piece: Any) -> Any:
        if piece.header.opcode == CONTINUATION and not self.under_way:
            return bytes(piece.data) if piece.last else None
        return original(self, piece)


@wire_fault("interleaved-messages-taken", "rfc6455.fragments.not-interleaved", *TAKEN)
def _() -> None:
    @instead(Assembler, "check_order")
    def _(original: Any, self: Assembler, header: Any) -> None:
        if header.opcode == CONTINUATION:
            original(self, header)


@wire_fault("highest-bit-of-a-length-ignored", "rfc6455.length.most-significant-bit", "rfc6455.invalid.validated")
def _() -> None:
    @instead(FrameReader, "check_length")
    def _(original: Any, self: FrameReader, length: int, size: int) -> None:
        if length < 1 << 63:
            original(self, length, size)

    leave_out(Assembler, "check_announced_size")


@wire_fault(
    "text-not-checked",
    "rfc6455.text.utf8.received",
    "rfc6455.text.utf8.*",
    "rfc7692.utf8.after-decompression",
    "rfc6455.close-code.invalid-data",
    *TAKEN,
)
def _() -> None:
    leave_out(Assembler, "check_text")

    @instead(Assembler, "end_message")
    def _(original: Any, self: Assembler) -> Any:
        is_text, self.is_text = self.is_text, False
        content = original(self)
        return content.decode("utf-8", "replace") if is_text else content


@wire_fault(
    "cut-off-message-delivered", "rfc6455.invalid.validated", "rfc6455.fragments.control-between", "websocket.*"
)
def _() -> None:
    def deliver(self: WebSocket) -> None:
        reader = self.frames
        if reader.buffer or reader.header is not None or self.assembler.under_way:
            self.messages.append(bytes(self.assembler.content + reader.buffer))

    @instead(WebSocket, "on_loss")
    def _(original: Any, self: WebSocket) -> None:
        deliver(self)
        original(self)

    @instead(WebSocket, "on_close")
    def _(original: Any, self: WebSocket, payload: bytes) -> None:
        deliver(self)
        original(self, payload)


@wire_fault(
    "garbage-is-a-message",
    "rfc6455.invalid.validated",
    "rfc6455.*",
    "rfc7692.rsv1.*",
    "rfc7692.utf8.after-decompression",
)
def _() -> None:
    @instead(WebSocket, "on_failure")
    def _(original: Any, self: WebSocket, failure: Failure) -> None:
        self.messages.append(bytes(self.frames.buffer))
        original(self, failure)


# --- frames that are read: what should pass ---------------------------------------------------------------------------


@wire_fault("masking-kept", "rfc6455.masking.removed", "*")
def _() -> None:
    frames.unmask = lambda data, key, position: data


@wire_fault("masking-kept-from-the-fifth-byte-on", "rfc6455.masking.any-key", "*")
def _() -> None:
    @instead(frames, "unmask")
    def _(original: Any, data: bytes, key: bytes, position: int) -> bytes:
        first = max(4 - position, 0)
        return bytes(original(data[:first], key, position) + data[first:])


@wire_fault("key-of-zeros-refused", "rfc6455.masking.any-key", "rfc7692.receive.*")
def _() -> None:
    @instead(FrameReader, "read_payload")
    def _(original: Any, self: FrameReader, header: Any) -> bytes:
        if header.key == b"\0\0\0\0":
            raise frames.protocol_error("a key of zeros")
        return bytes(original(self, header))


@wire_fault("length-read-backwards", "rfc6455.length.received", "*")
def _() -> None:
    import struct

    frames.LONGER = {126: struct.Struct("<H"), 127: struct.Struct("<Q")}
    leave_out(FrameReader, "check_length")


@wire_fault("last-byte-lost", "rfc6455.length.received", "*")
def _() -> None:
    @instead(Assembler, "end_message")
    def _(original: Any, self: Assembler) -> Any:
        return original(self)[:-1]


@wire_fault("frames-without-payload-ignored", "rfc6455.length.received", "*")
def _() -> None:
    @instead(WebSocket, "on_data")
    def _(original: Any, self: WebSocket, piece: Any) -> None:
        if piece.header.length:
            original(self, piece)


@wire_fault("types-swapped", "rfc6455.data.type.received", "*")
def _() -> None:
    @instead(WebSocket, "on_data")
    def _(original: Any, self: WebSocket, piece: Any) -> None:
        known = len(self.messages)
        original(self, piece)
        if len(self.messages) > known:
            message = self.messages.pop()
            self.messages.append(message.encode() if isinstance(message, str) else message.decode("latin-1"))


@wire_fault("rest-of-a-segment-lost", "rfc6455.data.parsed", "*")
def _() -> None:
    @instead(FrameReader, "next_piece")
    def _(original: Any, self: FrameReader) -> Any:
        piece = original(self)
        if piece is not None and piece.last:
            self.buffer.clear()
        return piece


@wire_fault("frames-expected-in-one-segment", "rfc6455.data.parsed", "*")
def _() -> None:
    @instead(FrameReader, "next_piece")
    def _(original: Any, self: FrameReader) -> Any:
        piece = original(self)
        if piece is None:
            self.buffer.clear()
        elif not piece.last:
            piece = piece._replace(last=True)
            self.header = None
        return piece


@wire_fault("first-segment-lost", "rfc6455.data.parsed", "*")
def _() -> None:
    @instead(WebSocket, "read")
    async def _(original: Any, self: WebSocket) -> None:
        with anyio.move_on_after(0.3):
            while not self.channel.incoming:
                await self.channel.changed.wait()
        self.channel.incoming.clear()
        await original(self)


@wire_fault("messages-run-together", "rfc6455.data.next-message", "*")
def _() -> None:
    @instead(Assembler, "begin_message")
    def _(original: Any, self: Assembler, header: Any) -> None:
        before = getattr(self, "before", b"")
        original(self, header)
        self.content[:0] = before

    @instead(Assembler, "end_message")
    def _(original: Any, self: Assembler) -> Any:
        self.before = bytes(self.content)  # type: ignore[attr-defined]
        return original(self)


@wire_fault("deaf-after-sending", "rfc6455.data.both-ways", "*")
def _() -> None:
    @instead(WebSocket, "write_message")
    def _(original: Any, self: WebSocket, data: Any) -> None:
        self.spoke = True  # type: ignore[attr-defined]
        original(self, data)

    @instead(WebSocket, "on_data")
    def _(original: Any, self: WebSocket, piece: Any) -> None:
        if not getattr(self, "spoke", False):
            original(self, piece)


def _binary(name: str, change: Callable[[bytes], bytes]) -> None:
    @wire_fault(name, "rfc6455.binary.opaque", "*")
    def _() -> None:
        @instead(WebSocket, "receive_event")
        def _(original: Any, self: WebSocket, message: Any) -> Any:
            return original(self, change(message) if isinstance(message, bytes) else message)


_binary("binary-message-of-seven-bits", lambda message: bytes(byte & 0x7F for byte in message))
_binary("line-ends-of-binary-messages-changed", lambda message: message.replace(b"\r\n", b"\n"))


# --- fragments --------------------------------------------------------------------------------------------------------


@wire_fault("fragments-are-messages", "rfc6455.fragments.concatenated", "rfc6455.fragments.both", "*")
def _() -> None:
    @instead(Assembler, "add")
    def _(original: Any, self: Assembler, piece: Any) -> Any:
        kind = self.is_text
        message = original(self, piece)
        if piece.last and message is None:
            message = self.content.decode("utf-8", "replace") if self.is_text else bytes(self.content)
            self.content = bytearray()
        del kind
        return message


@wire_fault("fragments-refused", "rfc6455.fragments.both", "*")
def _() -> None:
    @instead(Assembler, "check_order")
    def _(original: Any, self: Assembler, header: Any) -> None:
        if not header.fin:
            raise frames.protocol_error("a fragment")
        original(self, header)


@wire_fault("whole-messages-lost", "rfc6455.fragments.both", "*")
def _() -> None:
    @instead(WebSocket, "on_data")
    def _(original: Any, self: WebSocket, piece: Any) -> None:
        if piece.header.opcode == CONTINUATION or not piece.header.fin:
            original(self, piece)


@wire_fault("fragments-put-together-backwards", "rfc6455.fragments.order", "*")
def _() -> None:
    @instead(Assembler, "append")
    def _(original: Any, self: Assembler, data: bytes) -> None:
        self.content[:0] = data


@wire_fault("two-fragments-at-most", "rfc6455.fragments.any-size", "*")
def _() -> None:
    @instead(Assembler, "check_order")
    def _(original: Any, self: Assembler, header: Any) -> None:
        original(self, header)
        self.count = self.count + 1 if header.opcode == CONTINUATION else 1  # type: ignore[attr-defined]
        if self.count > 2:  # type: ignore[attr-defined]
            raise frames.protocol_error("too many fragments")


@wire_fault(
    "content-kept-up-to-100-kb",
    "rfc6455.fragments.any-size",
    "rfc6455.length.received",
    "rfc6455.data.parsed",
    "rfc6455.limits.*",
    "rfc7692.receive.*",
)
def _() -> None:
    @instead(Assembler, "append")
    def _(original: Any, self: Assembler, data: bytes) -> None:
        original(self, data if len(self.content) < LONG else b"")


@wire_fault(
    "content-of-forty-fragments-kept",
    "rfc6455.fragments.any-size",
    "rfc6455.fragments.order",
    "rfc6455.text.split-character",
    "rfc7692.agreed.used",
    "rfc7692.receive.*",
)
def _() -> None:
    @instead(Assembler, "begin_frame")
    def _(original: Any, self: Assembler, header: Any) -> None:
        original(self, header)
        self.count = self.count + 1 if header.opcode == CONTINUATION else 1  # type: ignore[attr-defined]

    @instead(Assembler, "inflated")
    def _(original: Any, self: Assembler, data: bytes) -> bytes:
        return original(self, data) if self.count <= 40 else b""  # type: ignore[attr-defined]


@wire_fault("fragments-change-the-type", "rfc6455.fragments.type", "*")
def _() -> None:
    @instead(Assembler, "begin_message")
    def _(original: Any, self: Assembler, header: Any) -> None:
        original(self, header)
        self.is_text ^= not header.fin


@wire_fault(
    "control-frames-end-messages",
    "rfc6455.fragments.control-between",
    "rfc6455.fragments.*",
    "rfc6455.text.split-character",
    "rfc7692.control.not-compressed",
    "websocket.*",
)
def _() -> None:
    @instead(WebSocket, "on_ping")
    def _(original: Any, self: WebSocket, payload: bytes) -> None:
        self.assembler.under_way = False
        original(self, payload)

    @instead(WebSocket, "on_piece")
    def _(original: Any, self: WebSocket, piece: Any) -> None:
        if piece.header.opcode == PONG:
            self.assembler.under_way = False
        original(self, piece)


@wire_fault("characters-not-parted", "rfc6455.text.split-character", "rfc6455.fragments.*", "rfc7692.*", "websocket.*")
def _() -> None:
    @instead(Assembler, "add")
    def _(original: Any, self: Assembler, piece: Any) -> Any:
        message = original(self, piece)
        if message is None and piece.last and self.is_text:
            self.check_text(b"", final=True)
        return message


def _halves(data: Any) -> list[bytes]:
    half = len(data.payload) // 2
    return [data.payload[:half], data.payload[half:]]


def _fragment(opcode: int, payload: bytes, fin: bool) -> bytes:
    head, *rest = frames.frame(opcode, payload)
    return bytes([head[0] if fin else head[0] & 0x7F]) + head[1:] + b"".join(rest)


@wire_fault(
    "fragments-sent-backwards",
    "rfc6455.fragments.order",
    "rfc6455.fragments.sent.*",
    "rfc6455.length.sent",
    "websocket.*",
)
def _() -> None:
    @instead(WebSocket, "write_message")
    def _(original: Any, self: WebSocket, data: Any) -> None:
        if len(data.payload) < LONG or self.deflater is not None:
            original(self, data)
            return
        first, second = _halves(data)
        self.channel.write(_fragment(data.opcode, second, fin=False), _fragment(CONTINUATION, first, fin=True))


@wire_fault("fragments-sent-in-between", "rfc6455.fragments.sent.not-interleaved", "websocket.*")
def _() -> None:
    @instead(WebSocket, "send")
    async def _(original: Any, self: WebSocket, event: Any) -> None:
        payload = event.get("bytes") if isinstance(event, dict) else None
        if not isinstance(payload, bytes) or len(payload) < LONG or self.deflater is not None:
            await original(self, event)
            return
        half = len(payload) // 2
        self.channel.write(_fragment(BINARY, payload[:half], fin=False))
        await anyio.sleep(0.01)
        self.channel.write(_fragment(CONTINUATION, payload[half:], fin=True))
        await self.flush()


# --- frames that are written ------------------------------------------------------------------------------------------


def _written(name: str, breaks: str, *also: str) -> Callable[[Callable[[int, bytes], bytes]], None]:
    """Declare a function from the opcode and the bytes of the server's frame to other bytes."""

    def declare(change: Callable[[int, bytes], bytes]) -> None:
        @wire_fault(name, breaks, *also)
        def _() -> None:
            @instead(frames, "frame")
            def _(original: Any, opcode: int, payload: bytes, compressed: bool = False) -> list[bytes]:
                return [change(opcode, b"".join(original(opcode, payload, compressed)))]

    return declare


@_written("server-masks", "rfc6455.masking.not-by-server", "*")
def _(opcode: int, data: bytes) -> bytes:
    size = {126: 4, 127: 10}.get(data[1], 2)
    return bytes([data[0], data[1] | 0x80]) + data[2:size] + b"\0\0\0\0" + data[size:]


@_written("reserved-bit-in-close-frames", "rfc6455.rsv.sent", "*")
def _(opcode: int, data: bytes) -> bytes:
    return bytes([data[0] | 0x10]) + data[1:] if opcode == frames.CLOSE else data


@_written("messages-never-end", "rfc6455.data.fin.sent", "*")
def _(opcode: int, data: bytes) -> bytes:
    return bytes([data[0] & 0x7F]) + data[1:] if opcode in (TEXT, BINARY) else data


@_written("pongs-in-fragments", "rfc6455.control.sent", "*")
def _(opcode: int, data: bytes) -> bytes:
    return bytes([data[0] & 0x7F]) + data[1:] if opcode == PONG else data


@wire_fault("lengths-in-eight-bytes", "rfc6455.length.minimal.sent")
def _() -> None:
    import struct

    frames.length_field = lambda length: struct.pack("!BQ", 127, length)


@wire_fault("length-written-backwards", "rfc6455.length.sent", "*")
def _() -> None:
    @instead(frames, "length_field")
    def _(original: Any, length: int) -> bytes:
        field: bytes = original(length)
        return field[:1] + field[:0:-1]


def _message(name: str, breaks: str, *also: str) -> Callable[[Callable[[Any], Any]], None]:
    """Declare a function from a message of the application to another."""

    def declare(change: Callable[[Any], Any]) -> None:
        @wire_fault(name, breaks, *also)
        def _() -> None:
            @instead(WebSocket, "write_message")
            def _(original: Any, self: WebSocket, data: Any) -> None:
                original(self, change(data))

    return declare


@_message("empty-messages-filled", "rfc6455.length.sent", "websocket.*", "rfc6455.*", "rfc7692.*")
def _(data: Any) -> Any:
    return data if data.payload else data._replace(payload=type(data.payload)(b"?"))


@_message("last-byte-not-sent", "rfc6455.length.sent", "websocket.send.each-message", "*")
def _(data: Any) -> Any:
    return data._replace(payload=data.payload[:-1])


@_message(
    "large-messages-cut",
    "websocket.send.each-message",
    "core.send.back-pressure",
    "rfc6455.fragments.*",
    "rfc6455.length.sent",
    "rfc6455.text.utf8.sent",
    "rfc7692.*",
)
def _(data: Any) -> Any:
    return data._replace(payload=data.payload[:LONG])


@_message("byte-in-empty-messages", "rfc6455.length.sent", "websocket.*", "rfc7692.*")
def _(data: Any) -> Any:
    return data if data.payload else data._replace(payload=b"\0")


@_message("types-swapped-when-sent", "rfc6455.data.type.sent", "*")
def _(data: Any) -> Any:
    return data._replace(opcode=BINARY if data.opcode == TEXT else TEXT)


@wire_fault("text-sent-in-latin-1", "rfc6455.text.utf8.sent", "*")
def _() -> None:
    @instead(WebSocket, "write_message")
    def _(original: Any, self: WebSocket, data: Any) -> None:
        if data.opcode == TEXT:
            data = data._replace(payload=data.payload.decode("utf-8").encode("latin-1", "replace"))
        original(self, data)


@wire_fault("surrogates-sent", "rfc6455.text.utf8.sent", "websocket.*")
def _() -> None:
    original = websocket_events.READERS["websocket.send"]

    def read(event: Any) -> Any:
        text = event.get("text")
        if isinstance(text, str):
            return websocket_events.Data(TEXT, text.encode("utf-8", "surrogatepass"))
        return original(event)

    websocket_events.READERS["websocket.send"] = read


# --- pings and pongs --------------------------------------------------------------------------------------------------


@wire_fault("pings-not-answered", "rfc6455.ping.answered", "*")
def _() -> None:
    leave_out(WebSocket, "on_ping")


def _when_received(method: str) -> None:
    """Have a method wait until the application receives."""

    @instead(WebSocket, "receive")
    async def _(original: Any, self: WebSocket) -> Any:
        self.receiving = getattr(self, "receiving", 0) + 1  # type: ignore[attr-defined]
        for act in self.__dict__.pop("held", []):
            act()
        try:
            return await original(self)
        finally:
            self.receiving -= 1  # type: ignore[attr-defined]

    @instead(WebSocket, method)
    def _(original: Any, self: WebSocket, *args: Any) -> None:
        if getattr(self, "receiving", 0):
            original(self, *args)
        else:
            self.__dict__.setdefault("held", []).append(lambda: original(self, *args))


@wire_fault("pings-answered-when-the-application-receives", "rfc6455.ping.soon", "websocket.ping.*")
def _() -> None:
    _when_received("on_ping")


@wire_fault(
    "close-answered-when-the-application-receives",
    "rfc6455.close.answered.soon",
    "rfc6455.close.answered",
    "websocket.*",
)
def _() -> None:
    _when_received("on_close")

    @instead(WebSocket, "on_close")
    def _(original: Any, self: WebSocket, payload: bytes) -> None:
        frames.read_close(payload)  # a bad one fails the connection at once
        original(self, payload)


@wire_fault("every-pong-the-same", "rfc6455.pong.same-data", "*")
def _() -> None:
    @instead(WebSocket, "on_ping")
    def _(original: Any, self: WebSocket, payload: bytes) -> None:
        original(self, b"pong, whatever")


@wire_fault(
    "pongs-answered", "rfc6455.pong.unsolicited", "rfc6455.fragments.*", "rfc6455.data.*", "rfc6455.masking.any-key"
)
def _() -> None:
    @instead(WebSocket, "on_piece")
    def _(original: Any, self: WebSocket, piece: Any) -> None:
        original(
            self, piece._replace(header=piece.header._replace(opcode=PING)) if piece.header.opcode == PONG else piece
        )


# --- how a connection fails -------------------------------------------------------------------------------------------


@wire_fault("failed-and-left-open", "rfc6455.fail.closes", "*")
def _() -> None:
    @instead(WebSocket, "on_failure")
    def _(original: Any, self: WebSocket, failure: Failure) -> None:
        end, self.channel.end = self.channel.end, lambda: None  # type: ignore[method-assign]
        original(self, failure)
        self.persistent = True
        del end


@wire_fault(
    "fails-without-a-close-frame",
    "rfc6455.fail.close-frame",
    "rfc6455.invalid.close-frame",
    "rfc6455.close-code.*",
    "websocket.*",
)
def _() -> None:
    @instead(WebSocket, "on_failure")
    def _(original: Any, self: WebSocket, failure: Failure) -> None:
        self.close_sent = True
        original(self, failure)


@wire_fault(
    "fails-with-an-empty-close-frame", "rfc6455.fail.close-frame", "rfc6455.invalid.close-frame", "rfc6455.close-code.*"
)
def _() -> None:
    @instead(WebSocket, "on_failure")
    def _(original: Any, self: WebSocket, failure: Failure) -> None:
        self.write_close(None)
        original(self, failure)


@wire_fault(
    "always-the-same-code",
    "rfc6455.close-code.protocol-error",
    "rfc6455.close-code.too-big",
    "rfc6455.close-code.*",
    "websocket.*",
)
def _() -> None:
    @instead(WebSocket, "on_failure")
    def _(original: Any, self: WebSocket, failure: Failure) -> None:
        failure.code = 1011
        original(self, failure)


@wire_fault("goes-on-after-a-failure", "rfc6455.fail.nothing-further", "rfc6455.*")
def _() -> None:
    @instead(WebSocket, "on_failure")
    def _(original: Any, self: WebSocket, failure: Failure) -> None:
        buffer = self.frames.buffer
        if failure.code != 1007 and len(buffer) > 1:  # the bad frame is still there
            del buffer[: 2 + (4 if buffer[1] & 0x80 else 0) + (buffer[1] & 0x7F)]
        if len(buffer) < 2:
            original(self, failure)
        self.assembler = Assembler(None)


@wire_fault("application-not-told-of-a-failure", "websocket.disconnect.server-close", "websocket.disconnect.*")
def _() -> None:
    @instead(WebSocket, "on_failure")
    def _(original: Any, self: WebSocket, failure: Failure) -> None:
        original(self, failure)
        self.untold = True  # type: ignore[attr-defined]

    @instead(WebSocket, "how_it_ended")
    def _(original: Any, self: WebSocket) -> Any:
        return None if getattr(self, "untold", False) else original(self)


@wire_fault("failed-connection-ends-with-the-application", "rfc6455.close.tcp.first", "websocket.*")
def _() -> None:
    @instead(WebSocket, "on_failure")
    def _(original: Any, self: WebSocket, failure: Failure) -> None:
        self.write_close(failure.code)
        self.disconnect = Disconnect(1006)
        self.channel.changed.notify()


@wire_fault(
    "handshake-refused-without-a-response",
    "rfc6455.invalid.handshake-status",
    "rfc6455.handshake.*",
    "rfc6455.version.*",
    "rfc6455.extensions.*",
    "rfc6455.subprotocol.*",
    "websocket.*",
)
def _() -> None:
    @instead(HTTP1, "answer_error")
    def _(original: Any, self: HTTP1, status: int, head: bool = False) -> None:
        if status in (400, 426):
            self.channel.end()
        else:
            original(self, status, head)


# --- how a connection is closed ---------------------------------------------------------------------------------------


@wire_fault("close-not-answered", "rfc6455.close.answered", "rfc6455.close-code.*", "*")
def _() -> None:
    leave_out(WebSocket, "answer_close")


@wire_fault("close-frame-of-one-byte-sent", "rfc6455.close.body.sent", "*")
def _() -> None:
    frames.close_frame = lambda code, reason=b"": frames.frame(frames.CLOSE, b"\x03")


@wire_fault(
    "one-byte-makes-a-code",
    "rfc6455.close.body-of-one-byte",
    "rfc6455.invalid.close-frame",
    "rfc6455.close-code.protocol-error",
    "websocket.*",
)
def _() -> None:
    @instead(frames, "read_close")
    def _(original: Any, payload: bytes) -> Any:
        return (payload[0] << 8, "") if len(payload) == 1 else original(payload)


@wire_fault("reason-not-checked", "rfc6455.close.reason.utf8.received", "websocket.*")
def _() -> None:
    @instead(frames, "read_close")
    def _(original: Any, payload: bytes) -> Any:
        return original(payload[:2] + payload[2:].decode("utf-8", "replace").encode())


def _closing_event(change: Callable[[int, bytes], tuple[int, bytes]], errors: str = "strict") -> None:
    original = websocket_events.READERS["websocket.close"]

    def read(event: Any) -> Any:
        code = original({**event, "reason": None}).code  # type: ignore[union-attr]
        reason = event.get("reason") or ""
        return websocket_events.Close(*change(code, reason.encode("utf-8", errors)))

    websocket_events.READERS["websocket.close"] = read


@wire_fault("reason-cut-anywhere", "rfc6455.close.reason.utf8.sent", "websocket.close.*", "core.*")
def _() -> None:
    _closing_event(lambda code, reason: (code, reason[:123]), "surrogatepass")


@wire_fault("reason-said-twice", "rfc6455.control.sent", "rfc6455.close.*", "websocket.close.*", "rfc7692.*", "core.*")
def _() -> None:
    _closing_event(lambda code, reason: (code, reason * 2))


@wire_fault(
    "another-code-sent",
    "rfc6455.close.handshake",
    "rfc6455.close-code.*",
    "websocket.close.*",
    "rfc7692.control.not-compressed",
    "core.*",
)
def _() -> None:
    _closing_event(lambda code, reason: (code + 1, reason))


@wire_fault("stops-without-a-close-frame", "rfc6455.close.initiated", "websocket.*")
def _() -> None:
    @instead(WebSocket, "on_stopping")
    def _(original: Any, self: WebSocket) -> None:
        self.end(Disconnect(1006))


@wire_fault("stops-as-if-all-were-done", "rfc6455.close-code.going-away", "websocket.*")
def _() -> None:
    @instead(WebSocket, "on_stopping")
    def _(original: Any, self: WebSocket) -> None:
        self.write_close(1000)


@wire_fault("second-close-frame", "rfc6455.close.simultaneous", "rfc6455.close.*", "websocket.*")
def _() -> None:
    @instead(WebSocket, "on_close")
    def _(original: Any, self: WebSocket, payload: bytes) -> None:
        if self.close_sent:
            self.write_close(1000)
        original(self, payload)


@wire_fault("closed-and-left-open", "rfc6455.close.tcp", "*")
def _() -> None:
    @instead(WebSocket, "end")
    def _(original: Any, self: WebSocket, disconnect: Disconnect) -> None:
        self.disconnect = disconnect
        self.persistent = True
        self.channel.changed.notify()


@wire_fault(
    "connection-ends-with-the-application", "rfc6455.close.tcp.immediately", "rfc6455.close.tcp.*", "websocket.*"
)
def _() -> None:
    @instead(WebSocket, "end")
    def _(original: Any, self: WebSocket, disconnect: Disconnect) -> None:
        self.disconnect = disconnect
        self.channel.changed.notify()


@wire_fault("reset-instead-of-closed", "rfc6455.close.tcp.clean", "rfc6455.close.tcp.*", "rfc6455.fail.*")
def _() -> None:
    async def reset(channel: Channel) -> None:
        while channel.outgoing:
            await channel.changed.wait()
        channel.reset()

    @instead(WebSocket, "end")
    def _(original: Any, self: WebSocket, disconnect: Disconnect) -> None:
        self.disconnect = disconnect
        self.tasks.start_soon(reset, self.channel)


@wire_fault(
    "data-behind-the-close-frame", "rfc6455.close.no-data-after", "rfc6455.close.tcp.*", "websocket.*", "core.*"
)
def _() -> None:
    @instead(WebSocket, "end")
    def _(original: Any, self: WebSocket, disconnect: Disconnect) -> None:
        self.disconnect = disconnect
        self.channel.changed.notify()

    @instead(WebSocket, "send")
    async def _(original: Any, self: WebSocket, event: Any) -> None:
        if self.accepted and self.is_closed and event["type"] == "websocket.send":
            self.write_message(websocket_events.READERS["websocket.send"](event))  # type: ignore[arg-type]
        else:
            await original(self, event)


# --- the codes of close frames ----------------------------------------------------------------------------------------


@wire_fault("any-code-passes", "rfc6455.close-code.1005.not-sent", "rfc6455.close-code.*", "websocket.*", "core.*")
def _() -> None:
    frames.is_close_code = lambda code: True


@wire_fault("no-code-answered-with-1005", "rfc6455.close-code.1005.not-sent", "rfc6455.close.*")
def _() -> None:
    @instead(WebSocket, "answer_close")
    def _(original: Any, self: WebSocket, code: int | None) -> None:
        original(self, 1005 if code is None else code)


@wire_fault(
    "code-of-the-client-lost",
    "rfc6455.close-code.application",
    "websocket.disconnect.*",
)
def _() -> None:
    @instead(WebSocket, "disconnect_event")
    def _(original: Any, self: WebSocket, end: Disconnect) -> Any:
        return original(self, end._replace(code=1000))


@wire_fault("code-of-the-application-lost", "rfc6455.close-code.application", "websocket.close.*")
def _() -> None:
    _closing_event(lambda code, reason: (1000 if code >= 3000 else code, reason))


@wire_fault("defined-codes-refused", "rfc6455.close-code.defined", "rfc6455.close.*", "websocket.*")
def _() -> None:
    @instead(frames, "read_close")
    def _(original: Any, payload: bytes) -> Any:
        code, reason = original(payload)
        if code is not None and code < 3000:
            raise frames.protocol_error("a code that nobody knows")
        return code, reason


# --- limits -----------------------------------------------------------------------------------------------------------


@wire_fault(
    "dies-of-too-much",
    "rfc6455.limits.protected",
    "rfc6455.limits.*",
    "rfc6455.close-code.too-big",
    "rfc6455.fragments.any-size",
)
def _() -> None:
    @instead(FrameReader, "read_header")
    def _(original: Any, self: FrameReader) -> Any:
        header = original(self)
        if header is not None:
            self.count = getattr(self, "count", 0) + 1  # type: ignore[attr-defined]
            if header.length >= 1 << 40 or self.count > 1100:  # type: ignore[attr-defined]
                os._exit(70)
        return header

    @instead(Inflater, "check_size")
    def _(original: Any, self: Inflater, inflated: bytes, room: int) -> None:
        if len(inflated) > room:
            os._exit(70)


# --- compression: what is answered ------------------------------------------------------------------------------------


def _negotiated(name: str, breaks: str, *also: str) -> Callable[[Callable[[Any, list[Any]], Any]], None]:
    """Declare a function that is given the original negotiation and the offers, and returns the agreement."""

    def declare(negotiate: Callable[[Any, list[Any]], Any]) -> None:
        @wire_fault(name, breaks, *also)
        def _() -> None:
            instead(deflate, "negotiate")(negotiate)

    return declare


PLAIN = Agreement(NAME, 15, 15, server_takeover=True, client_takeover=True)


@_negotiated("invalid-offers-accepted", "rfc7692.offer.unknown-parameter", "rfc7692.offer.*")
def _(original: Any, offers: list[Any]) -> Any:
    ours = [dict(parameters) for name, parameters in offers if name == NAME]
    unsupported = any(parameters.get(b"server_max_window_bits") == b"8" for parameters in ours)
    return original(offers) or (PLAIN if ours and not unsupported else None)


@_negotiated("every-offer-accepted", "rfc7692.offer.one-accepted", "rfc7692.offer.*")
def _(original: Any, offers: list[Any]) -> Any:
    agreed = original(offers)
    ours = [name for name, _ in offers if name == NAME]
    return agreed and agreed._replace(field=b", ".join([agreed.field, *ours[1:]]))


@_negotiated("last-offer-preferred", "rfc7692.offer.preference")
def _(original: Any, offers: list[Any]) -> Any:
    return original(offers[::-1])


@_negotiated("first-offer-only", "rfc7692.offer.fallback", "rfc7692.offer.*")
def _(original: Any, offers: list[Any]) -> Any:
    return original(offers[:1])


@_negotiated("compresses-and-does-not-say-so", "rfc7692.response.name", "rfc7692.*")
def _(original: Any, offers: list[Any]) -> Any:
    return PLAIN._replace(field=None) if offers else None  # type: ignore[arg-type]


@_negotiated("compresses-unasked", "rfc7692.declined.uncompressed", "*")
def _(original: Any, offers: list[Any]) -> Any:
    return original(offers) or PLAIN._replace(field=None)  # type: ignore[arg-type]


@wire_fault("declined-and-named", "rfc7692.declined.no-element", "rfc7692.declined.*", "rfc6455.extensions.*")
def _() -> None:
    from asgi_conformance.servers.reference import handshake

    @instead(handshake, "answer")
    def _(original: Any, request: Any, subprotocol: Any, extension: Any, headers: Any) -> bytes:
        offers = handshake.extensions(request)
        if extension is None and offers and offers[0][0] != NAME:
            extension = offers[0][0]
        return bytes(original(request, subprotocol, extension, headers))


def _answered(name: str, breaks: str, *also: str, smallest: bool = False) -> Callable[[Callable[[bytes], bytes]], None]:
    """Declare a function that changes what is answered; ``smallest``: where a window of 256 bytes is accepted, too."""

    def declare(change: Callable[[bytes], bytes]) -> None:
        @wire_fault(name, breaks, *also)
        def _() -> None:
            if smallest:
                deflate.VALUES[b"server_max_window_bits"] = {b"8", *deflate.BITS}

            @instead(deflate, "negotiate")
            def _(original: Any, offers: list[Any]) -> Any:
                agreed = original(offers)
                if not agreed:
                    return None
                # zlib has no window of 256 bytes to compress with.
                bits = agreed.server_bits if agreed.server_bits > 8 else 10
                return agreed._replace(field=change(agreed.field), server_bits=bits)

    return declare


def _without(field: bytes, *names: bytes) -> bytes:
    kept = [part for part in field.split(b"; ") if part.partition(b"=")[0] not in names]
    return b"; ".join(kept)


@_answered("unknown-parameter-answered", "rfc7692.response.parameters")
def _(field: bytes) -> bytes:
    return field + b"; unknown"


@_answered("takeover-not-acknowledged", "rfc7692.server-no-context-takeover.acknowledged", "rfc7692.offer.preference")
def _(field: bytes) -> bytes:
    return _without(field, b"server_no_context_takeover")


@_answered(
    "takeover-with-a-value",
    "rfc7692.server-no-context-takeover.no-value",
    "rfc7692.client-no-context-takeover.no-value",
    "rfc7692.response.parameters",
)
def _(field: bytes) -> bytes:
    return field.replace(b"_takeover", b"_takeover=1")


@wire_fault("takeover-declined", "rfc7692.server-no-context-takeover.supported", "rfc7692.offer.preference")
def _() -> None:
    deflate.VALUES[b"server_no_context_takeover"] = set()


@_answered(
    "window-bits-not-acknowledged",
    "rfc7692.server-max-window-bits.acknowledged",
    "rfc7692.offer.preference",
    smallest=True,
)
def _(field: bytes) -> bytes:
    return _without(field, b"server_max_window_bits")


@_answered(
    "window-bits-with-a-zero",
    "rfc7692.server-max-window-bits.value",
    "rfc7692.client-max-window-bits.value",
    "rfc7692.*",
    smallest=True,
)
def _(field: bytes) -> bytes:
    return field.replace(b"bits=", b"bits=0") + (b"" if b"client_max" in field else b"; client_max_window_bits=015")


@_answered("smallest-window-accepted", "rfc7692.server-max-window-bits.kept", "rfc7692.offer.*", smallest=True)
def _(field: bytes) -> bytes:
    return field


@wire_fault("client-bits-imposed", "rfc7692.client-max-window-bits.unasked", "rfc7692.client-*")
def _() -> None:
    @instead(deflate, "agree")
    def _(original: Any, parameters: Any) -> Agreement:
        agreed: Agreement = original(parameters)
        if b"client_max_window_bits" in dict(parameters):
            return agreed
        return agreed._replace(field=agreed.field + b"; client_max_window_bits=12", client_bits=12)


@wire_fault("small-windows-chosen", "rfc7692.window.useful", "rfc7692.client-*")
def _() -> None:
    @instead(deflate, "agree")
    def _(original: Any, parameters: Any) -> Agreement:
        agreed: Agreement = original(parameters)
        if b"server_max_window_bits" in dict(parameters):
            return agreed
        return agreed._replace(field=agreed.field + b"; server_max_window_bits=9", server_bits=9)


@wire_fault("client-window-small-and-not-said", "rfc7692.client-max-window-bits.full-window", "rfc7692.*")
def _() -> None:
    @instead(deflate, "agree")
    def _(original: Any, parameters: Any) -> Agreement:
        agreed: Agreement = original(parameters)
        return agreed._replace(field=_without(agreed.field, b"client_max_window_bits"), client_bits=9)


@wire_fault("client-takeover-off-and-not-said", "rfc7692.client-context-takeover.hint", "rfc7692.*")
def _() -> None:
    @instead(deflate, "agree")
    def _(original: Any, parameters: Any) -> Agreement:
        agreed: Agreement = original(parameters)
        return agreed._replace(field=_without(agreed.field, b"client_no_context_takeover"))


# --- compression: what is read ----------------------------------------------------------------------------------------


def _inflating(name: str, breaks: str, *also: str) -> Callable[[Callable[[Any, Inflater, bytes, int], bytes]], None]:
    """Declare a function in place of the decompression of one piece."""

    def declare(inflate: Callable[[Any, Inflater, bytes, int], bytes]) -> None:
        @wire_fault(name, breaks, *also)
        def _() -> None:
            instead(Inflater, "inflate")(inflate)

    return declare


@wire_fault("compressed-messages-taken-as-they-are", "rfc7692.agreed.used", "rfc7692.*", "rfc6455.limits.protected")
def _() -> None:
    @instead(Assembler, "inflated")
    def _(original: Any, self: Assembler, data: bytes) -> bytes:
        return data

    @instead(Assembler, "end_message")
    def _(original: Any, self: Assembler) -> Any:
        self.compressed = False
        return original(self)


@wire_fault(
    "window-of-the-client-forgotten",
    "rfc7692.client-context-takeover",
    "rfc7692.agreed.used",
    "rfc7692.client-*",
    "rfc7692.offer.*",
    "rfc7692.receive.*",
)
def _() -> None:
    @instead(Inflater, "end_message")
    def _(original: Any, self: Inflater, room: int) -> bytes:
        self.takeover = False
        return bytes(original(self, room))


@wire_fault(
    "uncompressed-message-clears-the-window", "rfc7692.client-context-takeover.uncompressed-between", "rfc7692.*"
)
def _() -> None:
    @instead(Assembler, "end_message")
    def _(original: Any, self: Assembler) -> Any:
        if not self.compressed and self.inflater is not None:
            self.inflater.window = b""
            self.inflater.decompressor = self.inflater.new_decompressor()
        return original(self)


@wire_fault("fragments-decompressed-apart", "rfc7692.receive.compressed", "rfc7692.*", "rfc6455.limits.protected")
def _() -> None:
    @instead(Assembler, "add")
    def _(original: Any, self: Assembler, piece: Any) -> Any:
        message = original(self, piece)
        if message is None and piece.last and self.compressed and self.inflater is not None:
            self.append(self.inflater.end_message(self.room))
        return message


@wire_fault("compressed-byte-lost", "rfc7692.receive.compressed", "rfc7692.*")
def _() -> None:
    @instead(Assembler, "end_message")
    def _(original: Any, self: Assembler) -> Any:
        compressed = self.compressed
        message = original(self)
        return message[:-1] if compressed else message


@wire_fault("uncompressed-messages-decompressed", "rfc7692.receive.uncompressed", "rfc7692.*")
def _() -> None:
    @instead(Assembler, "begin_message")
    def _(original: Any, self: Assembler, header: Any) -> None:
        original(self, header)
        self.compressed = self.inflater is not None


@wire_fault("type-lost-in-compression", "rfc7692.opcode.kept", "rfc7692.*")
def _() -> None:
    @instead(Assembler, "begin_message")
    def _(original: Any, self: Assembler, header: Any) -> None:
        original(self, header)
        self.is_text ^= self.compressed


@wire_fault("text-checked-before-it-is-decompressed", "rfc7692.utf8.not-before", "rfc7692.*")
def _() -> None:
    @instead(Assembler, "inflated")
    def _(original: Any, self: Assembler, data: bytes) -> bytes:
        if self.compressed and self.is_text:
            self.check_text(data)
            self.decoder.reset()
        return bytes(original(self, data))


@wire_fault("tail-not-appended", "rfc7692.deflate.tail.received", "rfc7692.*")
def _() -> None:
    @instead(Inflater, "end_message")
    def _(original: Any, self: Inflater, room: int) -> bytes:
        return b""


@_inflating("one-block-only", "rfc7692.deflate.multiple-blocks", "rfc7692.empty.received", "rfc7692.receive.*")
def _(original: Any, self: Inflater, data: bytes, room: int) -> bytes:
    if TAIL in data and data != TAIL:
        raise Failure(1007, "another block")
    return bytes(original(self, data, room))


def _block_type(number: int) -> Callable[[Any, Inflater, bytes, int], bytes]:
    def inflate(original: Any, self: Inflater, data: bytes, room: int) -> bytes:
        if data and data != TAIL and not self.__dict__.get("begun") and data[0] >> 1 & 3 == number:
            raise Failure(1007, "a block of a type that is not supported")
        self.__dict__["begun"] = bool(data) and data != TAIL
        return bytes(original(self, data, room))

    return inflate


for _number, _name in enumerate(("stored-blocks-refused", "fixed-codes-refused", "dynamic-codes-refused")):
    _inflating(_name, "rfc7692.deflate.block-types", "rfc7692.*", "rfc6455.limits.protected")(_block_type(_number))


@wire_fault("final-block-ends-everything", "rfc7692.deflate.final-blocks")
def _() -> None:
    @instead(Inflater, "inflate")
    def _(original: Any, self: Inflater, data: bytes, room: int) -> bytes:
        return b"" if self.decompressor.eof else bytes(self.decompressor.decompress(data, room + 1))


@wire_fault("nothing-compressed-refused", "rfc7692.empty.received", "rfc7692.*")
def _() -> None:
    @instead(Assembler, "add")
    def _(original: Any, self: Assembler, piece: Any) -> Any:
        if piece.last and piece.header.fin and piece.data in (b"", b"\0", b"\x02\0"):
            compressed = (
                piece.header.reserved if piece.first and piece.header.opcode != CONTINUATION else self.compressed
            )
            if compressed:
                raise Failure(1002, "nothing")
        return original(self, piece)


# --- compression: what is written -------------------------------------------------------------------------------------


def _deflated(name: str, breaks: str, *also: str) -> Callable[[Callable[[Any, Deflater, bytes], bytes]], None]:
    """Declare a function in place of the compression of a message."""

    def declare(compress: Callable[[Any, Deflater, bytes], bytes]) -> None:
        @wire_fault(name, breaks, *also)
        def _() -> None:
            instead(Deflater, "deflate")(compress)

    return declare


@_deflated(
    "window-of-the-server-kept",
    "rfc7692.server-no-context-takeover.kept",
    "rfc7692.offer.unsupported",
    "rfc7692.deflate.final-blocks.padding",
)
def _(original: Any, self: Deflater, message: bytes) -> bytes:
    self.takeover = True
    return bytes(original(self, message))


@wire_fault("window-of-any-size", "rfc7692.server-max-window-bits.kept", "rfc7692.offer.unsupported")
def _() -> None:
    @instead(Deflater, "new_compressor")
    def _(original: Any, self: Deflater) -> Any:
        return zlib.compressobj(wbits=-15)


@wire_fault(
    "incompressible-messages-remembered",
    "rfc7692.client-context-takeover.uncompressed-between",
    "rfc7692.agreed.used",
    "rfc7692.offer.unsupported",
    "rfc7692.send.*",
    "rfc7692.deflate.*",
)
def _() -> None:
    @instead(WebSocket, "write_message")
    def _(original: Any, self: WebSocket, data: Any) -> None:
        if self.deflater is None:
            original(self, data)
            return
        payload = self.deflater.deflate(data.payload)
        smaller = len(payload) < len(data.payload)
        self.channel.write(*frames.frame(data.opcode, payload if smaller else data.payload, compressed=smaller))


@wire_fault("bit-left-out", "rfc7692.send.bit", "rfc7692.*")
def _() -> None:
    @instead(WebSocket, "write_message")
    def _(original: Any, self: WebSocket, data: Any) -> None:
        payload = data.payload if self.deflater is None else self.deflater.deflate(data.payload)
        self.channel.write(*frames.frame(data.opcode, payload))


@wire_fault("type-of-what-is-compressed-changed", "rfc7692.opcode.kept", "rfc7692.*")
def _() -> None:
    @instead(WebSocket, "write_message")
    def _(original: Any, self: WebSocket, data: Any) -> None:
        original(self, data if self.deflater is None else data._replace(opcode=BINARY))


@wire_fault("bit-on-every-fragment", "rfc7692.rsv1.first-fragment-only.sent", "rfc7692.*")
def _() -> None:
    @instead(WebSocket, "write_message")
    def _(original: Any, self: WebSocket, data: Any) -> None:
        if self.deflater is None or len(data.payload) < LONG:
            original(self, data)
            return
        payload = self.deflater.deflate(data.payload)
        half = len(payload) // 2
        for opcode, piece, fin in ((data.opcode, payload[:half], False), (CONTINUATION, payload[half:], True)):
            fragment = _fragment(opcode, piece, fin)
            self.channel.write(bytes([fragment[0] | frames.RSV1]) + fragment[1:])


@wire_fault("bit-on-control-frames", "rfc7692.rsv1.control.sent", "rfc7692.*")
def _() -> None:
    @instead(WebSocket, "accept")
    def _(original: Any, self: WebSocket, message: Any) -> None:
        original(self, message)
        if self.deflater is not None:
            write = self.channel.write
            self.channel.write = (  # type: ignore[method-assign]
                lambda head, *rest: write(bytes([head[0] | (frames.RSV1 if head[0] & 8 else 0)]) + head[1:], *rest)
            )


@wire_fault("close-frames-compressed", "rfc7692.control.not-compressed", "rfc7692.*")
def _() -> None:
    @instead(WebSocket, "write_close")
    def _(original: Any, self: WebSocket, code: Any, reason: bytes = b"") -> None:
        original(self, code, reason if self.deflater is None or not reason else self.deflater.deflate(reason))


@_deflated("tail-left-on", "rfc7692.deflate.tail.sent", "rfc7692.*")
def _(original: Any, self: Deflater, message: bytes) -> bytes:
    return bytes(original(self, message)) + TAIL


@_deflated("long-messages-garbled", "rfc7692.deflate.window", "rfc7692.*")
def _(original: Any, self: Deflater, message: bytes) -> bytes:
    payload: bytes = original(self, message)
    return payload if len(message) < 60_000 else payload[:50] + b"\xff" * 20 + payload[70:]


@_deflated("final-blocks-padded-with-ones", "rfc7692.deflate.final-blocks.padding", "rfc7692.server-*")
def _(original: Any, self: Deflater, message: bytes) -> bytes:
    if self.takeover or not message:
        return bytes(original(self, message))
    compressor = zlib.compressobj(wbits=-self.bits)
    data = compressor.compress(message) + compressor.flush()
    padded = data[:-1] + bytes([data[-1] | 0x80])
    decompressor = zlib.decompressobj(wbits=-15)
    same = decompressor.decompress(padded) == message and decompressor.eof
    return (padded if same else data) + b"\0"


@_deflated("nothing-compressed-to-nothing", "rfc7692.empty.sent", "rfc7692.*")
def _(original: Any, self: Deflater, message: bytes) -> bytes:
    return bytes(original(self, message)) if message else b""
