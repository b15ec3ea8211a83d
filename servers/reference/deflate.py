"""permessage-deflate (RFC 7692): messages that are compressed, one by one or each with the help of those before it.

zlib does the compression. What it cannot know, where a message ends and how much of it is too much, is done here.
"""

import zlib
from typing import NamedTuple

from asgi_conformance.servers.reference.frames import Failure

Parameters = list[tuple[bytes, bytes | None]]  # in their order; None for one without a value
Offer = tuple[bytes, Parameters]  # of an extension, by its name

NAME = b"permessage-deflate"
TAIL = b"\x00\x00\xff\xff"  # section 7.2.1: what the end of every compressed message goes without
WINDOW = 32768  # how far back a compressed message can refer (RFC 1951, section 2)
# Section 7.1: the parameters that there are, and their values. zlib compresses with no window as small as 2**8.
BITS: set[bytes | None] = {b"%d" % bits for bits in range(9, 16)}
VALUES: dict[bytes, set[bytes | None]] = {
    b"server_no_context_takeover": {None},
    b"client_no_context_takeover": {None},
    b"server_max_window_bits": BITS,
    b"client_max_window_bits": {None, b"8", *BITS},
}


class Agreement(NamedTuple):
    """What client and server have agreed on."""

    field: bytes  # how the server says so in Sec-WebSocket-Extensions
    server_bits: int
    client_bits: int
    server_takeover: bool  # a message can refer to those before it
    client_takeover: bool


def negotiate(offers: list[Offer]) -> Agreement | None:
    """The first offer that the server can accept (section 5), in the client's order of preference."""
    for name, parameters in offers:
        if name == NAME and is_acceptable(parameters):
            return agree(parameters)
    return None


def is_acceptable(parameters: Parameters) -> bool:
    """Section 7.1: an offer with an unknown parameter, an invalid value, or a parameter twice is declined."""
    names = [name for name, _ in parameters]
    return len(set(names)) == len(names) and all(value in VALUES.get(name, ()) for name, value in parameters)


def agree(parameters: Parameters) -> Agreement:
    """Everything that the client asks for (section 7.1). A hint without a value leaves nothing to answer."""
    answered = [(name, value) for name, value in parameters if (name, value) != (b"client_max_window_bits", None)]
    asked = dict(answered)
    return Agreement(
        b"; ".join([NAME, *(name if value is None else b"%b=%b" % (name, value) for name, value in answered)]),
        server_bits=int(asked.get(b"server_max_window_bits") or 15),
        client_bits=int(asked.get(b"client_max_window_bits") or 15),
        server_takeover=b"server_no_context_takeover" not in asked,
        client_takeover=b"client_no_context_takeover" not in asked,
    )


class Deflater:
    """Compresses the server's messages (section 7.2.1)."""

    def __init__(self, bits: int, takeover: bool) -> None:
        self.bits = bits
        self.takeover = takeover
        self.compressor = self.new_compressor()

    def new_compressor(self) -> "zlib._Compress":
        return zlib.compressobj(wbits=-self.bits)

    def deflate(self, message: bytes) -> bytes:
        if not message:
            return b"\x00"  # section 7.2.3.6; zlib says nothing the second time that it has nothing to say
        data = self.compressor.compress(message) + self.compressor.flush(zlib.Z_SYNC_FLUSH)
        if not self.takeover:
            self.compressor = self.new_compressor()
        return data.removesuffix(TAIL)


class Inflater:
    """Decompresses a client's messages (section 7.2.2), piece by piece, never more than there is room for."""

    def __init__(self, bits: int, takeover: bool) -> None:
        self.bits = bits
        self.takeover = takeover
        self.window = b""  # the last that has been decompressed
        self.decompressor = self.new_decompressor()

    def new_decompressor(self) -> "zlib._Decompress":
        return zlib.decompressobj(wbits=-self.bits, zdict=self.window)

    def inflate(self, data: bytes, room: int) -> bytes:
        """Raises Failure if `data` is no DEFLATE, or more than `room` bytes."""
        inflated = b""
        try:
            while data:
                if self.decompressor.eof:  # behind a final block there can be more (section 7.2.3.4)
                    self.decompressor = self.new_decompressor()
                new = self.decompressor.decompress(data, room + 1 - len(inflated))
                inflated += new
                self.check_size(inflated, room)
                self.window = (self.window + new)[-WINDOW:]
                data = self.decompressor.unused_data
        except zlib.error:
            raise Failure(1007, "a compressed message that is no DEFLATE data") from None
        return inflated

    def end_message(self, room: int) -> bytes:
        """What is left to decompress when all of a message has come."""
        if self.decompressor.eof:  # section 7.2.1, step 2: a block without content has to follow a final one
            raise Failure(1007, "a compressed message without its end")
        inflated = self.inflate(TAIL, room)
        if not self.takeover:
            self.window = b""
            self.decompressor = self.new_decompressor()
        return inflated

    def check_size(self, inflated: bytes, room: int) -> None:
        """A few bytes can stand for a thousand times as many."""
        if len(inflated) > room:
            raise Failure(1009, "a message that is too big")
