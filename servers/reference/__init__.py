"""The reference server: the ASGI specification as running code, small enough to read in one sitting.

It speaks HTTP/1.1 and lifespan. Read it in this order: `events` (what an application may send), `scope` (what
it is told), `exchange` (one request and its answer), `wire` and `http1` (one connection), `channel` (bytes),
`lifespan`, `server`.

It is not made for production: it has no access log, no workers and no idle timeouts.
"""
