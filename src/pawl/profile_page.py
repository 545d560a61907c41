"""A profile as one HTML page that works offline, with no script in it: the table, and flame graphs.

Names of functions and files may be a stranger's: they are escaped like all text of a page.

Not covered: functions that took less than a three-hundredth of a graph, which would be narrower than a line of text is
high; they are in `profile.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pawl import profile_words as words
from pawl.profile_tree import Branch, functions, grown
from pawl.report import page_environment
from pawl.report_text import duration, percent

NARROWEST, NAMED = 1 / 300, 1 / 40
"""Shares of a flame graph from which a function is drawn, and has room for its name."""
OWN_GRAPH = 0.03
"""Share of the run from which a stage has a graph of its own."""
FUNCTIONS = 15
"""Listed by the time that they took themselves."""


@dataclass(frozen=True, slots=True)
class Box:
    """A function in a flame graph."""

    name: str
    """Nothing where there is no room for it."""
    title: str
    """Its name, file, time and share, shown where one points at it."""
    width: float
    """Of the box around it, in per cent."""
    python: float
    """Share of its time in which the interpreter's lock was held, in per cent."""
    boxes: tuple[Box, ...]


def render_profile(profile: Mapping[str, Any], facts: dict[str, str]) -> str:
    """The page of what `pawl.profile.Recording.summary` says; `facts` are of the run, by name."""
    tree = grown(profile["stacks"])
    run = tree.seconds or 1.0  # a run may be too short to be seen
    return page_environment().get_template("profile.html.j2").render(
        facts=facts | {"machine": profile["machine"]},
        headline=words.headline(profile),
        remarks=words.remarks(profile),
        titles=words.TITLES,
        rows=[(words.cells(row), 100 * row["share"], row["name"] == "all") for row in profile["stages"]],
        whole=boxed(tree, run, graph=run, run=run),
        graphs=[boxed(stage, stage.seconds, graph=stage.seconds, run=run) for stage in tree.wide(OWN_GRAPH * run)],
        functions=[(one.name, duration(one.seconds), percent(one.seconds / run), percent(one.held / one.seconds))
                   for one in functions(profile["stacks"])[:FUNCTIONS]],
    )


def boxed(branch: Branch, around: float, *, graph: float, run: float) -> Box:
    """A branch as a box within one of `around` seconds, in a graph of `graph` seconds out of a run of `run`."""
    name, held = words.name_of(branch.name), branch.held / branch.seconds if branch.seconds else 0.0
    told = f"{name}\n{duration(branch.seconds)}, {percent(branch.seconds / run)} of the run, Python {percent(held)}"
    within = (boxed(each, branch.seconds, graph=graph, run=run) for each in branch.wide(NARROWEST * graph))
    return Box(name.partition(" (")[0] if branch.seconds >= NAMED * graph else "", told,
               100 * branch.seconds / around, 100 * held, tuple(within))
