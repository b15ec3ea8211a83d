"""WebSocket messages (RFC 6455, sections 5.4 to 5.6): put together from pieces of frames."""

import codecs

from asgi_conformance.servers.reference.deflate import Inflater
from asgi_conformance.servers.reference.frames import CONTINUATION, RSV1, TEXT, Failure, Header, Piece, protocol_error

LARGEST = 16 * 1024 * 1024  # bytes of a message, when it is decompressed

UTF_8 = codecs.getincrementaldecoder("utf-8")


class Assembler:
    """Holds the message that is under way. It grows no larger than `LARGEST`, however many its frames are."""

    def __init__(self, inflater: Inflater | None) -> None:
        self.inflater = inflater
        self.under_way = False
        self.is_text = False
        self.compressed = False
        self.content = bytearray()
        self.decoder = UTF_8()

    def add(self, piece: Piece) -> str | bytes | None:
        """The message, if this piece is its last. Raises Failure as soon as there is something wrong with it."""
        if piece.first:
            self.begin_frame(piece.header)
        self.append(self.inflated(piece.data))
        return self.end_message() if piece.last and piece.header.fin else None

    def begin_frame(self, header: Header) -> None:
        self.check_order(header)
        if header.opcode != CONTINUATION:
            self.begin_message(header)
        self.check_announced_size(header)

    def check_order(self, header: Header) -> None:
        """Section 5.4: the fragments of a message, and nothing else than these, continue it."""
        if header.opcode == CONTINUATION and not self.under_way:
            raise protocol_error("a continuation frame with nothing to continue")
        if header.opcode != CONTINUATION and self.under_way:
            raise protocol_error("a new message within a fragmented one")

    def begin_message(self, header: Header) -> None:
        self.under_way = True
        self.is_text = header.opcode == TEXT
        self.compressed = bool(header.reserved & RSV1)  # RFC 7692, section 6: the first frame tells, for all of them
        self.content = bytearray()
        self.decoder = UTF_8()

    def check_announced_size(self, header: Header) -> None:
        """Section 10.4: a limit, which nobody has to wait for if the header tells already."""
        if not self.compressed and header.length > self.room:
            raise Failure(1009, "a message that is too big")

    @property
    def room(self) -> int:
        return LARGEST - len(self.content)

    def inflated(self, data: bytes) -> bytes:
        if self.compressed and self.inflater is not None:
            return self.inflater.inflate(data, self.room)
        return data

    def append(self, data: bytes) -> None:
        self.content += data
        if self.is_text:
            self.check_text(data)

    def check_text(self, data: bytes, final: bool = False) -> None:
        """Section 8.1. A message is not UTF-8 from the first wrong byte on; a character may span frames."""
        try:
            self.decoder.decode(data, final)
        except UnicodeDecodeError:
            raise Failure(1007, "a text message that is not UTF-8") from None

    def end_message(self) -> str | bytes:
        if self.compressed and self.inflater is not None:
            self.append(self.inflater.end_message(self.room))
        self.under_way = False
        content, self.content = self.content, bytearray()
        if not self.is_text:
            return bytes(content)
        self.check_text(b"", final=True)
        return content.decode("utf-8")
