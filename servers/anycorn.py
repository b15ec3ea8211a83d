"""anycorn: a fork of hypercorn on anyio, whose workers run on asyncio or trio."""

from asgi_conformance.servers.adapter import Configuration, Server

anycorn = Server(
    name="anycorn",
    distribution="anycorn",
    requires=("anycorn", "trio"),
    command="{python} -m anycorn {app}",
    tcp="--bind {host}:{port}",
    unix="--bind unix:{path}",
    inherited="--bind fd://{fd}",
    ipv6="--bind [{host}]:{port}",
    workers="--workers {workers}",
    reload="--reload",
    graceful_timeout="--graceful-timeout {graceful_timeout}",
    factory="",
    factory_app="{app}()",
    certificate="--certfile {certfile} --keyfile {keyfile}",
    client_certificates="--ca-certs {cafile} --verify-mode CERT_REQUIRED",
    optional_client_certificates="--ca-certs {cafile} --verify-mode CERT_OPTIONAL",
    configuration=Configuration(
        "--config {configuration}",
        "anycorn.toml",
        'bind = ["{host}:{port}"]\nroot_path = "{root_path}"\nworkers = {workers}\n',
    ),
    root_path="--root-path {root_path}",
    variants={"worker": {"asyncio": "--worker-class asyncio", "trio": "--worker-class trio"}},
    http=("1.0", "1.1", "2"),
)
