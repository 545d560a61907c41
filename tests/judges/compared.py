"""Who compares two answers, as a function of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from pawl.judges.asks import Question, Reply


def shown(prompt: str) -> tuple[str, str]:
    """The two answers as they stand in a prompt."""
    first, second = re.findall(r"answer [AB] begins.*?\]\n(.*?)\n\[[0-9a-f]+: answer [AB] ends\]", prompt, re.DOTALL)
    return first, second


def replying(reply: Callable[[str, str], Reply]) -> Callable[[Sequence[Question]], list[Reply]]:
    """Who replies so to the two answers, in the order in which they stand."""
    return lambda questions: [reply(*shown(str(one.prompt))) for one in questions]


def briefer(first: str, second: str) -> Reply:
    """Prefers the shorter answer."""
    return Reply("A" if len(first) < len(second) else "B")
