"""gunicorn: its own ASGI worker, and the worker of the package uvicorn-worker."""

from asgi_conformance.servers.adapter import Configuration, Server

gunicorn = Server(
    name="gunicorn",
    distribution="gunicorn",
    requires=("gunicorn", "uvicorn-worker", "uvicorn[standard]"),
    command="{python} -m gunicorn {app}",
    tcp="--bind {host}:{port}",
    unix="--bind unix:{path}",
    inherited="--bind fd://{fd}",
    ipv6="--bind [{host}]:{port}",
    workers="--workers {workers}",
    reload="--reload",
    graceful_timeout="--graceful-timeout {graceful_timeout}",
    trusted_proxies="--forwarded-allow-ips={trusted_proxies}",
    proxies_off="--forwarded-allow-ips=",
    factory="",
    factory_app="{app}()",
    certificate="--certfile {certfile} --keyfile {keyfile}",
    client_certificates="--ca-certs {cafile} --cert-reqs 2",
    optional_client_certificates="--ca-certs {cafile} --cert-reqs 1",
    configuration=Configuration(
        "--config {configuration}",
        "gunicorn.conf.py",
        'bind = ["{host}:{port}"]\nroot_path = "{root_path}"\nworkers = {workers}\n',
    ),
    options="--worker-class asgi --no-control-socket",
    root_path="--root-path {root_path}",
    lacks={"asgi": ("x-forwarded-for",), "uvicorn": ("root_path",), "uvicorn-h11": ("root_path",)},
    variants={
        "worker": {
            "asgi": "--worker-class asgi",
            "uvicorn": "--worker-class uvicorn_worker.UvicornWorker",
            "uvicorn-h11": "--worker-class uvicorn_worker.UvicornH11Worker",
        },
    },
    ignores=("GUNICORN_CMD_ARGS", "WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS"),
    older={"<25.1": {"options": "--worker-class asgi"}},
)
