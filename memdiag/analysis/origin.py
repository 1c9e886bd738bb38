"""Whose code a file is: the program's own, or that of a library it uses."""

from __future__ import annotations

import re

_LIBRARY = re.compile(r"[/\\](site-packages|dist-packages|lib[/\\]python\d[.\d]*|Lib(?=\\))[/\\]")
_NATIVE = re.compile(r"\.(c|cc|cpp|cxx|h|hh|hpp|rs|pyx|pxd|S|so|dylib)([.\d]*)$")


def is_library(file: str) -> bool:
    """Installed packages and the standard library, told by where they live; code without a file is nobody's own."""
    return file.startswith("<") or bool(_LIBRARY.search(file))


def is_standard(file: str) -> bool:
    """The standard library: what its containers can do tells nothing of what a program does with one."""
    return is_library(file) and "-packages" not in file


def is_native(file: str) -> bool:
    """Source of compiled code, or a compiled library: what a native stack shows below Python's own lines."""
    return file in ("", "??") or bool(_NATIVE.search(file))
