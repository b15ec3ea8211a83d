"""daphne: the first ASGI server, on Twisted; it has no lifespan."""

from asgi_conformance.servers.adapter import Server

daphne = Server(
    name="daphne",
    distribution="daphne",
    requires=("daphne",),
    command="{python} -m daphne {app}",
    tcp="--bind {host} --port {port}",
    unix="--unix-socket {path}",
    inherited="--fd {fd}",
    ipv6="--bind {host} --port {port}",
    trusted_proxies="--proxy-headers",
    certificate="",
    secure_tcp="--endpoint ssl:{port}:interface={host}:privateKey={keyfile}:certKey={certfile}",
    options="--verbosity 0",
    root_path="--root-path {root_path}",
    lifespan=False,
    older={"<3": {"command": "{bin}/daphne {app}"}},
)
