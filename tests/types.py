"""Run mypy on the package: the repository is the package's own directory, which mypy has to be shown under its name."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main() -> int:
    """Type-check everything in the checkout and return mypy's exit status."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "asgi_conformance").symlink_to(ROOT, target_is_directory=True)
        config = f"--config-file={ROOT / 'pyproject.toml'}"
        command = [sys.executable, "-m", "mypy", config, "-p", "asgi_conformance"]
        return subprocess.run(command, cwd=folder, env={**os.environ, "MYPYPATH": folder}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
