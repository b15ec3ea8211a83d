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
    factory="",
    factory_app="{app}()",
    certificate="--certfile {certfile} --keyfile {keyfile}",
    configuration=Configuration(
        "--config {configuration}", "gunicorn.conf.py", 'bind = ["{host}:{port}"]\nroot_path = "{root_path}"\n'
    ),
    options="--worker-class asgi --no-control-socket --forwarded-allow-ips=",
    root_path="--root-path {root_path}",
    lacks={"uvicorn": ("root_path",), "uvicorn-h11": ("root_path",)},
    variants={
        "worker": {
            "asgi": "--worker-class asgi",
            "uvicorn": "--worker-class uvicorn_worker.UvicornWorker",
            "uvicorn-h11": "--worker-class uvicorn_worker.UvicornH11Worker",
        },
    },
    ignores=("GUNICORN_CMD_ARGS", "WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS"),
)
