"""The reference server's adapter: what a run judges when no server is named."""

from asgi_conformance.servers.adapter import Configuration, Server

reference = Server(
    name="reference",
    distribution="asgi-conformance",
    requires=("asgi-conformance",),
    command="{python} -m asgi_conformance.servers.reference {app}",
    unix="--uds {path}",
    inherited="--fd {fd}",
    ipv6="--host {host} --port {port}",
    workers="--workers {workers}",
    reload="--reload",
    graceful_timeout="--graceful-timeout {graceful_timeout}",
    trusted_proxies="--trusted-proxies {trusted_proxies}",
    factory="--factory",
    certificate="--certfile {certfile} --keyfile {keyfile}",
    client_certificates="--cafile {cafile} --client-certificates required",
    optional_client_certificates="--cafile {cafile} --client-certificates optional",
    environment_file="--env-file {environment_file}",
    configuration=Configuration(
        "--config {configuration}",
        "reference.json",
        '{{"host": "{host}", "port": {port}, "root_path": "{root_path}", "workers": {workers}}}\n',
    ),
    root_path="--root-path {root_path}",
    root_path_is_prepended=True,
    variants={"claim": {"2.5": "--spec-version 2.5", "2.3": "--spec-version 2.3"}},
)
