"""Tree search over the steps of a task: UCT, PUCT, or Gumbel with sequential halving.

Many states are searched together; their leaves are proposed for and estimated in one batch. A state is estimated when
it is first come to, and its steps are proposed when it is come to again: proposing is what costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pawl.errors import ConfigError
from pawl.interfaces import Policy, Search, StepTask
from pawl.records import Choice, KeyArray
from pawl.search.forest import Outcome, search
from pawl.search.growth import Growth
from pawl.search.halving import Limit
from pawl.search.noise import with_luck
from pawl.search.rules import GUMBEL, PUCT, UCT, Rule
from pawl.search.steps import Estimate, Propose

Name = Literal["uct", "puct", "gumbel"]
RULES = {"uct": Rule(UCT, exploration=1.0), "puct": Rule(PUCT, exploration=1.25), "gumbel": Rule(GUMBEL, 0.0)}


def numbers_of(rule: Name | Rule) -> Rule:
    """A rule by its name, or itself."""
    return rule if isinstance(rule, Rule) else RULES[rule]


@dataclass(frozen=True)
class TreeSearch:
    """A search made with what proposes and what estimates."""

    propose: Propose
    estimate: Estimate
    simulations: int
    """Walks down a tree, at most: with `tokens` too, as a walk to what is known is free."""
    rule: Name | Rule = "gumbel"
    considered: int = 16
    """Actions at the root that sequential halving compares."""
    noise: bool = False
    """Luck at the root, for targets that explore: Gumbel noise on the log priors for gumbel, Dirichlet noise in the
    priors for the others. Without, the search is a player."""
    noise_share: float = 0.25
    """Of the priors that are Dirichlet noise."""
    noise_total: float = 10.0
    """Sum of its parameters, alike for all actions."""
    tokens: int | None = None
    """A tree that has forwarded as many is walked no more; the others go on. What is decided is decided from what is
    there; sequential halving gives each of its phases the same share of them. None: no limit. What states share is
    charged to who reads it first: with a policy that remembers, where a tree stops depends on what is beside it."""
    together: int = 1
    """Walks down one tree whose leaves are evaluated in one batch."""
    graph: bool = False
    """States with an equal `task.key` are one node, and the first of them, with its prompt, stands for all. Else only
    the same steps in the same order lead to the same node."""
    reuse: bool = False
    """Steps of one path, one search after the other, go on from the tree of the step before: see `begin`."""
    keep_tree: bool = False
    """Every choice carries the tree that was searched, for people to look at."""

    def __post_init__(self) -> None:
        if self.simulations < 1:
            raise ConfigError(f"a tree search must have a simulation or more, got {self.simulations}")
        if self.tokens is not None and self.tokens < 1:
            raise ConfigError(f"a tree search must have a token or more to spend, got {self.tokens}")
        if self.together < 1 or self.considered < 1:
            raise ConfigError(f"a tree search must consider an action or more and walk one at a time or more, got "
                              f"considered {self.considered} and together {self.together}")
        if not 0 <= self.noise_share <= 1 or not self.noise_total > 0:
            raise ConfigError(f"root noise must have a share in [0, 1] and a total above 0, got {self.noise_share} and "
                              f"{self.noise_total}")

    def __call__(self, policy: Policy, task: StepTask, states: Sequence[Any], keys: KeyArray) -> list[Choice]:
        """A choice in each of the states [B], none of which is terminal; keys [B]."""
        return _Steps(self)(policy, task, states, keys)

    def begin(self) -> Search:
        """The same search for the steps of one set of paths, which are asked about one after the other.

        With `reuse`, the subtree of the step that was taken is kept, with its visits, values and bounds, and no state
        in it is proposed for or estimated again, nor counted again. The root's own schedule starts anew, sequential
        halving's too: a walk that takes an action to a node which has more visits than the action ends there, and is
        free.
        """
        return _Steps(self)

    @property
    def numbers(self) -> Rule:
        """The rule as the trees take it."""
        return numbers_of(self.rule)


class _Steps:
    """A search that may go on from its last trees."""

    def __init__(self, made: TreeSearch) -> None:
        self.made = made
        self.last: tuple[Growth, Outcome] | None = None

    def __call__(self, policy: Policy, task: StepTask, states: Sequence[Any], keys: KeyArray) -> list[Choice]:
        """With `reuse`, after the first call: the states [B] that its choices led to, in their order, without those
        that have ended. Raises ConfigError for others."""
        made, growth = self.made, Growth(self.made, policy, task, states, keys)
        kept = growth.kept(*self.last) if self.last is not None else None
        roots, noise = growth.roots(kept), None
        if made.noise:
            roots, noise = with_luck(roots, keys, made.numbers, share=made.noise_share, total=made.noise_total)
        found = search(roots, growth.evaluate, rule=made.numbers, simulations=made.simulations, noise=noise,
                       considered=made.considered, propose=growth.propose, together=made.together, kept=kept,
                       find=growth.find if made.graph else None,
                       limit=None if made.tokens is None else Limit(made.tokens, growth.forwarded))
        if made.reuse:
            self.last = growth, found
        return [growth.choice(found, b) for b in range(len(states))]
