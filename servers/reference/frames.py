"""WebSocket frames (RFC 6455, section 5): a client's, read and checked; the server's, written."""

import struct
from typing import NamedTuple

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10  # section 5.2, "Opcode"
FIN, RSV1, RESERVED, MASK = 0x80, 0x40, 0x70, 0x80
LONGER = {126: struct.Struct("!H"), 127: struct.Struct("!Q")}  # how a length of more than seven bits follows

NO_CODE = 1005  # section 7.1.5: what a close frame without a code means
ABNORMAL = 1006  # section 7.1.5: there was no close frame


class Failure(Exception):
    """Something for which the server has to _Fail the WebSocket Connection_ (section 7.1.7)."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def protocol_error(reason: str) -> Failure:
    return Failure(1002, reason)


class Header(NamedTuple):
    fin: bool
    reserved: int  # the bits RSV1, RSV2 and RSV3
    opcode: int
    masked: bool
    length: int
    key: bytes = b""

    @property
    def is_control(self) -> bool:
        """Section 5.5: the opcode's most significant bit."""
        return bool(self.opcode & 8)


class Piece(NamedTuple):
    """What there is of a frame, unmasked. A control frame always comes as a whole."""

    header: Header
    data: bytes
    first: bool
    last: bool


class FrameReader:
    """Takes frames apart as their bytes come, and says what is wrong with one as soon as that can be seen."""

    def __init__(self, compression: bool = False) -> None:
        self.compression = compression  # permessage-deflate has been agreed on
        self.buffer = bytearray()
        self.header: Header | None = None  # of the frame whose payload comes next
        self.begun = False  # a piece of that frame has been handed out
        self.taken = 0  # bytes of its payload that have been

    def feed(self, data: bytes) -> None:
        self.buffer += data

    def next_piece(self) -> Piece | None:
        """The next piece, None if there is too little of it. Raises Failure."""
        if self.header is None:
            self.header = self.read_header()
            self.begun, self.taken = False, 0
        header = self.header
        if header is None or (header.is_control and len(self.buffer) < header.length):
            return None
        data = self.read_payload(header)
        if self.begun and not data:
            return None
        piece = Piece(header, data, first=not self.begun, last=self.taken == header.length)
        self.begun = True
        if piece.last:
            self.header = None
        return piece

    def read_header(self) -> Header | None:
        """Section 5.2. Two bytes tell almost everything; then a longer length, if any, and the masking key."""
        if len(self.buffer) < 2:
            return None
        first, second = self.buffer[:2]
        header = Header(bool(first & FIN), first & RESERVED, first & 0x0F, bool(second & MASK), second & 0x7F)
        self.check(header)
        size = 2
        if header.length in LONGER:
            longer = LONGER[header.length]
            if len(self.buffer) < size + longer.size:
                return None
            (length,) = longer.unpack_from(self.buffer, size)
            self.check_length(length, longer.size)
            header = header._replace(length=length)
            size += longer.size
        if header.masked:
            if len(self.buffer) < size + 4:
                return None
            header = header._replace(key=bytes(self.buffer[size : size + 4]))
            size += 4
        del self.buffer[:size]
        return header

    def read_payload(self, header: Header) -> bytes:
        """What has come of the payload, and of nothing that follows."""
        data = bytes(self.buffer[: header.length - self.taken])
        del self.buffer[: len(data)]
        if header.masked:
            data = unmask(data, header.key, self.taken)
        self.taken += len(data)
        return data

    def check(self, header: Header) -> None:
        self.check_reserved_bits(header)
        self.check_opcode(header)
        self.check_control_frame(header)
        self.check_mask(header)

    def check_reserved_bits(self, header: Header) -> None:
        """Section 5.2: 0 unless an extension uses them. RFC 7692, section 6: RSV1 in the first frame of a message."""
        used = RSV1 if self.compression and header.opcode in (TEXT, BINARY) else 0
        if header.reserved & ~used:
            raise protocol_error("a reserved bit is set")

    def check_opcode(self, header: Header) -> None:
        """Section 5.2: an unknown opcode fails the connection."""
        if header.opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            raise protocol_error("a reserved opcode")

    def check_control_frame(self, header: Header) -> None:
        """Section 5.5: at most 125 bytes, and not fragmented."""
        if header.is_control and not header.fin:
            raise protocol_error("a fragmented control frame")
        if header.is_control and header.length > 125:
            raise protocol_error("a control frame of more than 125 bytes")

    def check_mask(self, header: Header) -> None:
        """Section 5.1: a client masks all its frames."""
        if not header.masked:
            raise protocol_error("a frame that is not masked")

    def check_length(self, length: int, size: int) -> None:
        """Section 5.2: in as few bytes as possible, and below 2**63. (`size` bytes are what it came in.)"""
        if length < (126 if size == 2 else 65536):
            raise protocol_error("a length in more bytes than it needs")
        if length >= 1 << 63:
            raise protocol_error("a length whose most significant bit is set")


def unmask(data: bytes, key: bytes, position: int) -> bytes:
    """Section 5.3: every byte XOR a byte of the key; `position` is where in the payload `data` begins."""
    start = position % 4
    keys = ((key[start:] + key[:start]) * (len(data) // 4 + 1))[: len(data)]
    return (int.from_bytes(data, "big") ^ int.from_bytes(keys, "big")).to_bytes(len(data), "big")


def frame(opcode: int, payload: bytes, compressed: bool = False) -> list[bytes]:
    """One whole frame of the server's: never fragmented (section 5.4) and never masked (section 5.1)."""
    return [bytes([FIN | (RSV1 if compressed else 0) | opcode]) + length_field(len(payload)), payload]


def length_field(length: int) -> bytes:
    """Section 5.2: in as few bytes as possible."""
    if length < 126:
        return bytes([length])
    return struct.pack("!BH", 126, length) if length < 65536 else struct.pack("!BQ", 127, length)


def close_frame(code: int | None, reason: bytes = b"") -> list[bytes]:
    """Section 5.5.1: a code and a reason, or neither."""
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


def read_close(payload: bytes) -> tuple[int | None, str]:
    """The code, None if there is none, and the reason in a client's close frame (section 5.5.1)."""
    if not payload:
        return None, ""
    if len(payload) == 1:
        raise protocol_error("a close frame of one byte")
    code = int.from_bytes(payload[:2], "big")
    if not is_close_code(code):
        raise protocol_error("a close code that must not be sent")
    try:
        return code, payload[2:].decode("utf-8")
    except UnicodeDecodeError:
        raise Failure(1007, "a close reason that is not UTF-8") from None


def is_close_code(code: int) -> bool:
    """Whether a close frame may hold it (section 7.4, and IANA's registry for 1012 to 1014).

    1004 is reserved; 1005, 1006 and 1015 stand for there being no code; the rest below 3000 is not defined yet.
    """
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999
