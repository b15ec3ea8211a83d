"""Shares in percent."""

from __future__ import annotations


def rate(kept: int, judged: int) -> str:
    """Return a share in percent, with one decimal, that is never rounded up to all."""
    return f"{1000 * kept // judged / 10:g} %" if judged else "none judged"
