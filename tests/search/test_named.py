"""Searches by name: all of them play, and what cannot be is told in words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pawl.errors import ConfigError, UnknownNameError
from pawl.play import think
from pawl.search.beam import Beam
from pawl.search.named import SEARCHES, named, seen_by
from pawl.search.steps import Sampled
from pawl.search.whole import WholeAnswers
from pawl.tasks.countdown import Countdown
from pawl.testing import ScriptedPolicy

TASK = Countdown(numbers=3, max_number=9)
PROBLEMS = TASK.problems("train", 5, 0)
POLICY = ScriptedPolicy({str(problem.prompt): list(TASK.solutions(problem)) for problem in PROBLEMS})
"""Knows nothing but solutions."""
PLAIN: Any = SimpleNamespace(name="plain", problems=None, score=None)


@pytest.mark.parametrize("budget", [1, 6, 16])
@pytest.mark.parametrize("name", SEARCHES)
def test_every_search_plays_at_every_budget(name: str, budget: int) -> None:
    search = named(name, POLICY, budget=budget, max_tokens=32)
    for thought in think(POLICY, seen_by(name, TASK), search, PROBLEMS, key=0):
        assert thought.attempt.error is None
        assert TASK.score(thought.attempt.problem, thought.attempt.completion.text) == 1
        assert thought.cost.forwarded > thought.cost.generated > 0


@pytest.mark.parametrize("name", SEARCHES)
def test_a_task_without_steps_is_searched_over_whole_answers_or_refused_in_words(name: str) -> None:
    if SEARCHES[name].whole:
        assert isinstance(seen_by(name, PLAIN), WholeAnswers)
        return
    with pytest.raises(ConfigError, match=f"the search '{name}' must have a task with steps, got 'plain'"):
        seen_by(name, PLAIN)


@pytest.mark.parametrize(("budget", "width", "steps"), [(1, 1, 1), (3, 1, 3), (4, 1, 4), (16, 4, 4), (64, 16, 4)])
def test_the_budget_of_a_beam_is_the_steps_proposed_at_each_depth(budget: int, width: int, steps: int) -> None:
    beam, dvts = (named(name, POLICY, budget=budget) for name in ("beam", "dvts"))
    assert isinstance(beam, Beam) and isinstance(dvts, Beam)
    assert isinstance(beam.propose, Sampled) and isinstance(dvts.propose, Sampled)
    assert (beam.width, beam.subtrees, beam.propose.count) == (width, 1, steps)
    assert (dvts.width, dvts.subtrees, dvts.propose.count) == (1, width, steps)


@pytest.mark.parametrize("name", SEARCHES)
def test_a_budget_of_zero_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="the budget of a search must be 1 or more, got 0"):
        named(name, POLICY, budget=0)


def test_a_search_over_whole_answers_has_no_uniform_prior() -> None:
    with pytest.raises(ConfigError, match="'majority' must have the policy's answers, got prior 'uniform'"):
        named("majority", POLICY, budget=4, prior="uniform")


def test_an_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'beam'"):
        named("beem", POLICY, budget=4)
    with pytest.raises(UnknownNameError, match="did you mean 'best_of_n'"):
        seen_by("best-of-n", TASK)
