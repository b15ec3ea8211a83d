"""Faults in what the application is told of TLS, and in how connections over TLS begin and end."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio

from asgi_conformance.servers.reference import alpn
from asgi_conformance.servers.reference import tls as real
from asgi_conformance.servers.reference.call import Call
from asgi_conformance.servers.reference.events import Application, Message, Receive, Scope, Send
from asgi_conformance.servers.reference.faults.registry import fault, server_fault
from asgi_conformance.servers.reference.sockets import Stream
from asgi_conformance.servers.reference.tls import TLS, SecureStream

Entries = dict[str, Any]
SCHEME = ("http.scope.scheme.*", "websocket.scope.scheme.*")
CHAIN = (
    "tls.client-cert-chain.*",
    *(f"tls.client-cert-name.{rule}" for rule in ("with-chain", "consistent", "unable", "without-chain")),
)
NAME = ("tls.client-cert-name.*",)
NO_CHECK_TIME = 0x200000  # OpenSSL's X509_V_FLAG_NO_CHECK_TIME


def entries_fault(name: str, breaks: str, *also: str) -> Callable[[Callable[[Entries, Any], Any]], None]:
    """Declare a function that changes the entries of the extension, given the connection, or returns others."""

    def declare(change: Callable[[Entries, Any], Any]) -> None:
        def replace() -> None:
            original = TLS.extension

            def extension(self: TLS, connection: ssl.SSLObject) -> Any:
                entries = original(self, connection)
                changed = change(entries, connection)
                return entries if changed is None else changed

            TLS.extension = extension  # type: ignore[method-assign]

        server_fault(name, breaks, *also, suite="tls")(replace)

    return declare


def scope_fault(name: str, breaks: str, *also: str) -> Callable[[Callable[[Scope, Any], None]], None]:
    """Declare a function that changes a scope, given the stream of its connection, after TLS has been described."""

    def declare(change: Callable[[Scope, Any], None]) -> None:
        def replace() -> None:
            original = real.describe

            def describe(scope: Scope, stream: Any) -> None:
                original(scope, stream)
                change(scope, stream)

            real.describe = describe

        server_fault(name, breaks, *also, suite="tls")(replace)

    return declare


def secured(stream: Any) -> bool:
    return isinstance(stream, SecureStream)


# --- where the extension is -------------------------------------------------------------------------------------------


@scope_fault("tls-told-in-clear", "tls.presence.not-in-clear", "tls.presence.only-tls")
def _(scope: Scope, stream: Any) -> None:
    if not secured(stream):
        scope["extensions"]["tls"] = {"server_cert": None, "tls_version": None, "cipher_suite": None}


def left_out(name: str, when: Callable[[SecureStream], bool]) -> None:
    """Declare the fault of leaving the extension out of some scopes."""

    @scope_fault(f"tls-left-out-{name}", "tls.presence.every-request", "tls.base.*")
    def _(scope: Scope, stream: Any) -> None:
        if secured(stream) and when(stream):
            del scope["extensions"]["tls"]


def seen_before(stream: Any) -> bool:
    before = hasattr(stream, "seen")
    stream.seen = True
    return before


left_out("of-later-requests", seen_before)
left_out("over-1.2", lambda stream: stream.connection.version() == "TLSv1.2")
left_out("over-1.3", lambda stream: stream.connection.version() == "TLSv1.3")
left_out("over-resumed-sessions", lambda stream: bool(stream.connection.session_reused))
left_out("with-a-certificate", lambda stream: stream.connection.getpeercert(binary_form=True) is not None)


@scope_fault("tls-left-out-for-websocket", "tls.base.websocket")
def _(scope: Scope, stream: Any) -> None:
    if secured(stream) and scope["type"] == "websocket":
        del scope["extensions"]["tls"]


@scope_fault("scheme-in-clear-over-tls", "http.scope.scheme.value", *SCHEME)
def _(scope: Scope, stream: Any) -> None:
    if secured(stream) and scope["type"] == "http":
        scope["scheme"] = "http"


@scope_fault("scheme-in-clear-over-tls-for-websocket", "websocket.scope.scheme.value", *SCHEME)
def _(scope: Scope, stream: Any) -> None:
    if secured(stream) and scope["type"] == "websocket":
        scope["scheme"] = "ws"


@scope_fault("method-missing-over-tls", "tls.base.http")
def _(scope: Scope, stream: Any) -> None:
    if secured(stream):
        scope.pop("method", None)


@scope_fault("type-of-its-own-over-tls", "tls.base.extension")
def _(scope: Scope, stream: Any) -> None:
    if secured(stream) and scope["type"] == "http":
        scope["type"] = "https"


@fault(
    "event-of-its-own-over-tls",
    "tls.events",
    *("rfc8446.records.split", "rfc8446.closure.*", "http.disconnect.*"),
    suite="tls",
)
def _(application: Application) -> Application:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        told = scope["type"] != "http" or "tls" not in scope["extensions"]

        async def telling() -> Message:
            nonlocal told
            if told:
                return await receive()
            told = True
            return {"type": "tls.connected"}

        await application(scope, telling, send)

    return faulty


@entries_fault("extension-of-pairs", "tls.extension.is-dict", "tls.*")
def _(entries: Entries, connection: Any) -> Any:
    return [[*pair] for pair in entries.items()]


# --- the server's certificate -----------------------------------------------------------------------------------------


def missing(name: str, key: str) -> None:
    """Declare the fault of leaving out an entry that is mandatory."""

    @entries_fault(f"{name}-missing", f"tls.{name}.present", f"tls.{name}.*", "tls.cipher-suite.fits-version")
    def _(entries: Entries, connection: Any) -> None:
        del entries[key]


missing("server-cert", "server_cert")
missing("tls-version", "tls_version")
missing("cipher-suite", "cipher_suite")


@entries_fault("server-cert-bytes", "tls.server-cert.type", "tls.server-cert.*")
def _(entries: Entries, connection: Any) -> None:
    entries["server_cert"] = entries["server_cert"].encode("ascii")


@entries_fault("server-cert-without-its-frame", "tls.server-cert.pem", "tls.server-cert.*")
def _(entries: Entries, connection: Any) -> None:
    entries["server_cert"] = "".join(entries["server_cert"].splitlines()[1:-1])


@entries_fault("server-cert-of-another", "tls.server-cert.value")
def _(entries: Entries, connection: Any) -> None:
    entries["server_cert"] = anybody()


@entries_fault("server-cert-with-its-key", "tls.server-cert.alone")
def _(entries: Entries, connection: Any) -> None:
    entries["server_cert"] += "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"


def anybody() -> str:
    """A certificate that has nothing to do with anything, PEM."""
    import trustme

    return str(trustme.CA().cert_pem.bytes().decode("ascii"))


# --- the client's chain -----------------------------------------------------------------------------------------------


def chain_fault(name: str, breaks: str, *also: str) -> Callable[[Callable[[list[str]], Any]], None]:
    """Declare a function from the chain to what is told in its place."""

    def declare(change: Callable[[list[str]], Any]) -> None:
        @entries_fault(name, breaks, *also)
        def _(entries: Entries, connection: Any) -> None:
            entries["client_cert_chain"] = change(entries["client_cert_chain"])

    return declare


@chain_fault("chain-in-one-text", "tls.client-cert-chain.type", *CHAIN)
def _(chain: list[str]) -> Any:
    return "".join(chain)


@chain_fault("chain-of-der", "tls.client-cert-chain.pem", *CHAIN)
def _(chain: list[str]) -> Any:
    return [ssl.PEM_cert_to_DER_cert(certificate) for certificate in chain]


@chain_fault("chain-from-the-root-down", "tls.client-cert-chain.first", *CHAIN)
def _(chain: list[str]) -> Any:
    return chain[::-1]


@chain_fault("chain-without-the-client", "tls.client-cert-chain.first", *CHAIN)
def _(chain: list[str]) -> Any:
    return chain[1:]


@chain_fault("chain-with-another", "tls.client-cert-chain.sent-by-client", "tls.client-cert-chain.order")
def _(chain: list[str]) -> Any:
    return [*chain, anybody()] if chain else []


@chain_fault("chain-twice-the-client", "tls.client-cert-chain.order")
def _(chain: list[str]) -> Any:
    return [*chain[:1], *chain]


@chain_fault("chain-without-a-certificate", "tls.client-cert-chain.not-provided", "tls.client-cert-name.with-chain")
def _(chain: list[str]) -> Any:
    return chain or [anybody()]


@entries_fault("chain-of-the-session-s-first-client", "tls.client-cert-chain.first", *CHAIN)
def _(entries: Entries, connection: Any) -> None:
    if connection.session_reused and entries["client_cert_chain"]:
        entries["client_cert_chain"] = [anybody()]


# --- the client's name ------------------------------------------------------------------------------------------------


def name_fault(name: str, breaks: str, *also: str) -> Callable[[Callable[[str, list[str]], Any]], None]:
    """Declare a function from the client's name, and its chain, to what is told in its place."""

    def declare(change: Callable[[str, list[str]], Any]) -> None:
        @entries_fault(name, breaks, *also)
        def _(entries: Entries, connection: Any) -> None:
            if entries["client_cert_name"] is not None:
                entries["client_cert_name"] = change(entries["client_cert_name"], entries["client_cert_chain"])

    return declare


