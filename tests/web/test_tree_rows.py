"""Which states of a tree are shown and what is said of a choice, on trees written down by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from pawl.records import Choice, Cost, SearchTree, TreeNode, TreeStep
from pawl.web.tree_rows import MOST_DEPTH, MOST_ROWS, Row, choose_rows, line_in_words, mind_of, num_rows, rows_of

Steps = Sequence[tuple[str, float, int, int | None]]


def node(value: float, *steps: tuple[str, float, int, int | None], estimate: float = 0.5) -> TreeNode:
    return TreeNode(1 + sum(visits for _, _, visits, _ in steps), value, estimate, not steps, None,
                    tuple(TreeStep(*step) for step in steps))


def choice(*nodes: TreeNode, line: tuple[int, ...] = (0,)) -> Choice:
    steps = nodes[0].steps
    target = np.array([step.prior for step in steps], np.float32)
    visits = np.array([step.visits for step in steps], np.int32)
    return Choice(None, tuple(step.text for step in steps), target, visits, target, 0.5, Cost(),
                  SearchTree(tuple(nodes), line))


TWO = choice(node(0.6, ("a", 0.2, 6, 1), ("b", 0.7, 2, 2), ("c", 0.1, 0, None)),
             node(0.8, ("d", 0.5, 1, 3), ("e", 0.5, 4, 4)), node(0.3), node(0.4), node(0.9), line=(0, 1))
"""The prior likes b; a was taken most often, and below it e."""


def names(rows: Sequence[Row]) -> list[str]:
    return [name for row in rows for name in (row.step.text, *names(row.children))]


def test_the_most_visited_steps_come_first_and_those_never_taken_have_no_row() -> None:
    rows, rest = rows_of(TWO, "t")
    assert names(rows) == ["a", "e", "d", "b"] and num_rows(rows) == 4
    assert rest is not None and [step.text for step in rest.untried] == ["c"] and rest.prior == 0.1


def test_a_row_carries_what_the_search_knew() -> None:
    (row, other), _ = rows_of(TWO, "t")
    assert (row.step.prior, row.step.visits, row.step.share) == (0.2, 6, 0.75)
    assert (row.step.estimate, row.step.value, row.target) == (0.5, 0.8, pytest.approx(0.2))
    assert (row.end, other.end) == (False, True)
    assert {child.target for child in row.children} == {None}


def test_the_principal_variation_is_the_chosen_line_and_nothing_else() -> None:
    assert TWO.tree is not None and line_in_words(TWO.tree) == ["a", "e"]
    (row, other), _ = rows_of(TWO, "t")
    assert [row.on_line, other.on_line] == [True, False]
    assert [child.on_line for child in row.children] == [True, False]


def test_the_priors_favourite_is_marked_where_the_search_preferred_another() -> None:
    (row, other), _ = rows_of(TWO, "t")
    assert [row.favourite, other.favourite] == [False, True]
    assert not any(child.favourite for child in row.children)
    agreed, _ = rows_of(choice(node(0.5, ("a", 0.7, 4, 1), ("b", 0.3, 1, 2)), node(0.5), node(0.5)), "t")
    assert not any(row.favourite for row in agreed)


def broad(count: int) -> Choice:
    """So many steps, each a visit less than the one before; the last one was chosen."""
    steps = [(str(i), 1 / count, count - i, i + 1) for i in range(count)]
    return choice(node(0.5, *steps), *[node(0.5)] * count, line=(count - 1,))


def test_a_large_tree_is_cut_to_the_most_visited_and_the_line_and_says_what_is_hidden() -> None:
    rows, rest = rows_of(broad(300), "t")
    assert num_rows(rows) == MOST_ROWS
    assert names(rows) == [*map(str, range(MOST_ROWS - 1)), "299"]
    assert rest is not None and rest.hidden == 300 - MOST_ROWS


def test_a_deep_tree_is_cut_at_a_depth_that_browsers_lay_out() -> None:
    deep = choice(*(node(0.5, ("on", 1.0, 1, i + 1)) for i in range(200)), node(0.5), line=(0,) * 200)
    rows, _ = rows_of(deep, "t")
    assert num_rows(rows) == MOST_DEPTH


def test_a_state_that_two_steps_lead_to_is_shown_once_and_pointed_to() -> None:
    shared = choice(node(0.5, ("a", 0.5, 3, 1), ("b", 0.5, 2, 1)), node(0.5, ("back", 1.0, 5, 0)))
    (first, second), _ = rows_of(shared, "t")
    assert (first.same_as, second.same_as) == (None, first.name)
    assert names(first.children) == ["back"] and second.children == ()
    assert first.children[0].same_as == "t"


def test_every_row_has_a_name_of_its_own() -> None:
    assert len({row.name for row in rows_of(broad(50), "t")[0]}) == 50


@pytest.mark.parametrize(("kind", "steps", "values"), [
    ("one", [("a", 1.0, 4, 1)], [0.5]),
    ("even", [("a", 0.5, 4, 1), ("b", 0.5, 2, 2)], [0.5, 0.4]),
    ("agrees", [("a", 0.6, 4, 1), ("b", 0.4, 2, 2)], [0.5, 0.4]),
    ("untried", [("a", 0.4, 4, 1), ("b", 0.6, 0, None)], [0.5]),
    ("better", [("a", 0.4, 4, 1), ("b", 0.6, 2, 2)], [0.5, 0.4]),
    ("overrules", [("a", 0.4, 4, 1), ("b", 0.6, 2, 2)], [0.5, 0.5]),
])
def test_how_a_choice_came_about_is_named(kind: str, steps: Steps, values: list[float]) -> None:
    tree = choice(node(0.5, *steps), *map(node, values)).tree
    assert tree is not None and (mind := mind_of(tree)) is not None
    assert (mind.kind, mind.chosen.text, mind.steps) == (kind, "a", len(steps))


def test_a_tree_without_a_choice_has_no_mind() -> None:
    tree = choice(node(0.5), line=()).tree
    assert tree is not None and mind_of(tree) is None
    assert choose_rows(tree).edges == ()
