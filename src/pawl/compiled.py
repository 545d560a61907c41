"""How Pawl's loops are compiled: by numba, when first called, in seconds; the code is kept for the next run.

They hold no lock of the interpreter, so that threads that work side by side do not wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numba

Given = ParamSpec("Given")
Result = TypeVar("Result")
Parts = TypeVar("Parts", bound=tuple[Any, ...])

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
FAST = {"reassoc", "contract", "arcp", "nsz"}
"""Sums may be reordered, which vector units need; infinities and what is no number stay what they are."""


def compiled(function: Callable[Given, Result], *, fast: bool = False) -> Callable[Given, Result]:
    """A loop that is called from Python."""
    options = OPTIONS | ({"fastmath": FAST} if fast else {})
    made: Callable[Given, Result]
    try:
        made = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder that can be written to: it is compiled in every run
        made = numba.njit(**options)(function)
    return made


def inlined(function: Callable[Given, Result], *, fast: bool = False) -> Callable[Given, Result]:
    """A part of such loops that makes no array: a call, and a count of references for each array in it, outlasts the
    work on a row, so that it is made without both. numba refuses to compile a part that does make one."""
    options = OPTIONS | {"_nrt": False} | ({"fastmath": FAST} if fast else {})
    made: Callable[Given, Result] = numba.njit(forceinline=True, **options)(function)
    return made


def plain(parts: Parts) -> Parts:
    """A named tuple without its names: it takes numba half a microsecond to know one that a loop is called with, which
    is too long at every step. The loop gives it its names back."""
    return tuple(parts)  # type: ignore[return-value]  # the loop makes it what it was
