"""The command line: `python -m asgi_conformance.servers.reference [options] module:attribute`."""

import argparse
import functools
import sys
from pathlib import Path
from typing import Any

import anyio

from asgi_conformance.servers.reference import failures, loading, options, sockets
from asgi_conformance.servers.reference.proxies import Proxies
from asgi_conformance.servers.reference.reloading import Reloader
from asgi_conformance.servers.reference.server import Server
from asgi_conformance.servers.reference.sockets import Address
from asgi_conformance.servers.reference.tls import TLS
from asgi_conformance.servers.reference.workers import Parent


def main() -> int:
    given = options.parse()
    with_faults(given, None)  # those that are in the server itself
    try:
        given = options.configured(given)
        options.load_environment(given)
    except (OSError, ValueError) as error:
        return failures.report(f"cannot read the options: {error}")
    try:
        tls = tls_of(given)
    except OSError as error:  # ssl.SSLError is one
        return failures.report(f"cannot load the certificate {given.certfile}: {error}")
    if given.workers > 1 or given.reload:
        return supervise(given, address_of(given), tls)
    return serve(given, tls, address_of(given))


def address_of(given: argparse.Namespace) -> Address:
    if given.uds is not None:
        return str(given.uds)
    return int(given.fd) if given.fd is not None else (given.host, given.port)


def tls_of(given: argparse.Namespace) -> TLS | None:
    if given.certfile is None:
        return None
    return TLS(given.certfile, given.keyfile, given.cafile, given.client_certificates)


def serve(given: argparse.Namespace, tls: TLS | None, address: Address) -> int:
    """One process that serves. Returns the exit status."""
    try:
        application = with_faults(given, loading.load(given.application, given.factory))
    except loading.CannotLoad as failure:
        return failures.report(str(failure))
    proxies = Proxies(given.trusted_proxies)
    server = Server(
        application,
        address,
        given.root_path,
        given.spec_version,
        grace=given.graceful_timeout,
        proxies=proxies,
        tls=tls,
    )
    return anyio.run(server.run)


def supervise(given: argparse.Namespace, address: Address, tls: TLS | None) -> int:
    """A parent that has the address, and workers that inherit it. Returns the exit status."""
    try:
        listener = sockets.listen(address)
    except OSError as error:
        return failures.report(f"cannot listen on {sockets.shown(address)}: {error.strerror or error}")
    work = functools.partial(serve, given, tls, listener.fileno())
    try:
        return Reloader(work, Path.cwd()).run() if given.reload else Parent(work, given.workers).run()
    finally:
        sockets.stop_listening(listener, address)


def with_faults(given: argparse.Namespace, application: Any) -> Any:
    if given.fault is None:
        return application
    from asgi_conformance.servers.reference import faults

    return faults.apply(given.fault, application)


if __name__ == "__main__":
    sys.exit(main())
