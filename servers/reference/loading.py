"""The application: where it is found, and how it is made where it is named by a factory."""

import functools
import importlib
from typing import Any


class CannotLoad(Exception):
    """The text says which application, and why."""


def load(name: str, factory: bool = False) -> Any:
    """The application called `module:attribute`, or what that returns. Raises CannotLoad."""
    try:
        application = find(name)
        return make(application) if factory else application
    except Exception as error:  # whatever somebody else's module does
        reason = (str(error).splitlines() or [""])[0]
        raise CannotLoad(f"cannot import {name!r}: {type(error).__name__}: {reason}") from error


def find(name: str) -> Any:
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise ValueError("an application is named as module:attribute")
    found = functools.reduce(getattr, attribute.split("."), importlib.import_module(module))
    if not callable(found):
        raise TypeError(f"{type(found).__name__!r} object is not callable")
    return found


def make(factory: Any) -> Any:
    return factory()