@entries_fault("name-bytes", "tls.client-cert-name.type", *NAME)
def _(entries: Entries, connection: Any) -> None:
    entries["client_cert_name"] = (entries["client_cert_name"] or "").encode()


@name_fault("name-of-the-issuer", "tls.client-cert-name.value", *NAME)
def _(name: str, chain: list[str]) -> Any:
    from cryptography import x509

    return x509.load_pem_x509_certificate(chain[0].encode("ascii")).issuer.rfc4514_string()


@name_fault("name-with-slashes", "tls.client-cert-name.rfc4514", *NAME)
def _(name: str, chain: list[str]) -> Any:
    return "/" + "/".join(reversed(name.split(",")))


@name_fault("name-without-escapes", "tls.client-cert-name.rfc4514", *NAME)
def _(name: str, chain: list[str]) -> Any:
    return name.replace("\\", "")


@name_fault("name-of-the-first-client", "tls.client-cert-name.value", *NAME)
def _(name: str, chain: list[str]) -> Any:
    return FIRST.setdefault("name", name)


FIRST: dict[str, str] = {}


@entries_fault("name-missing-with-a-chain", "tls.client-cert-name.with-chain")
def _(entries: Entries, connection: Any) -> None:
    entries["client_cert_name"] = None


@entries_fault("name-empty-without-a-certificate", "tls.client-cert-name.not-provided")
def _(entries: Entries, connection: Any) -> None:
    if not entries["client_cert_chain"]:
        entries["client_cert_name"] = ""


