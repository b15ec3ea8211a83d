"""The options of the command line, and of a configuration file."""

import argparse
import json
import os
from pathlib import Path
from typing import Any

GRACE = 10.0  # seconds that requests in flight get to finish after a signal


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="asgi_conformance.servers.reference")
    parser.add_argument("application", help="module:attribute")
    parser.add_argument("--factory", action="store_true", help="call the attribute to get the application")
    parser.add_argument("--config", metavar="FILE", help='options as a JSON object, such as {"root_path": "/mount"}')
    parser.add_argument("--env-file", metavar="FILE", help="NAME=value lines, for the application's environment")

    listening = parser.add_argument_group("listening")
    listening.add_argument("--host", default="127.0.0.1")
    listening.add_argument("--port", type=int, default=8000, help="0 chooses a free one")
    listening.add_argument("--uds", metavar="PATH", help="listen on a Unix socket instead")
    listening.add_argument("--fd", type=int, metavar="NUMBER", help="accept from an inherited socket that listens")
    listening.add_argument("--certfile", metavar="FILE", help="speak TLS, with this certificate")
    listening.add_argument("--keyfile", metavar="FILE", help="its key")
    listening.add_argument("--cafile", metavar="FILE", help="the authorities of clients' certificates")
    listening.add_argument("--client-certificates", default="none", choices=["none", "optional", "required"])

    running = parser.add_argument_group("processes")
    running.add_argument("--workers", type=int, default=1, metavar="COUNT", help="more than one: in forked processes")
    running.add_argument("--reload", action="store_true", help="start anew when a Python file has changed")
    running.add_argument(
        "--graceful-timeout", type=float, default=GRACE, metavar="SECONDS", help="for requests in flight at a signal"
    )

    serving = parser.add_argument_group("serving")
    serving.add_argument("--root-path", default="", help="the path at which the application is mounted")
    serving.add_argument("--trusted-proxies", default="", metavar="ADDRESSES", help="heed their X-Forwarded headers")
    serving.add_argument(
        "--spec-version", default="2.5", choices=["2.3", "2.5"], help="the version of www.rst that is claimed, and kept"
    )
    serving.add_argument("--fault", metavar="NAME", help="misbehave on purpose, in one way or several (A,B)")
    return parser


def parse() -> argparse.Namespace:
    """The flags alone. Raises SystemExit."""
    return parser().parse_args()


def configured(given: argparse.Namespace) -> argparse.Namespace:
    """What the configuration file says takes the place of a default; flags prevail. Raises OSError or ValueError."""
    if given.config is None:
        return given
    with_file = parser()
    with_file.set_defaults(**read_configuration(given.config))
    return with_file.parse_args()


def read_configuration(file: str) -> dict[str, Any]:
    return dict(json.loads(Path(file).read_text(encoding="utf-8")))


def load_environment(given: argparse.Namespace) -> None:
    """Blank lines and comments aside, each line of the file is a variable. Raises OSError."""
    lines = [] if given.env_file is None else Path(given.env_file).read_text(encoding="utf-8").splitlines()
    for line in lines:
        name, equals, value = line.partition("=")
        if equals and not name.startswith("#"):
            os.environ[name.strip()] = value.strip()
