"""granian: a Rust server (hyper and tokio) around a Python event loop."""

from asgi_conformance.servers.adapter import Server

granian = Server(
    name="granian",
    distribution="granian",
    requires=("granian[uvloop]",),
    command="{python} -m granian --interface asgi {app}",
    unix="--uds {path}",
    root_path="--url-path-prefix {root_path}",
    variants={
        "runtime": {"st": "--runtime-mode st", "mt": "--runtime-mode mt"},
        "loop": {"uvloop": "--loop uvloop", "asyncio": "--loop asyncio"},
    },
    ignores=("GRANIAN_",),
    http=("1.0", "1.1", "2"),
)
