"""Searches by name, as `--search` and a recipe's settings call them.

A search is added by a line in `SEARCHES`. Nothing here is heavy to import: a maker imports what it makes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

from pawl.errors import ConfigError, UnknownNameError

if TYPE_CHECKING:
    from pawl.interfaces import Policy, Search, StepTask, Task
    from pawl.search.mcts import TreeSearch
    from pawl.search.steps import Propose

Prior = Literal["policy", "uniform"]

STEPS_OF_A_STATE = 4
"""That a beam or a tree search draws from the policy: of a beam's budget so many go to one state, as in Beeching et al.
2024."""


class Means(NamedTuple):
    """What a search is made with."""

    value: Policy
    """Whose value is asked."""
    budget: int
    prior: Prior
    """Where steps come from: the policy, or the rules, all alike."""
    max_tokens: int
    """Of a step or, where answers are whole, of an answer."""
    stop: tuple[str, ...] = ()
    """What ends a whole answer."""

    def propose(self, count: int, *, rest: bool = False) -> Propose:
        """`count` steps drawn from the policy, and those that the rules allow beside them or not; or every legal one,
        all alike."""
        from pawl.search.steps import Sampled, uniform

        return Sampled(count, max_tokens=self.max_tokens, rest=rest) if self.prior == "policy" else uniform


class Named(NamedTuple):
    """A search that has a name."""

    make: Callable[[Means], Search]
    sentence: str
    counts: str
    """What its budget counts."""
    whole: bool = False
    """Whether it searches over whole answers, which every task has, and not over steps."""


def tree_search(rule: Literal["gumbel", "puct", "uct"], means: Means) -> TreeSearch:
    """A search of a tree over every step that the rules list. It joins equal states and is kept from step to step:
    both save tokens."""
    from pawl.search.mcts import TreeSearch
    from pawl.search.steps import Valued

    return TreeSearch(means.propose(STEPS_OF_A_STATE, rest=True), Valued(means.value), means.budget, rule=rule,
                      graph=True, reuse=True)


def _beam(means: Means) -> Search:
    from pawl.search.beam import Beam
    from pawl.search.steps import Valued

    steps = min(STEPS_OF_A_STATE, means.budget)
    return Beam(means.propose(steps), Valued(means.value), width=max(1, means.budget // steps))


def _dvts(means: Means) -> Search:
    from pawl.search.beam import Beam
    from pawl.search.steps import Valued

    steps = min(STEPS_OF_A_STATE, means.budget)
    return Beam(means.propose(steps), Valued(means.value), width=1, subtrees=max(1, means.budget // steps))


def _thoughts(order: Literal["breadth-first", "depth-first"]) -> Callable[[Means], Search]:
    def make(means: Means) -> Search:
        from pawl.search.steps import Valued
        from pawl.search.thoughts import TreeOfThoughts

        made = TreeOfThoughts(means.propose(8), Valued(means.value), order=order)
        broad = order == "breadth-first"
        return replace(made, breadth=means.budget) if broad else replace(made, budget=means.budget)

    return make


def _whole(how: Literal["score", "majority", "weighted"]) -> Callable[[Means], Search]:
    def make(means: Means) -> Search:
        from pawl.search.best_of_n import BestOfN
        from pawl.search.steps import Valued

        return BestOfN(means.budget, how, Valued(means.value).attempts, means.max_tokens, stop=means.stop)

    return make


_gumbel = partial(tree_search, "gumbel")
SEARCHES = {
    "best_of_n": Named(_whole("score"), "the answer that the value likes best", "answers", whole=True),
    "majority": Named(_whole("majority"), "the answer that most say", "answers", whole=True),
    "weighted": Named(_whole("weighted"), "the answer that most say, by value", "answers", whole=True),
    "beam": Named(_beam, "beam search: budget / 4 states kept, by value", "steps proposed at each depth"),
    "dvts": Named(_dvts, "beam search of one state in each of budget / 4 subtrees", "steps proposed at each depth"),
    "mcts": Named(_gumbel, "tree search; another name of gumbel", "simulations a step"),
    "gumbel": Named(_gumbel, "tree search: Gumbel with sequential halving", "simulations a step"),
    "puct": Named(partial(tree_search, "puct"), "tree search: PUCT, as AlphaZero's", "simulations a step"),
    "uct": Named(partial(tree_search, "uct"), "tree search: UCT, without a prior", "simulations a step"),
    "tot": Named(_thoughts("breadth-first"), "Tree of Thoughts, level by level", "states kept at each depth"),
    "tot_depth": Named(_thoughts("depth-first"), "Tree of Thoughts, down and back", "states visited at most"),
}
"""Every search by its name."""
BASELINES_IN_WORDS = {"greedy": "greedy", "best_of_n": "best of {} by value", "majority": "majority of {}",
                      "weighted": "majority of {}, weighted by value"}
"""What the same tokens buy without search; {} is the number of answers."""


def named(name: str, value: Policy, *, budget: int, prior: Prior = "policy", max_tokens: int = 64,
          stop: tuple[str, ...] = ()) -> Search:
    """A search that asks the value of a model, and never the truth.

    `prior` is the policy's own or, to see what that is worth, uniform over the steps that the rules allow. Raises
    UnknownNameError, and ConfigError for a budget below 1 or a prior of steps where there are none.
    """
    if budget < 1:
        raise ConfigError(f"the budget of a search must be 1 or more, got {budget}")
    if prior != "policy" and _known(name).whole:
        raise ConfigError(f"the search {name!r} must have the policy's answers, got prior {prior!r}",
                          hint="rules propose steps, not whole answers")
    return _known(name).make(Means(value, budget, prior, max_tokens, stop))


def seen_by(name: str, task: Task) -> StepTask:
    """A task as this search sees it: its steps, or its whole answers as the only step. Raises ConfigError where the
    search needs steps and the task has none, UnknownNameError for another name."""
    from pawl.interfaces import StepTask
    from pawl.search.whole import WholeAnswers

    if _known(name).whole:
        return WholeAnswers(task)
    if not isinstance(task, StepTask):
        whole = ", ".join(known for known, search in SEARCHES.items() if search.whole)
        raise ConfigError(f"the search {name!r} must have a task with steps, got {task.name!r}, which has none",
                          hint=f"searches over whole answers: {whole}")
    return task


def _known(name: str) -> Named:
    if name not in SEARCHES:
        raise UnknownNameError("search", name, SEARCHES)
    return SEARCHES[name]
