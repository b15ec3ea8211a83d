"""An application of FastAPI. What is none of its routes goes to the probe, by which the suite sees that it is served."""

import contextlib
import threading
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import anyio
import anyio.to_thread
from asgi_probe import app as probe
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

LONGEST = 6  # seconds that a thread is blocked, whatever comes


class Item(BaseModel):
    name: str
    values: list[float | None]
    tags: dict[str, str] = {}


@contextlib.asynccontextmanager
async def lifespan(application: FastAPI) -> AsyncIterator[None]:
    application.state.prepared = True
    yield
    print("the context of the lifespan is left", flush=True)


app = FastAPI(lifespan=lifespan)
go_on: dict[str, anyio.Event] = defaultdict(anyio.Event)
entered: dict[str, threading.Event] = {}
released: dict[str, threading.Event] = {}
left_with: dict[str, int] = {}
left: dict[str, anyio.Event] = defaultdict(anyio.Event)


@app.get("/prepared")
async def prepared() -> bool:
    return getattr(app.state, "prepared", False)


@app.post("/items/{number}")
async def take_item(number: int, item: Item, note: str = "") -> dict[str, Any]:
    return {"number": number, "note": note, "item": item}


@app.get("/stream/{name}")
async def stream(name: str) -> StreamingResponse:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"first"
        await go_on[name].wait()
        yield b" and last"

    return StreamingResponse(pieces(), media_type="text/plain")


@app.post("/stream/{name}")
async def continue_stream(name: str) -> None:
    go_on[name].set()


@app.get("/blocking/{name}")
def block(name: str) -> bool:
    entered.setdefault(name, threading.Event()).set()
    return released.setdefault(name, threading.Event()).wait(LONGEST)


@app.post("/blocking/{name}")
async def release(name: str) -> None:
    await anyio.to_thread.run_sync(entered.setdefault(name, threading.Event()).wait, LONGEST)
    released.setdefault(name, threading.Event()).set()


@app.websocket("/echo/{name}")
async def echo(websocket: WebSocket, name: str) -> None:
    await websocket.accept(subprotocol="echo" if "echo" in websocket.scope["subprotocols"] else None)
    try:
        while (text := await websocket.receive_text()) != "close":
            await websocket.send_text(text)
            await websocket.send_bytes(text.encode())
        await websocket.close(4000, "as asked")
    except WebSocketDisconnect as disconnect:
        left_with[name] = disconnect.code
        left[name].set()


@app.get("/echo/{name}")
async def code_of(name: str) -> int:
    await left[name].wait()
    return left_with[name]


app.mount("/", probe)