# --- verification -----------------------------------------------------------------------------------------------------


@entries_fault("error-a-number", "tls.client-cert-error.type", "tls.client-cert-error.*")
def _(entries: Entries, connection: Any) -> None:
    entries["client_cert_error"] = 0


@entries_fault("error-says-ok", "tls.client-cert-error.verified")
def _(entries: Entries, connection: Any) -> None:
    if entries["client_cert_chain"]:
        entries["client_cert_error"] = "ok"


@entries_fault("error-without-a-certificate", "tls.client-cert-error.not-provided")
def _(entries: Entries, connection: Any) -> None:
    if not entries["client_cert_chain"]:
        entries["client_cert_error"] = "no certificate"


def context_fault(name: str, breaks: str, *also: str) -> Callable[[Callable[[ssl.SSLContext, str | None], None]], None]:
    """Declare a function that changes the server's context, given the file of the authorities it was told of."""

    def declare(change: Callable[[ssl.SSLContext, str | None], None]) -> None:
        def replace() -> None:
            original = TLS.__init__

            def init(
                self: TLS, certfile: str, keyfile: str | None, cafile: str | None, client_certificates: str
            ) -> None:
                original(self, certfile, keyfile, cafile, client_certificates)
                change(self.context, cafile)

            TLS.__init__ = init  # type: ignore[method-assign]

        server_fault(name, breaks, *also, suite="tls")(replace)

    return declare


@context_fault("certificates-of-any-time", "tls.client-cert-error.failed", "rfc8446.error.closes")
def _(context: ssl.SSLContext, cafile: str | None) -> None:
    context.verify_flags = ssl.VerifyFlags(context.verify_flags | NO_CHECK_TIME)


@context_fault("certificates-of-strangers", "tls.client-cert-error.failed", "rfc8446.error.closes")
def _(context: ssl.SSLContext, cafile: str | None) -> None:
    if cafile is not None:
        context.load_verify_locations(Path(cafile).with_name("stranger.pem"))


