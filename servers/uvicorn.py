"""uvicorn: HTTP/1.1 on h11 or httptools, WebSocket on three implementations, asyncio or uvloop."""

from asgi_conformance.servers.adapter import Configuration, Server

uvicorn = Server(
    name="uvicorn",
    distribution="uvicorn",
    requires=("uvicorn[standard]", "wsproto"),
    command="{python} -m uvicorn {app}",
    unix="--uds {path}",
    inherited="--fd {fd}",
    ipv6="--host {host} --port {port}",
    workers="--workers {workers}",
    reload="--reload",
    graceful_timeout="--timeout-graceful-shutdown {graceful_timeout}",
    trusted_proxies="--proxy-headers --forwarded-allow-ips {trusted_proxies}",
    proxies_off="--no-proxy-headers",
    factory="--factory",
    certificate="--ssl-certfile {certfile} --ssl-keyfile {keyfile}",
    client_certificates="--ssl-ca-certs {cafile} --ssl-cert-reqs 2",
    optional_client_certificates="--ssl-ca-certs {cafile} --ssl-cert-reqs 1",
    environment_file="--env-file {environment_file}",
    configuration=Configuration(
        environment={
            "UVICORN_HOST": "{host}",
            "UVICORN_PORT": "{port}",
            "UVICORN_ROOT_PATH": "{root_path}",
            "UVICORN_WORKERS": "{workers}",
        }
    ),
    options="--no-access-log",
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
    older={"<0.22": {"graceful_timeout": None}},
)
