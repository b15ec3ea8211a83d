"""An application of Starlette. What is none of its routes goes to the probe, by which the suite sees that it is served."""

import contextlib
import threading
from collections import defaultdict
from collections.abc import AsyncIterator

import anyio
import anyio.to_thread
from asgi_probe import app as probe
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

LONGEST = 6  # seconds that a thread is blocked, whatever comes

go_on: dict[str, anyio.Event] = defaultdict(anyio.Event)
entered: dict[str, threading.Event] = {}
released: dict[str, threading.Event] = {}
left_with: dict[str, int] = {}
left: dict[str, anyio.Event] = defaultdict(anyio.Event)


@contextlib.asynccontextmanager
async def lifespan(application: Starlette) -> AsyncIterator[None]:
    application.state.prepared = True
    yield
    print("the context of the lifespan is left", flush=True)


async def prepared(request: Request) -> Response:
    return JSONResponse(getattr(request.app.state, "prepared", False))


async def take_item(request: Request) -> Response:
    number, note = request.path_params["number"], request.query_params.get("note", "")
    return JSONResponse({"number": number, "note": note, "item": await request.json()})


async def stream(request: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"first"
        await go_on[request.path_params["name"]].wait()
        yield b" and last"

    return StreamingResponse(pieces(), media_type="text/plain")


async def continue_stream(request: Request) -> Response:
    go_on[request.path_params["name"]].set()
    return JSONResponse(None)


def block(request: Request) -> Response:
    name = request.path_params["name"]
    entered.setdefault(name, threading.Event()).set()
    return JSONResponse(released.setdefault(name, threading.Event()).wait(LONGEST))


async def release(request: Request) -> Response:
    name = request.path_params["name"]
    await anyio.to_thread.run_sync(entered.setdefault(name, threading.Event()).wait, LONGEST)
    released.setdefault(name, threading.Event()).set()
    return JSONResponse(None)


async def echo(websocket: WebSocket) -> None:
    await websocket.accept(subprotocol="echo" if "echo" in websocket.scope["subprotocols"] else None)
    try:
        while (text := await websocket.receive_text()) != "close":
            await websocket.send_text(text)
            await websocket.send_bytes(text.encode())
        await websocket.close(4000, "as asked")
    except WebSocketDisconnect as disconnect:
        name = websocket.path_params["name"]
        left_with[name] = disconnect.code
        left[name].set()


async def code_of(request: Request) -> Response:
    name = request.path_params["name"]
    await left[name].wait()
    return JSONResponse(left_with[name])


app = Starlette(
    lifespan=lifespan,
    routes=[
        Route("/prepared", prepared),
        Route("/items/{number:int}", take_item, methods=["POST"]),
        Route("/stream/{name}", stream),
        Route("/stream/{name}", continue_stream, methods=["POST"]),
        Route("/blocking/{name}", block),
        Route("/blocking/{name}", release, methods=["POST"]),
        WebSocketRoute("/echo/{name}", echo),
        Route("/echo/{name}", code_of),
        Mount("/", probe),
    ],
)
