"""uvicorn: HTTP/1.1 on h11 or httptools, WebSocket on three implementations, asyncio or uvloop."""

from asgi_conformance.servers.adapter import Server

uvicorn = Server(
    name="uvicorn",
    distribution="uvicorn",
    requires=("uvicorn[standard]", "wsproto"),
    command="{python} -m uvicorn {app}",
    unix="--uds {path}",
    options="--no-access-log --no-proxy-headers",
    root_path="--root-path {root_path}",
    root_path_is_prepended=True,
    variants={
        "http": {"httptools": "--http httptools", "h11": "--http h11"},
        "ws": {
            "websockets-sansio": "--ws websockets-sansio",
            "wsproto": "--ws wsproto",
            "websockets": "--ws websockets",
        },
        "loop": {"uvloop": "--loop uvloop", "asyncio": "--loop asyncio"},
    },
    ignores=("UVICORN_", "WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS"),
)
