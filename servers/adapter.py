"""How a server is declared: the command that launches it and the options that configure it, as templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from packaging.specifiers import SpecifierSet


@dataclass(frozen=True)
class Configuration:
    """How a server is configured without flags: by a file, by its environment, or both.

    ``content`` and the values of ``environment`` are templates, not split, with ``{host}``, ``{port}``, ``{root_path}``
    and ``{workers}``.
    """

    option: str = ""
    """The option that names the file, such as ``--config {configuration}``."""
    file: str = ""
    """The file's name, of which the server may tell its format."""
    content: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Server:
    """One ASGI server.

    Templates are split like a shell command and then filled in, so that a value never needs quoting. They may use
    ``{python}`` (the interpreter that the server is installed for), ``{bin}`` (its directory), ``{app}``
    (``module:attribute``), ``{host}``, ``{port}``, and the placeholder that an option is named after.
    """

    name: str
    command: str
    """The command line up to where the options begin, such as ``{python} -m uvicorn {app}``."""
    requires: Sequence[str] = ()
    """What pip has to install for every variant to run."""
    distribution: str | None = None
    """The distribution whose version is the server's; ``None`` where none can be named."""
    tcp: str = "--host {host} --port {port}"
    unix: str | None = None
    """The option to listen on a Unix socket instead, such as ``--uds {path}``; ``None`` if there is none."""
    root_path: str | None = None
    """The option for ``root_path``, such as ``--root-path {root_path}``; ``None`` if there is none."""
    root_path_is_prepended: bool = False
    """Whether that option stands for a prefix that a proxy has removed, so that the server puts it before ``path``."""
    inherited: str | None = None
    """The option to listen on a socket that is inherited already bound, such as ``--fd {fd}``."""
    ipv6: str | None = None
    """The option to listen on an IPv6 address, such as ``--bind [{host}]:{port}``."""
    workers: str | None = None
    """The option for several worker processes, such as ``--workers {workers}``."""
    reload: str | None = None
    """The option to serve the application anew when its file has changed, such as ``--reload``."""
    graceful_timeout: str | None = None
    """The option that bounds a graceful shutdown, in seconds, such as ``--graceful-timeout {graceful_timeout}``."""
    trusted_proxies: str | None = None
    """The option to heed forwarded headers of these peers, such as ``--forwarded-allow-ips {trusted_proxies}``.

    Without a placeholder it stands for trusting everybody. The headers are those that ``proxy_headers`` names.
    """
    proxy_headers: Sequence[str] = ("x-forwarded-for", "x-forwarded-proto")
    """The forwarded headers that the server's documentation names, in lower case."""
    proxies_off: str = ""
    """What every launch needs to have no forwarded header heeded; empty where none is unless an option says so."""
    factory: str | None = None
    """The option to call the application named ``{app}`` for the application; empty where ``factory_app`` says it all."""
    factory_app: str = "{app}"
    """How the application is named then, such as ``{app}()``."""
    certificate: str | None = None
    """The options for TLS, such as ``--certfile {certfile} --keyfile {keyfile}``."""
    secure_tcp: str | None = None
    """What takes the place of ``tcp`` with TLS, where the address and the certificate are one option."""
    client_certificates: str | None = None
    """The options to demand a client's certificate, such as ``--ca-certs {cafile} --cert-reqs 2``."""
    optional_client_certificates: str | None = None
    """The options to ask for a client's certificate and do without one."""
    environment_file: str | None = None
    """The option for a file of environment variables for the application, such as ``--env-file {environment_file}``."""
    configuration: Configuration | None = None
    """How the address, ``root_path`` and the number of workers are configured without flags."""
    options: str = ""
    """What every launch needs, to turn off what is no part of ASGI (access logs, a control socket)."""
    variants: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Groups of choices (``http``, ``loop``), each a name and its options; a group's first is what the server chooses."""
    lacks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Options, by the names of their fields here, or proxy headers that have no effect with a variant's choice."""
    environment: Mapping[str, str] = field(default_factory=dict)
    ignores: Sequence[str] = ()
    """Prefixes of environment variables that would configure the server behind the suite's back."""
    lifespan: bool = True
    """Whether the server runs the lifespan protocol at all."""
    websocket: bool = True
    """Whether the server speaks WebSocket at all."""
    http: Sequence[str] = ("1.0", "1.1")
    older: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What older releases are told instead: fields of this class with their values, by versions such as ``<0.22``."""

    def of_version(self, version: str | None) -> Server:
        """Return how this version of the server is told what to do."""
        changed = self
        for versions, fields in self.older.items():
            if version is not None and SpecifierSet(versions, prereleases=True).contains(version):
                changed = replace(changed, **fields)
        return changed

    def abilities(self) -> list[str]:
        """Return what the server can be told to do, and what it speaks, in words."""
        options = {
            "Unix socket": self.unix,
            "inherited socket": self.inherited,
            "IPv6": self.ipv6,
            "root_path": self.root_path,
            "workers": self.workers,
            "reload": self.reload,
            "graceful timeout": self.graceful_timeout,
            "proxy headers": self.trusted_proxies,
            "factory": self.factory,
            "TLS": self.certificate,
            "client certificates": self.client_certificates,
            "environment file": self.environment_file,
            "configuration": self.configuration,
        }
        spoken = {"lifespan": self.lifespan, "WebSocket": self.websocket}
        versions = [f"HTTP/{version}" for version in self.http]
        configured = [name for name, option in options.items() if option is not None]
        return [*versions, *(name for name, speaks in spoken.items() if speaks), *configured]

    def factors(self, variant: str) -> dict[str, str]:
        """Return the choice of each group that a variant such as ``h11-wsproto`` makes.

        Raises ``ValueError`` with a message of one line for a name that no group has, or two of one group.
        """
        chosen: dict[str, str] = {}
        words = variant.split("-") if variant else []
        while words:
            for length in range(len(words), 0, -1):
                name = "-".join(words[:length])
                group = next((key for key, choices in self.variants.items() if name in choices), None)
                if group is not None:
                    break
            else:
                known = ", ".join(name for choices in self.variants.values() for name in choices) or "none"
                raise ValueError(f"{self.name} has no variant {words[0]!r}; there are: {known}")
            if group in chosen:
                raise ValueError(f"the variants {chosen[group]!r} and {name!r} of {self.name} exclude each other")
            chosen[group] = name
            words = words[length:]
        return chosen

    def lacking(self, variant: str) -> set[str]:
        """Return what ``lacks`` says of the choices in force."""
        return {name for factor in self.active_factors(variant) for name in self.lacks.get(factor, ())}

    def active_factors(self, variant: str) -> set[str]:
        """Return the choices in force: those of the variant, and each other group's first."""
        chosen = self.factors(variant)
        return {chosen.get(group, next(iter(choices))) for group, choices in self.variants.items()}
