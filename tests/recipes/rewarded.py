"""Reward functions of TRL as users write them: a sound one, some of columns, and ways to be wrong."""

from __future__ import annotations

import math
import time
from typing import Any


def right(completions: list[str], answer: list[str], **columns: Any) -> list[float]:
    return [float(text == known) for text, known in zip(completions, answer, strict=True)]


def early(completions: list[str], **columns: Any) -> list[float]:
    """Likes letters by their place in the alphabet, a the best."""
    return [max(0.0, 1 - abs(ord(text[0]) - ord("a")) / 10) if text else 0.0 for text in completions]


def by_level(completions: list[str], level: list[int], **columns: Any) -> list[float]:
    return [each / 10 for each in level]


def none_everywhere(completions: list[str], **columns: Any) -> list[None]:
    return [None] * len(completions)


def constant(completions: list[str], **columns: Any) -> list[float]:
    return [0.5] * len(completions)


def no_number(completions: list[str], **columns: Any) -> list[float]:
    return [math.nan] * len(completions)


def too_few(completions: list[str], **columns: Any) -> list[float]:
    return [1.0] * (len(completions) - 1)


def slow_at_a(completions: list[str], answer: list[str], **columns: Any) -> list[float]:
    if any(text.startswith("a") for text in completions):
        time.sleep(60)
    return right(completions, answer)


def raises_at_a(completions: list[str], answer: list[str], **columns: Any) -> list[float]:
    if any(text.startswith("a") for text in completions):
        raise RuntimeError("no a")
    return right(completions, answer)
