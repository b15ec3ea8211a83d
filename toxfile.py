"""A plugin of tox for this project: every release of a server is an environment, without being listed in tox.ini."""

from __future__ import annotations

import os
import re
import sys

from tox.plugin import impl

_RELEASE = re.compile(r"(py\d+-)?[a-z]\w*-(latest|\d[\w.]*)(-[a-z][\w-]*)?")


@impl
def tox_extend_envs() -> list[str]:
    """Return the releases that were asked for: on the command line (``tox -e uvicorn-0.29``), or in ``TOXENV``."""
    asked = ",".join([*sys.argv[1:], os.environ.get("TOXENV", "")])
    return [name for name in re.split(r"[,=\s]", asked) if _RELEASE.fullmatch(name)]
