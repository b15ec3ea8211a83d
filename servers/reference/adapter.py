"""The reference server's adapter: what a run judges when no server is named."""

from asgi_conformance.servers.adapter import Server

reference = Server(
    name="reference",
    distribution="asgi-conformance",
    requires=("asgi-conformance",),
    command="{python} -m asgi_conformance.servers.reference {app}",
    unix="--uds {path}",
    root_path="--root-path {root_path}",
    root_path_is_prepended=True,
    variants={"claim": {"2.5": "--spec-version 2.5", "2.3": "--spec-version 2.3"}},
)