@context_fault("certificates-not-asked-for", "rfc8446.error.closes")
def _(context: ssl.SSLContext, cafile: str | None) -> None:
    context.verify_mode = ssl.CERT_NONE


# --- version and suite ------------------------------------------------------------------------------------------------


def constant(name: str, breaks: str, key: str, value: Any, *also: str) -> None:
    """Declare the fault of telling the same of every connection."""

    @entries_fault(name, breaks, *also)
    def _(entries: Entries, connection: Any) -> None:
        entries[key] = value


VERSION = ("tls.tls-version.*", "tls.cipher-suite.fits-version")
SUITE = ("tls.cipher-suite.*",)
constant("version-in-words", "tls.tls-version.type", "tls_version", "TLSv1.3", *VERSION)
constant("version-a-decimal", "tls.tls-version.number", "tls_version", 13, *VERSION)
constant("version-always-1.2", "tls.tls-version.in-use", "tls_version", 0x0303, *VERSION)
constant("version-always-1.3", "tls.tls-version.in-use", "tls_version", 0x0304, *VERSION)
constant("suite-always-of-1.3", "tls.cipher-suite.in-use", "cipher_suite", 0x1301, *SUITE)
constant("suite-always-of-1.2", "tls.cipher-suite.in-use", "cipher_suite", 0xC02B, *SUITE)


@entries_fault("suite-in-words", "tls.cipher-suite.type", *SUITE)
def _(entries: Entries, connection: Any) -> None:
    entries["cipher_suite"] = connection.cipher()[0]


@entries_fault("suite-as-openssl-has-it", "tls.cipher-suite.encoding", *SUITE)
def _(entries: Entries, connection: Any) -> None:
    entries["cipher_suite"] |= 0x03000000


constant("suite-fits-1.2-only", "tls.cipher-suite.fits-version", "cipher_suite", 0xC02C, *SUITE)
constant("suite-fits-1.3-only", "tls.cipher-suite.fits-version", "cipher_suite", 0x1302, *SUITE)


# --- records, and the end ---------------------------------------------------------------------------------------------


def reading_fault(name: str, breaks: str, *also: str) -> Callable[[Callable[[SecureStream, bytes], Any]], None]:
    """Declare a coroutine function from each piece of data that comes over TLS to what is read in its place.

    It is given b"" for close_notify.
    """

    def declare(change: Callable[[SecureStream, bytes], Any]) -> None:
        def replace() -> None:
            original = SecureStream.receive

            async def receive(self: SecureStream, max_bytes: int = real.PIECE) -> bytes:
                try:
                    data = await original(self, max_bytes)
                except anyio.EndOfStream:
                    changed = await change(self, b"")
                    if not changed:
                        raise
                else:
                    changed = await change(self, data)
                return bytes(changed)

            SecureStream.receive = receive  # type: ignore[method-assign]

        server_fault(name, breaks, *also, suite="tls")(replace)

    return declare


@reading_fault(
    "record-is-cut", "rfc8446.records.split", "rfc8446.closure.*", "websocket.*", "tls.base.*", "http.disconnect.*"
)
async def _(stream: SecureStream, data: bytes) -> bytes:
    return data[:64]


@reading_fault("small-records-are-lost", "rfc8446.records.split")
async def _(stream: SecureStream, data: bytes) -> bytes:
    while 0 < len(data) < 10:
        data = await stream.receive()
    return data


@server_fault(
    "handshake-in-few-packets", "process.tls.stalled-handshake", "rfc8446.records.split", "tls.*", suite="tls"
)
def _() -> None:
    original, most = SecureStream.shake_hands, 12

    async def shake_hands(self: SecureStream) -> None:
        receive, count = self.stream.receive, 0

        async def counting(max_bytes: int = real.PIECE) -> bytes:
            nonlocal count
            count += 1
            if count > most:
                raise anyio.BrokenResourceError
            return await receive(max_bytes)

        self.stream.receive = counting  # type: ignore[method-assign]
        await original(self)
        self.stream.receive = receive  # type: ignore[method-assign]

    SecureStream.shake_hands = shake_hands  # type: ignore[method-assign]


