"""A language model as a judge of two attempts at one problem: which is the better.

Models favour whichever answer stands first, or second (Wang et al., "Large language models are not fair evaluators",
2023; Zheng et al., "Judging LLM-as-a-judge with MT-Bench and Chatbot Arena", 2023). So each pair is asked in both
orders. Where the model tells chances, the preference is their mean over the orders (Lee et al. 2023); in words there is
one only where both orders agree. How often they do, and where not, which place was favoured, is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pawl.errors import ConfigError
from pawl.judges.asks import Asked, Asks, Question, Reply, ask_once, expect
from pawl.judges.spoken import LEAST_CHANCE, Unclear, choice_in, shares, whole_text
from pawl.judges.wording import FIRST, SECOND, SHORT, checked, comparing_prompt
from pawl.records import Attempt

Pair = tuple[Attempt, Attempt]


@dataclass(frozen=True, slots=True)
class Preference:
    """What is known of which of two attempts is the better."""

    chance: float | None
    """That it is the first, in [0, 1]; None where the model could not say."""
    error: str | None = None
    """Why it could not."""


class Pairwise:
    """Asks which of two attempts keeps better to a principle."""

    def __init__(self, asks: Asks, principle: str, *, reasons: bool = False, max_tokens: int = 512, most: int = 20_000,
                 least_chance: float = LEAST_CHANCE) -> None:
        """With `reasons` the model writes up to `max_tokens` tokens before its choice, and chances are not asked for.
        `most` characters are shown of a problem and of each answer. `least_chance`: what both choices must have
        together, for chances to count."""
        checked(principle, most)
        self._asks, self._principle, self._reasons = asks, principle, reasons
        self._max_tokens, self._most, self._least_chance = max_tokens if reasons else SHORT, most, least_chance
        self.asked = Asked()
        """What it has asked so far."""

    def expect(self, pairs: Sequence[Pair]) -> None:
        """These pairs will be asked about, once."""
        expect(self._asks, [question for pair in pairs if _settled(pair) is None for question in self._questions(pair)])

    def prefers(self, pairs: Sequence[Pair]) -> list[Preference]:
        """The preference within each pair. Equal answers are not asked about: neither is the better. Raises ConfigError
        for attempts at different problems."""
        settled = [_settled(pair) for pair in pairs]
        unsettled = [pair for pair, known in zip(pairs, settled, strict=True) if known is None]
        replies, asked = ask_once(self._asks, [question for pair in unsettled for question in self._questions(pair)])
        looks = [self._look(reply) for reply in replies]
        both = list(zip(looks[::2], looks[1::2], strict=True))
        self.asked += replace(asked, pairs=len(both), **Counter(_outcome(*orders) for orders in both))
        found = iter(both)
        return [known if known is not None else _preference(*next(found)) for known in settled]

    def _questions(self, pair: Pair) -> tuple[Question, Question]:
        """In the order of the pair, and the other way round."""
        first, second = (Question(comparing_prompt(*order, self._principle, most=self._most, reasons=self._reasons),
                                  () if self._reasons else (FIRST, SECOND), self._max_tokens)
                         for order in (pair, pair[::-1]))
        return first, second

    def _look(self, reply: Reply) -> _Look:
        try:
            return self._chance(reply)
        except Unclear as unclear:
            return _Look(None, error=str(unclear))

    def _chance(self, reply: Reply) -> _Look:
        """Raises Unclear."""
        chances = shares(reply, (FIRST, SECOND), least=self._least_chance)
        if chances is not None:
            return _Look(chances[0], told=True)
        return _Look(float(choice_in(whole_text(reply), (FIRST, SECOND)) == FIRST))


@dataclass(frozen=True, slots=True)
class _Look:
    """What one order came to."""

    chance: float | None
    """That whichever stands first is the better."""
    told: bool = False
    """Whether the model told chances."""
    error: str | None = None


def _settled(pair: Pair) -> Preference | None:
    """The preference within a pair about which there is nothing to ask. Raises ConfigError."""
    first, second = pair
    if first.problem.id != second.problem.id:
        raise ConfigError(f"a pair must be of attempts at one problem, got {first.problem.id!r} and "
                          f"{second.problem.id!r}")
    if (error := first.error or second.error) is not None:
        return Preference(None, error)
    return Preference(0.5) if first.completion.text == second.completion.text else None


def _outcome(there: _Look, back: _Look) -> str:
    """What a pair's two orders came to, by its name in `Asked`."""
    if there.chance is None or back.chance is None or 0.5 in (there.chance, back.chance):
        return "undecided"
    if (there.chance > 0.5) != (back.chance > 0.5):
        return "consistent"
    return "first_twice" if there.chance > 0.5 else "second_twice"


def _preference(there: _Look, back: _Look) -> Preference:
    if there.chance is None or back.chance is None:
        return Preference(None, there.error or back.error)
    if there.told and back.told:
        return Preference((there.chance + 1 - back.chance) / 2)
    match _outcome(there, back):
        case "consistent":
            return Preference(float(there.chance > 0.5))
        case "first_twice" | "second_twice" as name:
            return Preference(None, f"the orders disagree: whichever stood {name.removesuffix('_twice')} was preferred")
    return Preference(None, "an order found both alike")
