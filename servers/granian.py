"""granian: a Rust server (hyper and tokio) around a Python event loop."""

from asgi_conformance.servers.adapter import Configuration, Server

granian = Server(
    name="granian",
    distribution="granian",
    requires=("granian[uvloop,reload,dotenv]",),
    command="{python} -m granian --interface asgi {app}",
    unix="--uds {path}",
    ipv6="--host {host} --port {port}",
    workers="--workers {workers} --respawn-failed-workers",  # without the latter, the death of one ends all
    reload="--reload",
    graceful_timeout="--workers-kill-timeout {graceful_timeout}",
    factory="--factory",
    certificate="--ssl-certificate {certfile} --ssl-keyfile {keyfile}",
    client_certificates="--ssl-ca {cafile} --ssl-client-verify",
    environment_file="--env-files {environment_file}",
    configuration=Configuration(
        environment={
            "GRANIAN_HOST": "{host}",
            "GRANIAN_PORT": "{port}",
            "GRANIAN_URL_PATH_PREFIX": "{root_path}",
            "GRANIAN_WORKERS": "{workers}",
        }
    ),
    root_path="--url-path-prefix {root_path}",
    variants={
        "runtime": {"st": "--runtime-mode st", "mt": "--runtime-mode mt"},
        "loop": {"uvloop": "--loop uvloop", "asyncio": "--loop asyncio"},
    },
    ignores=("GRANIAN_",),
    http=("1.0", "1.1", "2"),
)
