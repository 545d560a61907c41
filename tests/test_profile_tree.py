"""Stacks as text, as a tree, and by function: the sums."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from pawl.profile_stacks import Seen
from pawl.profile_tree import folded, functions, grown

STACKS = {"train;step (a.py)": [2.0, 0.5], "train;step (a.py);mm (b.py)": [5.0, 0.0], "gate;mm (b.py)": [1.0, 1.0],
          "gate": [0.5, 0.0]}


def test_a_branch_holds_what_is_below_it() -> None:
    tree = grown(STACKS)
    assert (tree.seconds, tree.held) == (8.5, 1.5)
    train = tree.branches["train"]
    assert (train.seconds, train.held) == (7.0, 0.5)
    assert train.branches["step (a.py)"].branches["mm (b.py)"].seconds == 5.0


def test_branches_come_the_longest_first_and_narrow_ones_not_at_all() -> None:
    tree = grown(STACKS)
    assert [branch.name for branch in tree.wide(0.0)] == ["train", "gate"]
    assert [branch.name for branch in tree.wide(2.0)] == ["train"]


def test_a_functions_own_time_is_without_what_it_called_and_over_all_stages() -> None:
    assert [(one.name, one.seconds, one.held) for one in functions(STACKS)] == [
        ("mm (b.py)", 6.0, 1.0), ("step (a.py)", 2.0, 0.5)]


def test_stacks_are_named_as_they_are_imported() -> None:
    seen = {("train", (test_stacks_are_named_as_they_are_imported.__code__, json.dumps.__code__)): Seen(2.0, 1.0, 3)}
    [(stack, seconds)] = folded(seen).items()
    stage, own, library = stack.split(";")
    assert (stage, library, seconds) == ("train", "dumps (json/__init__.py)", [2.0, 1.0])
    assert own.startswith("test_stacks_are_named_as_they_are_imported (") and str(Path.home()) not in own


def test_functions_of_one_name_and_file_are_one() -> None:
    def inner() -> None: ...

    def other() -> None: ...

    code = inner.__code__
    seen = {("gate", (code,)): Seen(1.0), ("gate", (code.replace(co_firstlineno=1),)): Seen(2.0, 1.0)}
    assert list(folded(seen).values()) == [[3.0, 1.0]]


def test_a_semicolon_in_a_name_splits_no_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", ["/home"])
    code = grown.__code__.replace(co_filename="/home/a;b.py", co_qualname="f")
    assert list(folded({("gate", (code,)): Seen(1.0)})) == ["gate;f (a,b.py)"]
