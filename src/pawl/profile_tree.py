"""Stacks of functions as text, and as a tree in which what begins alike is one branch."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType

from pawl.profile_stacks import Seen, Stack

Folded = Mapping[str, Sequence[float]]
"""Functions joined by semicolons, the stage first, to seconds in all and with the interpreter's lock held."""


@dataclass(slots=True)
class Branch:
    """A function, and what it called."""

    name: str
    seconds: float = 0.0
    held: float = 0.0
    """Of them, with the interpreter's lock held."""
    branches: dict[str, Branch] = field(default_factory=dict)

    def wide(self, least: float) -> Iterator[Branch]:
        """What it called for so many seconds at least, the longest first."""
        return (branch for branch in sorted(self.branches.values(), key=lambda branch: -branch.seconds)
                if branch.seconds >= least)


def folded(seen: Mapping[tuple[str, Stack], Seen]) -> dict[str, list[float]]:
    """Stacks as text, in the form that flame graph tools read, the longest first."""
    found: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for (stage, stack), one in sorted(seen.items(), key=lambda item: -item[1].total):
        seconds = found[";".join((stage, *map(_named, stack)))]
        seconds[0] += one.total
        seconds[1] += one.held
    return {stack: [round(total, 5), round(held, 5)] for stack, (total, held) in found.items()}


def grown(stacks: Folded) -> Branch:
    """The tree of stacks: below its root, a branch for each stage."""
    root = Branch("all")
    for stack, (seconds, held) in stacks.items():
        path = [root]
        for name in stack.split(";"):
            path.append(path[-1].branches.setdefault(name, Branch(name)))
        for branch in path:
            branch.seconds += seconds
            branch.held += held
    return root


def functions(stacks: Folded) -> list[Branch]:
    """Functions of all stages with the time that they took themselves, without what they called, the longest first."""
    found: dict[str, Branch] = {}
    for stack, (seconds, held) in stacks.items():
        _, below_stage, name = stack.rpartition(";")
        if below_stage:
            branch = found.setdefault(name, Branch(name))
            branch.seconds += seconds
            branch.held += held
    return sorted(found.values(), key=lambda branch: -branch.seconds)


def _named(code: CodeType) -> str:
    """`Grid.advance (pawl/models/decode.py)`"""
    name = f"{code.co_qualname.replace('.<locals>', '')} ({_place(code.co_filename)})"
    return name.replace(";", ",")


def _place(file: str) -> str:
    """A file as it is imported, without the folder in which it is installed."""
    folders = [folder for folder in sys.path if folder and file.startswith(f"{folder.rstrip('/')}/")]
    return file[len(max(folders, key=len).rstrip("/")) + 1 :] if folders else file.rpartition("/")[2]
