"""Applications of FastAPI and Starlette, as users write them, under the server; httpx and websockets before it."""

import asyncio
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from asgi_conformance.fixtures.checks import Broken, case, inapplicable, requires
from asgi_conformance.fixtures.libraries import httpx_client, websockets_client
from asgi_conformance.fixtures.process import Process
from asgi_conformance.fixtures.timing import DEADLINE, seconds

APPLICATIONS = Path(__file__).parent / "applications"
FRAMEWORKS = ("fastapi", "starlette")


def frameworks(**options: Any) -> Iterable[Any]:
    """Return a row for each framework, whose application the server is launched with."""
    return [
        case(name, name, options={"application": source(name), "named": "served:app", **options}) for name in FRAMEWORKS
    ]


def source(framework: str) -> str:
    """Return the source of the application of a framework."""
    return (APPLICATIONS / f"with_{framework}.py").read_text(encoding="utf-8")


each = pytest.mark.parametrize("framework", frameworks(shared=True))


async def serving(process: Process, framework: str) -> None:
    """Wait until the application is served; ``inapplicable`` where the framework is not installed beside the server."""
    __tracebackhide__ = True
    try:
        await process.serving()
    except Broken:
        if re.search(f"No module named '?({framework}|anyio)", process.log):  # which a framework brings with it
            inapplicable(f"{framework} is not installed beside the server: install it where the server is")
        raise


ITEM = {"name": "ünïcode, 世界, 😀", "values": [1.5, -0.25, None, 1e300], "tags": {"a": "b", "": "\n"}}


@each
@pytest.mark.parametrize("item", [case("small", ITEM), case("large", {**ITEM, "values": [0.5] * 60_000})])
@requires("interop.json")
async def test_json_there_and_back(process: Process, framework: str, item: dict[str, Any]) -> None:
    """An endpoint gets the JSON, the path and the query that httpx sends, and httpx its answer, three times over."""
    await serving(process, framework)
    async with httpx_client(process) as client:
        for number in range(3):
            response = await client.post(f"/items/{number}", params={"note": "ä & b"}, json=item)
            assert response.status_code == 200
            assert response.json() == {"number": number, "note": "ä & b", "item": item}


@each
@requires("interop.streaming")
async def test_streaming_response(process: Process, framework: str) -> None:
    """httpx has the first piece of a streamed response before the endpoint, which waits for it, sends the last."""
    await serving(process, framework)
    async with httpx_client(process) as client, client.stream("GET", "/stream/one") as response:
        assert response.status_code == 200
        pieces = response.aiter_bytes()
        assert await anext(pieces) == b"first"
        assert (await client.post("/stream/one")).status_code == 200
        assert b"".join([piece async for piece in pieces]) == b" and last"


TEXTS = ["hello", "ünïcode, 世界, 😀", "", "x" * 100_000]


@each
@requires("interop.websocket")
async def test_websocket_echo(process: Process, framework: str) -> None:
    """What websockets sends comes back from an endpoint, as text and as bytes, and the subprotocol is agreed on."""
    await serving(process, framework)
    async with websockets_client(process, "/echo/messages", "other", "echo") as connection:
        assert connection.subprotocol == "echo"
        for text in TEXTS:
            await connection.send(text)
            assert await received(connection) == text
            assert await received(connection) == text.encode()


async def received(connection: Any) -> str | bytes:
    """Wait for the next message."""
    __tracebackhide__ = True
    try:
        message: str | bytes = await asyncio.wait_for(connection.recv(), seconds())
    except asyncio.TimeoutError:
        raise Broken("websockets got no message") from None
    return message


@each
@requires("interop.websocket.closing")
async def test_endpoint_closes(process: Process, framework: str) -> None:
    """The code and the reason with which an endpoint closes a WebSocket are what websockets says."""
    await serving(process, framework)
    async with websockets_client(process, "/echo/closing") as connection:
        await connection.send("close")
        await asyncio.wait_for(connection.wait_closed(), seconds())
        assert (connection.close_code, connection.close_reason) == (4000, "as asked")


@each
@requires("interop.websocket.closing")
async def test_client_closes(process: Process, framework: str) -> None:
    """The code with which websockets closes a WebSocket is in the endpoint's exception."""
    await serving(process, framework)
    async with websockets_client(process, "/echo/closed") as connection:
        await connection.close(4001)
    async with httpx_client(process) as client:
        response = await client.get("/echo/closed")
        assert (response.status_code, response.text) == (200, "4001")


@pytest.mark.parametrize("framework", frameworks())
@requires("interop.lifespan")
async def test_lifespan_context(process: Process, framework: str) -> None:
    """What the context of the lifespan has prepared is there for a request, and the context is left at SIGTERM."""
    process.needs_lifespan()
    await serving(process, framework)
    async with httpx_client(process) as client:
        response = await client.get("/prepared")
        assert (response.status_code, response.json()) == (200, True)
    process.signal()
    await process.ended(4 * DEADLINE)
    assert "the context of the lifespan is left" in process.log


@each
@requires("interop.threads")
async def test_blocking_endpoint(process: Process, framework: str) -> None:
    """While an endpoint blocks its thread, other requests are answered, one of which makes it go on."""
    await serving(process, framework)
    async with httpx_client(process) as client:
        blocked = asyncio.ensure_future(client.get("/blocking/one"))
        try:
            assert (await client.post("/blocking/one")).status_code == 200
            response = await blocked
        finally:
            blocked.cancel()
        assert (response.status_code, response.json()) == (200, True)
