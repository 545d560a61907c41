"""Searches by name, as `--search` and a recipe's settings call them."""

from __future__ import annotations

from typing import Literal

from pawl.errors import UnknownNameError
from pawl.interfaces import Policy
from pawl.search.mcts import TreeSearch
from pawl.search.steps import Sampled, Valued, uniform

Prior = Literal["policy", "uniform"]

NAMES = {"mcts": "gumbel", "gumbel": "gumbel", "puct": "puct", "uct": "uct"}
"""A name and the rule behind it."""


def named(name: str, value: Policy, *, simulations: int, prior: Prior = "policy", max_tokens: int = 64) -> TreeSearch:
    """A tree search that asks the value of a model, and never the truth.

    `prior` is the policy's own or, to see what that is worth, uniform over the steps that the rules allow. Raises
    UnknownNameError.
    """
    if name not in NAMES:
        raise UnknownNameError("search", name, NAMES)
    propose = Sampled(max_tokens=max_tokens) if prior == "policy" else uniform
    return TreeSearch(propose, Valued(value), simulations, rule=NAMES[name])  # type: ignore[arg-type]
