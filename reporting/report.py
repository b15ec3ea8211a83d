"""The command ``report``: a page, Markdown and badges of results files, in one folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from asgi_conformance.reporting import badge, github, loading, markdown, page
from asgi_conformance.reporting.loading import BadResults


def write_report(paths: Sequence[Path], folder: Path, annotate: bool = False) -> int:
    """Write the report of results files to a folder, say what was written, and return the exit status, 0.

    With ``annotate`` every failure that is not expected is printed as a workflow command. Raises ``BadResults``.
    """
    runs = loading.load(paths)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = page.write(runs, folder)
        (folder / "report.md").write_text(markdown.text(runs), encoding="utf-8", errors="backslashreplace")
        written.append(folder / "report.md")
        for run, name in zip(runs, badge.file_names(runs), strict=True):
            path = folder / name
            path.write_text(badge.text(run), encoding="utf-8")
            written.append(path)
    except OSError as error:
        raise BadResults(f"the report cannot be written to {folder}: {error.strerror}") from None
    for path in dict.fromkeys(written):
        print(f"{os.fspath(path)}  {path.stat().st_size / 1000:,.0f} kB")
    if annotate:
        for line in github.lines(runs):
            print(line)
    return 0