@server_fault("end-without-close-notify", "rfc8446.closure.announced", suite="tls")
def _() -> None:
    async def send_eof(self: SecureStream) -> None:
        self._ended = True
        await self.stream.send_eof()

    SecureStream.send_eof = send_eof  # type: ignore[method-assign]


@fault(
    "cut-request-is-whole",
    "rfc8446.closure.truncation",
    *("rfc8446.closure.end-of-data", "http.disconnect.*", "rfc9112.incomplete.*"),
    suite="tls",
)
def _(application: Application) -> Application:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        async def whole() -> Message:
            event = await receive()
            if event["type"] == "http.disconnect":
                return {"type": "http.request", "body": b"", "more_body": False}
            return event

        await application(scope, whole if scope["type"] == "http" else receive, send)

    return faulty


@reading_fault("close-notify-is-waited-out", "rfc8446.closure.end-of-data", "tls.events", "process.tls.*")
async def _(stream: SecureStream, data: bytes) -> bytes:
    if not data:
        await anyio.sleep_forever()
    return data


@reading_fault("read-on-after-close-notify", "rfc8446.closure.ignored", "rfc8446.closure.end-of-data")
async def _(stream: SecureStream, data: bytes) -> bytes:
    return data or stream._incoming.read() or await stream.stream.receive()


def errors_waited_out() -> None:
    original = SecureStream.receive

    async def receive(self: SecureStream, max_bytes: int = real.PIECE) -> bytes:
        try:
            return await original(self, max_bytes)
        except anyio.BrokenResourceError as broken:
            if isinstance(broken.__cause__, ssl.SSLError):
                await anyio.sleep_forever()
            raise

    SecureStream.receive = receive  # type: ignore[method-assign]


server_fault(
    "errors-are-waited-out",
    "rfc8446.error.closes",
    *("http.disconnect.*", "rfc8446.closure.*"),
    suite="tls",
)(errors_waited_out)


# --- handshakes -------------------------------------------------------------------------------------------------------


@server_fault(
    "failed-handshake-is-left-open",
    "rfc8446.error.closes",
    "rfc7301.selection.*",
    "tls.client-cert-error.*",
    suite="tls",
)
def _() -> None:
    async def refuse(self: SecureStream) -> None:
        await anyio.sleep_forever()

    SecureStream.refuse = refuse  # type: ignore[method-assign]


@server_fault("handshakes-one-at-a-time", "process.tls.stalled-handshake", "process.tls.*", suite="tls")
def _() -> None:
    original = TLS.secure
    locks: list[anyio.Lock] = []

    async def secure(self: TLS, stream: Stream) -> SecureStream | None:
        locks.append(anyio.Lock())
        async with locks[0]:
            return await original(self, stream)

    TLS.secure = secure  # type: ignore[method-assign]


@server_fault(
    "left-handshake-is-the-last", "process.tls.left-handshake", "process.tls.*", "rfc8446.error.closes", suite="tls"
)
def _() -> None:
    original = TLS.secure
    left: list[Stream] = []

    async def secure(self: TLS, stream: Stream) -> SecureStream | None:
        if left:
            await anyio.sleep_forever()
        found = await original(self, stream)
        if found is None:
            left.append(stream)
        return found

    TLS.secure = secure  # type: ignore[method-assign]


def spoken(protocols: list[str]) -> None:
    real.PROTOCOLS = protocols


server_fault("selects-what-it-does-not-speak", "rfc7301.selection.definitive", "rfc7301.selection.*", suite="tls")(
    lambda: spoken(["h2", "http/1.1"])
)
server_fault("selects-h2-only", "rfc7301.selection.preferred", "rfc7301.selection.*", suite="tls")(
    lambda: spoken(["h2"])
)


@server_fault("speaks-h2-after-http-1.1", "rfc7301.selection.definitive", "rfc7301.selection.*", suite="tls")
def _() -> None:
    original = Call.call_application

    async def call_application(self: Call) -> None:
        if secured(self.channel.stream) and self.channel.stream.connection.selected_alpn_protocol():  # type: ignore[union-attr]
            self.channel.write(bytes(3) + b"\x04" + bytes(5))
        await original(self)

    Call.call_application = call_application  # type: ignore[method-assign]


@server_fault("no-protocol-is-no-matter", "rfc7301.selection.none", suite="tls")
def _() -> None:
    def offered(received: bytes) -> list[bytes]:
        return []

    alpn.offered = offered
