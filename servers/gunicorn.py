"""gunicorn: its own ASGI worker, and the worker of the package uvicorn-worker."""

from asgi_conformance.servers.adapter import Server

gunicorn = Server(
    name="gunicorn",
    distribution="gunicorn",
    requires=("gunicorn", "uvicorn-worker", "uvicorn[standard]"),
    command="{python} -m gunicorn {app}",
    tcp="--bind {host}:{port}",
    unix="--bind unix:{path}",
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
