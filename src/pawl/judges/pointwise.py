"""A language model as a judge of one attempt at a time: how well it keeps to a principle, as a number on a scale.

Where the model tells the chances of the scale's numbers, the score is the mean under them: the direct feedback of Lee
et al., "RLAIF vs. RLHF: scaling reinforcement learning from human feedback with AI feedback", 2023
(d-RLAIF). Else it is the number in the reply. What the judge is worth is not known here: `pawl.meters.judge_rates`
compares it with the truth.
"""

from __future__ import annotations

from collections.abc import Sequence

from pawl.errors import ConfigError
from pawl.judges.asks import Asked, Asks, Question, Reply, ask_once, expect
from pawl.judges.spoken import LEAST_CHANCE, Unclear, score_in, shares, whole_text
from pawl.judges.wording import SHORT, checked, rating_prompt
from pawl.records import Attempt, Verdict

MOST_NUMBERS = 101
"""Of a scale: each is an answer whose chance is asked for."""


class Pointwise:
    """Implements `Early` for a model that can begin to reply before it is asked."""

    def __init__(self, asks: Asks, principle: str, *, scale: tuple[int, int] = (1, 10), reasons: bool = False,
                 max_tokens: int = 512, most: int = 20_000, least_chance: float = LEAST_CHANCE,
                 name: str = "pointwise") -> None:
        """`scale`: the lowest and the highest number, which become 0 and 1. With `reasons` the model writes up to
        `max_tokens` tokens before its number, and chances are not asked for. `most` characters are shown of a problem
        and of an answer. `least_chance`: what the scale's numbers must have together, for chances to count."""
        low, high = scale
        if not (isinstance(low, int) and isinstance(high, int) and low < high < low + MOST_NUMBERS):
            raise ConfigError(f"a scale must be of 2 to {MOST_NUMBERS} whole numbers, got one from {low} to {high}")
        checked(principle, most)
        self.name, self._asks, self._principle, self._scale, self._reasons = name, asks, principle, (low, high), reasons
        self._max_tokens, self._most, self._least_chance = max_tokens if reasons else SHORT, most, least_chance
        self._numbers = range(low, high + 1)
        self.asked = Asked()
        """What it has asked so far."""

    def expect(self, attempts: Sequence[Attempt]) -> None:
        expect(self._asks, [self._question(attempt) for attempt in attempts if attempt.error is None])

    def __call__(self, attempts: Sequence[Attempt]) -> list[Verdict]:
        """The model's score of each attempt. It abstains on one that failed, and where the model gave no reply or one
        that may be read in two ways."""
        whole = [attempt for attempt in attempts if attempt.error is None]
        replies, asked = ask_once(self._asks, [self._question(attempt) for attempt in whole])
        self.asked += asked
        left = iter(replies)
        return [Verdict(None, self.name, attempt.error) if attempt.error is not None else self._verdict(next(left))
                for attempt in attempts]

    def _question(self, attempt: Attempt) -> Question:
        prompt = rating_prompt(attempt, self._principle, self._scale, most=self._most, reasons=self._reasons)
        return Question(prompt, () if self._reasons else tuple(map(str, self._numbers)), self._max_tokens)

    def _verdict(self, reply: Reply) -> Verdict:
        try:
            return Verdict(self._score(reply), self.name)
        except Unclear as unclear:
            return Verdict(None, self.name, str(unclear))

    def _score(self, reply: Reply) -> float:
        """In [0, 1]. Raises Unclear."""
        low, high = self._scale
        chances = shares(reply, tuple(map(str, self._numbers)), least=self._least_chance)
        number = (score_in(whole_text(reply), self._scale) if chances is None
                  else sum(n * chance for n, chance in zip(self._numbers, chances, strict=True)))
        return min(1.0, max(0.0, (number - low) / (high - low)))
