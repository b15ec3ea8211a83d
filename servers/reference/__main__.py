"""The command line: `python -m asgi_conformance.servers.reference [options] module:attribute`."""

import argparse
import functools
import importlib
import sys
from typing import Any

import anyio

from asgi_conformance.servers.reference.server import Server


def main() -> int:
    parser = argparse.ArgumentParser(prog="asgi_conformance.servers.reference")
    parser.add_argument("application", help="module:attribute")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0 chooses a free one")
    parser.add_argument("--uds", metavar="PATH", help="listen on a Unix socket instead")
    parser.add_argument("--root-path", default="", help="the path at which the application is mounted")
    parser.add_argument(
        "--spec-version", default="2.5", choices=["2.3", "2.5"], help="the version of www.rst that is claimed, and kept"
    )
    parser.add_argument("--fault", metavar="NAME", help="misbehave on purpose, in one way or several (A,B)")
    options = parser.parse_args()
    try:
        application = load(options.application)
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0]
        print(f"cannot import {options.application!r}: {type(error).__name__}: {reason}", file=sys.stderr)
        return 1
    if options.fault is not None:
        from asgi_conformance.servers.reference import faults

        application = faults.apply(options.fault, application)
    address = options.uds or (options.host, options.port)
    return anyio.run(Server(application, address, options.root_path, options.spec_version).run)


def load(name: str) -> Any:
    """The application called `module:attribute`."""
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise ValueError("an application is named as module:attribute")
    application = functools.reduce(getattr, attribute.split("."), importlib.import_module(module))
    if not callable(application):
        raise TypeError(f"{type(application).__name__!r} object is not callable")
    return application


if __name__ == "__main__":
    sys.exit(main())
