"""The field's algorithms by name: what a policy learns of a round of attempts, and what is minimised.

All of them play, are judged, and train by the same loop. With one round a generation they learn from what the champion
wrote (rejection sampling, DPO); with many, from what they write as they change (GRPO, PPO, online DPO).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Literal, Protocol

import numpy as np

from pawl.errors import TaskError
from pawl.interfaces import Trainable
from pawl.learning.advantages import (
    BASELINES,
    Scores,
    gae,
    log_odds,
    reward_weights,
    whitened,
)
from pawl.learning.objective import Objective
from pawl.learning.reading import values_before
from pawl.learning.terms import Desirability, Likelihood, Preference, Surrogate
from pawl.records import Attempt, Demonstration, Flags, FloatArray, IntArray, StepValues, TokenExample, Verdict
from pawl.selection.examples import chosen_examples, demonstration_examples, weighed_examples
from pawl.selection.pairs import better_and_worse
from pawl.selection.select import select

TRACE = 0.95
"""Of PPO's advantages: lambda."""
TINY = 1e-9
"""An advantage that a mean's rounding leaves of scores that are alike."""
VALUE = 0.5
"""Of PPO: weight of the value's loss."""


class Dials(Protocol):
    """What an algorithm may ask of a recipe's settings."""

    @property
    def attempts(self) -> int: ...

    @property
    def beta(self) -> float: ...

    @property
    def clip(self) -> tuple[float, float]: ...

    @property
    def max_tokens(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Round:
    """Attempts at problems, K at each and in their order, with what a judge said of them."""

    attempts: Sequence[Attempt]
    verdicts: Sequence[Verdict]
    policy: Trainable
    """Who made them, and learns."""
    reference: Trainable
    """What a preference is measured against."""
    in_log_odds: bool = False
    """Whether advantages are of the scores' log-odds: what a reward model learnt. PPO's are not: its value expects a
    score in [0, 1]."""

    def scores(self, count: int) -> Scores:
        """[N, K] NaN where nothing is known."""
        known = [math.nan if verdict.score is None or attempt.error else verdict.score
                 for attempt, verdict in zip(self.attempts, self.verdicts, strict=True)]
        scores = np.array(known, np.float64).reshape(-1, count)
        return log_odds(scores) if self.in_log_odds else scores


@dataclass(frozen=True, slots=True)
class Algorithm:
    """What is minimised, and of which examples."""

    says: str
    """What it is, in a sentence."""
    objective: Callable[[Dials], Objective]
    """Without anchors."""
    lessons: Callable[[Round, Dials], list[TokenExample]]
    """Of preferences, pairs, the better one first."""
    relative: bool = False
    """Whether the distance to the reference is in it already, weighed by beta."""
    last: bool = False
    """Whether the reference is the generation's champion and not the base."""
    gradient: bool = False
    """Whether it is a policy gradient, which is of answers at temperature 1."""


def right_ones(played: Round, dials: Dials) -> list[TokenExample]:
    """Right answers, once each."""
    return chosen_examples(played.attempts, select(played.attempts, played.verdicts, keep=dials.attempts, limit=10**9))


def by_reward(played: Round, dials: Dials) -> list[TokenExample]:
    """Answers by exp(score / beta), those of groups that are all alike left out: they say nothing."""
    scores = played.scores(dials.attempts)
    weights = np.where(telling(scores), reward_weights(scores, temperature=dials.beta), np.nan)
    return _written(played, np.where(np.isnan(scores), np.nan, weights).ravel())


def by_advantage(played: Round, dials: Dials, *, baseline: str) -> list[TokenExample]:
    """Answers by how much better they were than expected; none where nobody was."""
    scores = played.scores(dials.attempts)
    advantages = BASELINES[baseline](scores)
    advantages[np.abs(advantages) < TINY] = 0.0
    return _written(played, np.where(np.isnan(scores), np.nan, advantages).ravel()) if advantages.any() else []


def by_value(played: Round, dials: Dials) -> list[TokenExample]:
    """Answers whose tokens each have an advantage over what the policy's own value expected, and what that should have
    been: GAE of the score at the end."""
    judged = [(attempt, verdict.score) for attempt, verdict in zip(played.attempts, played.verdicts, strict=True)
              if verdict.score is not None and attempt.error is None and len(attempt.completion.tokens)]
    examples = weighed_examples([attempt for attempt, _ in judged], [1.0] * len(judged))
    found = []
    for expected, (_, score) in zip(values_before(played.policy, examples), judged, strict=True):
        rewards = np.zeros(len(expected))
        rewards[-1] = score
        found.append(gae(rewards, expected, trace=TRACE))
    if not found:
        return []
    advantages = whitened(np.concatenate([one for one, _ in found]))
    split = np.split(advantages, np.cumsum([len(one) for one, _ in found])[:-1])
    return [_stepwise(example, one, returns) for example, one, (_, returns) in zip(examples, split, found, strict=True)]


def preferred(played: Round, dials: Dials) -> list[TokenExample]:
    """The better and the worse of attempts at the same problem, in turn."""
    pairs = better_and_worse(played.attempts, played.verdicts, most=dials.attempts // 2)
    chosen = [played.attempts[place] for pair in pairs for place in pair]
    return compared(weighed_examples(chosen, [1.0] * len(chosen)), played.reference)


def real_and_own(played: Round, dials: Dials) -> list[TokenExample]:
    """A problem's known answer and the policy's own in turn, as long as they differ. Raises TaskError where no problem
    has a known answer."""
    known = {attempt.problem.id: attempt.problem for attempt in played.attempts if attempt.problem.answer}
    if not known:
        raise TaskError("spin must have problems with known answers, got none", hint="a dataset has them")
    real = {name: _cut(demonstration_examples([played.policy.encode_demonstration(
        Demonstration(problem.prompt, problem.answer or ""))])[0], played.policy.context)
            for name, problem in known.items()}
    own = [attempt for attempt in played.attempts if attempt.problem.id in known and not attempt.error
           and len(attempt.completion.tokens) and attempt.completion.text != attempt.problem.answer]
    pairs = zip((real[attempt.problem.id] for attempt in own), weighed_examples(own, [1.0] * len(own)), strict=True)
    return compared([one for pair in pairs for one in pair], played.reference)


def good_and_bad(played: Round, dials: Dials) -> list[TokenExample]:
    """Answers above the middle of all scores and those below it, which weigh as much in all. The reference's
    log-probabilities are raised by the distance that the policy has from it already."""
    scores = played.scores(dials.attempts).ravel()
    known = scores[~np.isnan(scores)]
    if not len(known) or known.min() == known.max():
        return []
    middle = (known.min() + known.max()) / 2
    good, bad = scores > middle, scores < middle
    weights = np.where(good, 1.0, np.where(bad, -good.sum() / bad.sum(), np.nan))
    examples = compared(_written(played, weights), played.reference)
    raised = distance_to_others(examples, played.policy, played.reference)
    return [replace(example, logprobs=_raised(example, raised)) for example in examples]


def compared(examples: Sequence[TokenExample], reference: Trainable) -> list[TokenExample]:
    """Examples with the reference's log-probabilities."""
    return [replace(example, logprobs=np.concatenate((np.zeros(example.prompt_length, np.float32), theirs)))
            for example, theirs in zip(examples, reference.logprobs(*_parts(examples)), strict=True)]


def distance_to_others(examples: Sequence[TokenExample], policy: Trainable, reference: Trainable) -> float:
    """KTO's reference point: how much likelier an answer to another prompt is to the policy than to the reference, in
    nats, 0 at least (Ethayarajh et al. 2024, section 4.1)."""
    prompts, answers = _parts(examples)
    answers = [answers[place] for place in _of_others([example.problem_id for example in examples])]
    pairs = zip(policy.logprobs(prompts, answers), reference.logprobs(prompts, answers), strict=True)
    return max(0.0, float(np.mean([float(ours.sum() - theirs.sum()) for ours, theirs in pairs])))


def _of_others(problems: Sequence[str]) -> list[int]:
    """For each example the place of one at another problem, those of a problem standing together: the first for the
    first of a problem, and so on; where there is one problem alone, of another of its own."""
    found: list[int] = []
    for _, group in groupby(range(len(problems)), key=problems.__getitem__):
        own = list(group)
        others = [*range(own[-1] + 1, len(problems)), *range(own[0])] or [*own[1:], own[0]]
        found += [others[number % len(others)] for number in range(len(own))]
    return found


def everything(played: Round, dials: Dials) -> list[TokenExample]:
    """Every answer, whoever wrote it and whatever it is worth: a teacher is asked at each of its tokens."""
    return _written(played, [1.0] * len(played.attempts))


def telling(scores: Scores) -> Flags:
    """[N, 1] whether a group's scores tell anything apart."""
    counts = (~np.isnan(scores)).sum(1, keepdims=True)
    known = np.where(np.isnan(scores), -np.inf, scores).max(1, keepdims=True)
    return np.asarray((counts > 1) & (known > np.where(np.isnan(scores), np.inf, scores).min(1, keepdims=True)))


def _written(played: Round, weights: Iterable[float]) -> list[TokenExample]:
    """Examples of attempts that say something, by their weights, NaN for those that are left out."""
    kept = [(attempt, float(weight)) for attempt, weight in zip(played.attempts, weights, strict=True)
            if attempt.error is None and len(attempt.completion.tokens) and not math.isnan(weight)]
    return weighed_examples([attempt for attempt, _ in kept], [weight for _, weight in kept])


def _cut(example: TokenExample, context: int) -> TokenExample:
    return replace(example, tokens=example.tokens[:context], weights=example.weights[:context])


def _parts(examples: Sequence[TokenExample]) -> tuple[list[IntArray], list[IntArray]]:
    """Prompts and answers."""
    return ([example.tokens[: example.prompt_length] for example in examples],
            [example.tokens[example.prompt_length :] for example in examples])


def _stepwise(example: TokenExample, advantages: Scores, returns: Scores) -> TokenExample:
    weights: FloatArray = np.concatenate((np.zeros(example.prompt_length), advantages)).astype(np.float32)
    places = np.arange(example.prompt_length - 1, len(example.tokens) - 1, dtype=np.int32)
    targets: FloatArray = returns.clip(0, 1).astype(np.float32)
    return replace(example, weights=weights, step_values=StepValues(places, targets, np.ones_like(targets)))


def _raised(example: TokenExample, by: float) -> FloatArray:
    """Log-probabilities whose sum over the answer is so much higher."""
    assert example.logprobs is not None
    logprobs = example.logprobs.copy()
    logprobs[example.prompt_length] += by
    return logprobs


def _clipped(dials: Dials, **more: object) -> Objective:
    low, high = dials.clip
    return Objective(Surrogate(low=low, high=high, **more))  # type: ignore[arg-type]  # its own fields


def _reinforce(dials: Dials) -> Objective:
    return Objective(Surrogate(low=math.inf, high=math.inf))


ALGORITHMS: Mapping[str, Algorithm] = {
    "sft": Algorithm("the likelihood of right answers (rejection sampling, ReST-EM)",
                     lambda dials: Objective(Likelihood()), right_ones),
    "rwr": Algorithm("the likelihood of answers, weighted by exp(score / beta) (reward-weighted regression)",
                     lambda dials: Objective(Likelihood()), by_reward, relative=True),
    "reinforce": Algorithm("policy gradient with the mean score as the baseline, without bounds", _reinforce,
                           partial(by_advantage, baseline="batch"), gradient=True),
    "rloo": Algorithm("policy gradient of whole answers, each beside the others at its problem",
                      partial(_clipped, ratio="sequence"), partial(by_advantage, baseline="leave-one-out"),
                      gradient=True),
    "grpo": Algorithm("policy gradient relative to the group, as published", partial(_clipped, per="sequence"),
                      partial(by_advantage, baseline="normalised"), gradient=True),
    "dapo": Algorithm("GRPO whose tokens all weigh the same: set a higher upper clip beside it",
                      _clipped, partial(by_advantage, baseline="normalised"), gradient=True),
    "dr-grpo": Algorithm("GRPO without its biases: neither by length nor by how hard a problem is",
                         lambda dials: _clipped(dials, per="length", length=float(dials.max_tokens)),
                         partial(by_advantage, baseline="group"), gradient=True),
    "ppo": Algorithm("policy gradient of tokens over what the policy's value expected (GAE)",
                     lambda dials: replace(_clipped(dials), value=VALUE), by_value, gradient=True),
    "dpo": Algorithm("preferences between answers at one problem; with many rounds, online DPO",
                     lambda dials: Objective(Preference("dpo", dials.beta)), preferred, relative=True),
    "ipo": Algorithm("preferences whose margin has a goal", lambda dials: Objective(Preference("ipo", dials.beta)),
                     preferred, relative=True),
    "kto": Algorithm("good and bad answers, without pairs", lambda dials: Objective(Desirability(dials.beta)),
                     good_and_bad, relative=True),
    "spin": Algorithm("preferences between a known answer and the policy's own (self-play fine-tuning)",
                      lambda dials: Objective(Preference("dpo", dials.beta)), real_and_own, relative=True, last=True),
}


def distillation(distance: Literal["reverse", "forward"]) -> Algorithm:
    """Next-token probabilities of a teacher, in the reverse or the forward direction of KL, at every token."""
    return Algorithm(f"a teacher's next-token probabilities, by {distance} KL",
                     lambda dials: Objective(term=None, kl=1.0, distance=distance, kl_rows=1), everything,
                     relative=True)
