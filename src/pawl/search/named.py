"""Searches by name, as `--search` and a recipe's settings call them."""

from __future__ import annotations

from typing import Literal

from pawl.errors import UnknownNameError
from pawl.search.mcts import TreeSearch
from pawl.search.steps import Sampled, uniform, value_head

Prior = Literal["policy", "uniform"]

NAMES = {"mcts": "gumbel", "gumbel": "gumbel", "puct": "puct", "uct": "uct"}
"""A name and the rule behind it."""


def named(name: str, *, simulations: int, prior: Prior = "policy", max_tokens: int = 64,
          noise: bool = False) -> TreeSearch:
    """A tree search that asks the policy's own value and never the truth.

    `prior` is the policy's own or, to see what that is worth, uniform over the steps that the rules allow. Raises
    UnknownNameError.
    """
    if name not in NAMES:
        raise UnknownNameError("search", name, NAMES)
    propose = Sampled(max_tokens=max_tokens) if prior == "policy" else uniform
    return TreeSearch(propose, value_head, simulations, rule=NAMES[name], noise=noise)  # type: ignore[arg-type]
