"""What a client offers by ALPN (RFC 7301), which CPython's ssl module does not tell: read from its ClientHello."""

from __future__ import annotations

HANDSHAKE, CLIENT_HELLO, ALPN = 22, 1, 16  # RFC 8446, sections 5.1 and 4; RFC 7301, section 3.1
NO_APPLICATION_PROTOCOL = bytes([21, 3, 3, 0, 2, 2, 120])  # a record with a fatal alert (RFC 7301, section 3.2)


class Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        """Raises IndexError if there are not so many octets."""
        if self.at + count > len(self.data):
            raise IndexError
        self.at += count
        return self.data[self.at - count : self.at]

    def vector(self, size: int) -> bytes:
        """What stands behind its own length, a number of `size` octets (RFC 8446, section 3.4)."""
        return self.take(int.from_bytes(self.take(size), "big"))


def offered(received: bytes) -> list[bytes] | None:
    """The protocols that a client offers with the first octets of its handshake; None if there are too few of them."""
    try:
        message = Reader(b"".join(fragments(Reader(received))))
        kind, content = message.take(1), message.vector(3)
    except IndexError:
        return None
    if kind != bytes([CLIENT_HELLO]):
        return []
    try:
        return protocols(Reader(content))
    except IndexError:
        return []  # whatever it is, OpenSSL will refuse it


def fragments(records: Reader) -> list[bytes]:
    """A message may be cut into several records, of which the last may not be there yet."""
    found = []
    while records.at < len(records.data):
        kind, _version = records.take(1), records.take(2)
        if kind != bytes([HANDSHAKE]):
            return [bytes(4)]  # no message at all
        found.append(records.vector(2))
    return found


def protocols(hello: Reader) -> list[bytes]:
    """RFC 8446, section 4.1.2: version and random, session, suites, compression; and then the extensions."""
    hello.take(2 + 32)
    for size in (1, 2, 1):
        hello.vector(size)
    extensions = Reader(hello.vector(2))
    while extensions.at < len(extensions.data):
        kind, content = int.from_bytes(extensions.take(2), "big"), Reader(extensions.vector(2))
        if kind == ALPN:
            names = Reader(content.vector(2))
            found = []
            while names.at < len(names.data):
                found.append(names.vector(1))
            return found
    return []
