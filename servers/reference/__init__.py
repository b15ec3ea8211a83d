"""The reference server: the ASGI specification as running code, small enough to read in one sitting.

It speaks HTTP/1.1, WebSocket and lifespan. Read it in this order: `events` (what an application may send), `scope`
(what it is told), `call` and `exchange` (one request and its answer), `wire` and `http1` (one connection), `channel`
(bytes); of WebSocket `websocket_events`, `handshake`, `frames`, `deflate`, `messages`, and `websocket`, which puts them
together; `lifespan`, `server`; of the process around it `options`, `loading`,
`failures`, `proxies`, `workers`, `reloading`, and `__main__`.

It is not made for production: it has no access log, no idle timeouts and no pings of its own.
"""
