"""A language model as a critic by written principles: it says what is wrong with an answer, and puts it better.

Bai et al., "Constitutional AI: harmlessness from AI feedback", 2022, sections 3 and 4: critique and revision first,
then preferences by the same principles; or, without a reward model, a number for each answer (Lee et al. 2023,
d-RLAIF). Whether the model is right is for others to measure: `pawl.meters.judge_rates` and `pawl.meters.bias` can.

Not covered: examples of good critiques in the prompt; a model that was not taught to follow instructions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from pawl.errors import ConfigError
from pawl.interfaces import Critic
from pawl.judges.asks import Asked, Asks, Question, Reply, ask_once
from pawl.judges.pairwise import Pairwise, Preference
from pawl.judges.pointwise import Pointwise
from pawl.judges.spoken import Unclear, whole_text
from pawl.judges.wording import critique_prompt, revision_prompt
from pawl.records import Attempt, Revision, Verdict

Item = TypeVar("Item")
Said = TypeVar("Said")


class LanguageCritic:
    """Implements `Critic` with a model that can be asked."""

    def __init__(self, asks: Asks, *, max_tokens: int = 512, critique_tokens: int = 512, most: int = 20_000,
                 name: str = "critic") -> None:
        """Revisions are of `max_tokens` tokens at most, critiques of `critique_tokens`; `most` characters are shown of
        each text."""
        if min(max_tokens, critique_tokens) < 1 or most < 2:
            raise ConfigError("max_tokens and critique_tokens must be 1 or more and most 2 or more, got "
                              f"{max_tokens}, {critique_tokens} and {most}")
        self.name, self._asks, self._most = name, asks, most
        self._max_tokens, self._critique_tokens = max_tokens, critique_tokens
        self.asked = Asked()
        """What it has asked so far."""

    def revise(self, attempts: Sequence[Attempt], principles: Sequence[str]) -> list[Revision]:
        """Two questions each; an attempt that failed is not asked about. There is no revision where a reply is missing,
        empty or cut off."""
        begun = [Revision(attempt, principle, error=attempt.error)
                 for attempt, principle in zip(attempts, principles, strict=True)]
        criticised = self._next(begun, lambda one: critique_prompt(one.attempt, one.principle, most=self._most),
                                lambda one, text: Revision(one.attempt, one.principle, critique=text),
                                max_tokens=self._critique_tokens)
        return self._next(criticised,
                          lambda one: revision_prompt(one.attempt, one.principle, one.critique, most=self._most),
                          lambda one, text: Revision(one.attempt, one.principle, one.critique, text),
                          max_tokens=self._max_tokens)

    def prefers(self, pairs: Sequence[tuple[Attempt, Attempt]], principles: Sequence[str]) -> list[bool | None]:
        """Each pair in both orders; None where both say nothing for one side."""
        said = self._by_principle(pairs, principles, self._preferences)
        return [None if one.chance in (None, 0.5) else one.chance > 0.5 for one in said]

    def rate(self, attempts: Sequence[Attempt], principles: Sequence[str]) -> list[Verdict]:
        """The mean of a number from 1 to 10, on a scale from 0 to 1."""
        return self._by_principle(attempts, principles, self._verdicts)

    def _preferences(self, pairs: Sequence[tuple[Attempt, Attempt]], principle: str) -> list[Preference]:
        judge = Pairwise(self._asks, principle, most=self._most)
        said = judge.prefers(pairs)
        self.asked += judge.asked
        return said

    def _verdicts(self, attempts: Sequence[Attempt], principle: str) -> list[Verdict]:
        judge = Pointwise(self._asks, principle, most=self._most, name=self.name)
        said = judge(attempts)
        self.asked += judge.asked
        return said

    def _by_principle(self, asked: Sequence[Item], principles: Sequence[str],
                      judge: Callable[[Sequence[Item], str], list[Said]]) -> list[Said]:
        """What a judge says of each by its own principle, all of a principle in one call."""
        said: dict[int, Said] = {}
        for principle in dict.fromkeys(principles):
            places = [place for place, own in enumerate(principles) if own == principle]
            said |= dict(zip(places, judge([asked[place] for place in places], principle), strict=True))
        return [said[place] for place in range(len(asked))]

    def _next(self, revisions: Sequence[Revision], prompt: Callable[[Revision], str],
              made: Callable[[Revision, str], Revision], *, max_tokens: int) -> list[Revision]:
        """A reply in words to each that has not failed."""
        whole = [one for one in revisions if one.error is None]
        replies, asked = ask_once(self._asks, [Question(prompt(one), (), max_tokens) for one in whole])
        self.asked += asked
        left = iter(replies)
        return [one if one.error is not None else _made(one, next(left), made) for one in revisions]


def _made(one: Revision, reply: Reply, made: Callable[[Revision, str], Revision]) -> Revision:
    try:
        if reply.error is not None:
            raise Unclear(reply.error)
        if not (text := whole_text(reply).strip()):
            raise Unclear("the reply is empty")
        return made(one, text)
    except Unclear as unclear:
        return Revision(one.attempt, one.principle, one.critique, error=str(unclear))


class ByPrinciples:
    """A judge that asks a critic about each attempt by every principle: the mean, where it said something of each."""

    def __init__(self, critic: Critic, principles: Sequence[str]) -> None:
        """Raises ConfigError without a principle."""
        if not principles:
            raise ConfigError("a judge by principles must have one or more, got none")
        self._critic, self._principles, self.name = critic, tuple(principles), critic.name

    def __call__(self, attempts: Sequence[Attempt]) -> list[Verdict]:
        said = [self._critic.rate(attempts, [principle] * len(attempts)) for principle in self._principles]
        return [self._together(list(verdicts)) for verdicts in zip(*said, strict=True)]

    def _together(self, verdicts: Sequence[Verdict]) -> Verdict:
        scores = [verdict.score for verdict in verdicts if verdict.score is not None]
        if len(scores) == len(verdicts):
            return Verdict(sum(scores) / len(scores), self.name)
        return Verdict(None, self.name, next(verdict.error for verdict in verdicts if verdict.score is None))
