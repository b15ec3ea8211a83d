"""What is installed is what is here."""

from __future__ import annotations

import sys

from asgi_conformance.tests.fakes import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NOT_INSTALLED = ("tests", "benchmarks", "build", "dist")


def test_every_package_is_installed() -> None:
    """setuptools cannot find packages below one that is the checkout's root, so they are listed, each of them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folders = [path.parent.relative_to(ROOT) for path in ROOT.glob("*/**/__init__.py")]
    found = {
        ".".join(("asgi_conformance", *folder.parts))
        for folder in folders
        if folder.parts[0] not in NOT_INSTALLED and not any(part.startswith(".") for part in folder.parts)
    }
    listed = set(settings["packages"])
    assert found - listed == set()
    assert {name for name in listed if not ROOT.joinpath(*name.split(".")[1:]).is_dir()} == set()
