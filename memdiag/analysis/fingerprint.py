"""A finding's stable name: the same problem has it in every run, whatever the addresses, lines and amounts."""

from __future__ import annotations

import hashlib
from pathlib import PurePath


def fingerprint(kind: str, *parts: str) -> str:
    """Twelve hexadecimal digits of what names the problem: kind, file name, function, attribute; never a line."""
    text = "\0".join([kind, *parts]).encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:12]


def place(file: str) -> str:
    """A file as fingerprints see it: its name and folder, so that another checkout gives the same."""
    return "/".join(PurePath(file).parts[-2:])
