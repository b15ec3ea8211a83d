"""TLS beneath a connection, and what the application is told of it (tls.rst)."""

from __future__ import annotations

import contextlib
import ssl
from typing import Any

import anyio
from anyio.abc import ByteStream

from asgi_conformance.servers.reference import alpn
from asgi_conformance.servers.reference.events import Scope
from asgi_conformance.servers.reference.sockets import Stream

PATIENCE = 10.0  # seconds that a client gets to shake hands
VERSIONS = {"TLSv1.2": 0x0303, "TLSv1.3": 0x0304}  # RFC 5246, appendix A.1; RFC 8446, section 4.1.2
PROTOCOLS = ["http/1.1"]
SECURE = {"http": "https", "ws": "wss"}
PIECE = 65536


class NoProtocol(Exception):
    """The client offers protocols, and none that is spoken here."""


class TLS:
    """What all connections share: the certificate, and whether clients have to show one."""

    def __init__(self, certfile: str, keyfile: str | None, cafile: str | None, client_certificates: str) -> None:
        """Raises OSError, of which ssl.SSLError is one, if a file cannot be used."""
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=cafile)
        self.context.load_cert_chain(certfile, keyfile)
        self.context.set_alpn_protocols(PROTOCOLS)
        self.context.verify_mode = getattr(ssl, f"CERT_{client_certificates.upper()}")
        self.server_cert = first_certificate(certfile)
        self.ciphers = {cipher["name"]: cipher["id"] & 0xFFFF for cipher in self.context.get_ciphers()}

    async def secure(self, stream: Stream) -> SecureStream | None:
        """The stream inside of TLS; None if the client does not manage to shake hands."""
        secured = SecureStream(stream, self)
        try:
            with anyio.fail_after(PATIENCE):
                await secured.shake_hands()
        except (TimeoutError, ssl.SSLError, NoProtocol, anyio.EndOfStream, anyio.BrokenResourceError):
            await secured.refuse()
            return None
        return secured

    def extension(self, connection: ssl.SSLObject) -> dict[str, Any]:
        """tls.rst, "TLS Connection Scope": the same for every request on a connection."""
        chain = client_chain(connection)
        return {
            "server_cert": self.server_cert,
            "client_cert_chain": [ssl.DER_cert_to_PEM_cert(der) for der in chain],
            "client_cert_name": distinguished_name(chain[0]) if chain else None,
            "client_cert_error": None,  # a client whose certificate does not stand verification is rejected
            "tls_version": VERSIONS[str(connection.version())],
            "cipher_suite": self.cipher_suite(connection),
        }

    def cipher_suite(self, connection: ssl.SSLObject) -> int | None:
        cipher = connection.cipher()
        return self.ciphers.get(cipher[0]) if cipher is not None else None


def first_certificate(path: str) -> str:
    """The server's own certificate, PEM, without the key and the chain that may be in the same file."""
    with open(path, encoding="ascii") as file:
        text = file.read()
    start, end = text.index("-----BEGIN CERTIFICATE-----"), text.index("-----END CERTIFICATE-----")
    return text[start:end] + "-----END CERTIFICATE-----\n"


def client_chain(connection: ssl.SSLObject) -> list[bytes]:
    """What the client sent, in its order, DER; of a session that was resumed only the client's own is known.

    Before Python 3.13 there is no public way to more than that.
    """
    own = connection.getpeercert(binary_form=True)
    return [] if own is None else sent_chain(connection) or [own]


def sent_chain(connection: ssl.SSLObject) -> list[bytes]:
    if hasattr(connection, "get_unverified_chain"):
        return [*(connection.get_unverified_chain() or ())]
    chain = connection._sslobj.get_unverified_chain() or ()  # type: ignore[attr-defined]
    return [ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in chain]


def distinguished_name(der: bytes) -> str:
    """RFC 4514: the subject as one string."""
    from cryptography import x509  # slow to import, and needed only where a client shows a certificate

    return x509.load_der_x509_certificate(der).subject.rfc4514_string()


def describe(scope: Scope, stream: Any) -> None:
    """tls.rst, "When to use this extension": only on connections that are over TLS."""
    if isinstance(stream, SecureStream):
        scope["scheme"] = SECURE[scope["scheme"]]
        scope["extensions"]["tls"] = stream.tls.extension(stream.connection)


class SecureStream(ByteStream):
    """TLS over a stream: the bytes between the two go through a pair of buffers."""

    def __init__(self, stream: Stream, tls: TLS) -> None:
        self.stream, self.tls = stream, tls
        self.remote, self.local = stream.remote, stream.local
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.connection = tls.context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._flushing = anyio.Lock()
        self._hello: bytes | None = b""  # what has come of it, until it is known what protocols the client offers
        self._ended = False

    async def shake_hands(self) -> None:
        """Raises what is wrong with the client's end of it."""
        while True:
            try:
                self.connection.do_handshake()
            except ssl.SSLWantReadError:
                await self.flush()
                await self.feed()
            else:
                await self.flush()
                return

    def look_for_protocols(self, data: bytes) -> None:
        """RFC 7301, section 3.2: a client that offers no protocol which is spoken here is refused."""
        if self._hello is None:
            return
        self._hello += data
        offered = alpn.offered(self._hello)
        if offered is None:
            return
        self._hello = None
        if offered and not {name.encode() for name in PROTOCOLS} & {*offered}:
            self._outgoing.write(alpn.NO_APPLICATION_PROTOCOL)
            raise NoProtocol

    async def refuse(self) -> None:
        """An alert, if there is one to send, and the end."""
        with anyio.move_on_after(1.0):
            try:
                await self.flush()
                await self.stream.send_eof()
                while True:
                    await self.stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                pass
        await self.stream.aclose()

    async def flush(self) -> None:
        async with self._flushing:
            while data := self._outgoing.read():
                await self.stream.send(data)

    async def feed(self) -> None:
        try:
            data = await self.stream.receive()
        except anyio.EndOfStream:
            self._incoming.write_eof()
            return
        self.look_for_protocols(data)
        self._incoming.write(data)

    async def receive(self, max_bytes: int = PIECE) -> bytes:
        """Raises EndOfStream after close_notify, and BrokenResourceError after an end without (RFC 8446, section 6.1)."""
        while not self._ended:
            try:
                data = self.connection.read(max_bytes)
            except ssl.SSLWantReadError:
                await self.flush()
                await self.feed()
            except ssl.SSLZeroReturnError:
                break
            except ssl.SSLError as error:
                raise anyio.BrokenResourceError from error
            else:
                if data:
                    return data
                break
        if self._ended:  # nothing is written any more, and what comes is of no interest
            return await self.stream.receive(max_bytes)
        raise anyio.EndOfStream

    async def send(self, item: bytes) -> None:
        try:
            for start in range(0, len(item), PIECE):
                self.connection.write(item[start : start + PIECE])
                await self.flush()
        except ssl.SSLError as error:
            raise anyio.BrokenResourceError from error

    async def send_eof(self) -> None:
        """close_notify, and then the end of the stream beneath."""
        if self._ended:
            return
        self._ended = True
        with contextlib.suppress(ssl.SSLError):  # the client has not said close_notify yet
            self.connection.unwrap()
        try:
            await self.flush()
        except anyio.BrokenResourceError:
            return
        await self.stream.send_eof()

    async def aclose(self) -> None:
        await self.stream.aclose()

    def reset(self) -> None:
        self.stream.reset()
