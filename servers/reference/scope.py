"""The connection scopes (www.rst): what an application is told of a request."""

import re
from typing import Any

import h11

from asgi_conformance.servers.reference.events import Scope

ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
ABSOLUTE_FORM = re.compile(rb"\A([A-Za-z][A-Za-z0-9+.-]*)://([^/?]*)")  # RFC 9112, section 3.2.2


def build(request: h11.Request, client: list[Any] | None, server: list[Any], root_path: str, state: Scope) -> Scope:
    """www.rst, "HTTP Connection Scope": nothing in it is shared with another but the values in `state`."""
    raw_path, query_string = split_target(request.target)
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": http_version(request),
        "method": request.method.decode("ascii").upper(),
        "scheme": "http",
        "path": decode_path(raw_path, root_path),
        "raw_path": raw_path,
        "query_string": query_string,
        "root_path": root_path,
        "headers": header_list(request),
        "client": client and [*client],  # None on a Unix socket, where the remote end has no address
        "server": [*server],
        "state": {**state},  # lifespan.rst, "Lifespan State": a shallow copy
        "extensions": {},
    }


def build_websocket(
    request: h11.Request,
    client: list[Any] | None,
    server: list[Any],
    root_path: str,
    state: Scope,
    subprotocols: list[str],
) -> Scope:
    """www.rst, "Websocket Connection Scope": all that an HTTP request has, but for the method."""
    built = build(request, client, server, root_path, state)
    del built["method"]
    return {
        **built,
        "type": "websocket",
        "scheme": "ws",
        "subprotocols": [*subprotocols],
        "extensions": {"websocket.http.response": {}},  # extensions.rst, "Websocket Denial Response"
    }


def http_version(request: h11.Request) -> str:
    """A higher minor version is treated as the highest that is supported (RFC 9110, section 2.5)."""
    return "1.0" if request.http_version == b"1.0" else "1.1"


def split_target(target: bytes) -> tuple[bytes, bytes]:
    """`raw_path`, unmodified and without the query string, and `query_string`, percent-encoded as it came."""
    path, _, query_string = target.partition(b"?")
    return ABSOLUTE_FORM.sub(b"", path) if not path.startswith(b"/") else path, query_string


def decode_path(raw_path: bytes, root_path: str) -> str:
    """`path`: percent-decoded, then decoded from UTF-8; bytes that are not UTF-8 become U+FFFD.

    It includes `root_path` (www.rst, "WSGI Compatibility": PATH_INFO is `path` with `root_path` stripped).
    The option stands for a prefix that a proxy in front has taken off, so it is put back.
    """
    if raw_path == b"*":  # OPTIONS * is about the server, not about a path (RFC 9112, section 3.2.4)
        return "*"
    decoded = ESCAPE.sub(lambda escape: bytes.fromhex(escape[1].decode("ascii")), raw_path or b"/")
    return root_path + decoded.decode("utf-8", "replace")


def header_list(request: h11.Request) -> list[list[bytes]]:
    """`headers`: [name, value] lists, names in lower case, order and duplicates as received.

    Only for a target in absolute form, the target's authority takes the place of Host (RFC 9112, section 3.2.2).
    """
    headers = [[bytes(name), bytes(value)] for name, value in request.headers]
    absolute = ABSOLUTE_FORM.match(request.target)
    if absolute is None:
        return headers
    return [[b"host", absolute[2]], *(header for header in headers if header[0] != b"host")]
