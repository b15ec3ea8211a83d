"""Forwarded headers: what a proxy in front of the server says of the client. No specification has them; proxies do."""

from asgi_conformance.servers.reference.events import Scope

SCHEMES = {"http": ("http", "ws"), "https": ("https", "wss"), "ws": ("http", "ws"), "wss": ("https", "wss")}


class Proxies:
    """Only a peer at one of the `trusted` addresses is believed."""

    def __init__(self, trusted: str = "") -> None:
        self.trusted = frozenset(address.strip() for address in trusted.split(",")) - {""}

    def apply(self, scope: Scope) -> None:
        """Put what the headers of a trusted peer say into the scope."""
        if scope["client"] is None or not self.trusts(scope["client"][0]):
            return
        addresses = values(scope, b"x-forwarded-for")
        if addresses:
            scope["client"] = [self.client(addresses), 0]
        schemes = values(scope, b"x-forwarded-proto")
        if schemes and schemes[-1] in SCHEMES:
            scope["scheme"] = SCHEMES[schemes[-1]][scope["type"] == "websocket"]

    def trusts(self, address: str) -> bool:
        return address in self.trusted

    def client(self, addresses: list[str]) -> str:
        """Each proxy appends the peer that it has seen, so the last that is no proxy is the client."""
        return next((address for address in reversed(addresses) if not self.trusts(address)), addresses[0])


def values(scope: Scope, name: bytes) -> list[str]:
    """The comma-separated values of all header fields of this name."""
    joined = b",".join(value for key, value in scope["headers"] if key == name).decode("latin-1")
    return [value for value in (part.strip() for part in joined.split(",")) if value]
