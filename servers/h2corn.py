"""h2corn: a Rust server for HTTP/1.1 and HTTP/2 around a Python event loop."""

from asgi_conformance.servers.adapter import Configuration, Server

h2corn = Server(
    name="h2corn",
    distribution="h2corn",
    requires=("h2corn[uvloop]",),
    command="{python} -m h2corn {app}",
    unix="--bind unix:{path}",
    inherited="--bind fd://{fd}",
    ipv6="--bind [{host}]:{port}",
    workers="--workers {workers}",
    reload="--reload",
    graceful_timeout="--timeout-graceful-shutdown {graceful_timeout}",
    trusted_proxies="--proxy-headers --forwarded-allow-ips {trusted_proxies}",
    factory="--factory",
    certificate="--certfile {certfile} --keyfile {keyfile}",
    client_certificates="--ca-certs {cafile} --cert-reqs required",
    optional_client_certificates="--ca-certs {cafile} --cert-reqs optional",
    environment_file="--env-file {environment_file}",
    configuration=Configuration(
        environment={
            "H2CORN_BIND": "{host}:{port}",
            "H2CORN_ROOT_PATH": "{root_path}",
            "H2CORN_WORKERS": "{workers}",
        }
    ),
    options="--no-access-log",
    root_path="--root-path {root_path}",
    variants={"loop": {"uvloop": "--loop uvloop", "asyncio": "--loop asyncio"}},
    ignores=("H2CORN_",),
    http=("1.0", "1.1", "2"),
)
