"""The plainest application: what an exchange costs without a probe."""

from typing import Any


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer every request with 204."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})
