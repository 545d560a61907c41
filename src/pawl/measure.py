"""A policy before the meters: what a generation says of itself, none of which any part of the loop optimises.

Every function gives `name -> number`; what cannot be measured is left out.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from pawl.errors import TrainingError
from pawl.interfaces import Policy, Trainable
from pawl.judges.prefixes import step_prefixes, values, whole
from pawl.keys import permutation, stream
from pawl.meters.calibration import auroc, auroc_within, brier_score, expected_calibration_error, reliability
from pawl.meters.divergence import divergence, sampler_distance
from pawl.meters.diversity import distinct_n, mean_entropy
from pawl.meters.judge_rates import JudgeRates, judge_rates
from pawl.meters.passk import mean_pass_at_k
from pawl.meters.truth_bits import filter_bits
from pawl.records import Attempt, FloatArray, IntArray, TokenExample, Verdict

DIVERSITY_TOKENS = 10_000
"""Tokens over which distinct n-grams are counted, the same in every generation."""
DISTANCE_ATTEMPTS = 512
"""Attempts on which the distance to the reference is estimated."""
GAP_ATTEMPTS = 128
"""Attempts whose log-probabilities are computed again."""
VALUE_ATTEMPTS = 1024
"""Attempts on which a value is measured, each at a few prefixes."""
VALUE_STEPS = 4
"""Steps after which it is measured; most attempts have fewer."""

Metrics = dict[str, float]


def sampled(attempts: Sequence[Attempt], verdicts: Sequence[Verdict], key: int) -> Metrics:
    """Accuracy, diversity, entropy and truth bits of a generation's attempts."""
    scores = [verdict.score for verdict in verdicts if verdict.score is not None]
    by_problem: dict[str, list[float]] = defaultdict(list)
    for attempt, verdict in zip(attempts, verdicts, strict=True):
        if verdict.score is not None:
            by_problem[attempt.problem.id].append(verdict.score)
    completions = [attempt.completion for attempt in attempts if attempt.error is None]
    metrics: Metrics = {
        "attempts": len(attempts),
        "abstained": len(attempts) - len(scores),
        "right": sum(score >= 1 for score in scores),
        "problems": len(by_problem),
        "problems_solved": sum(max(found) >= 1 for found in by_problem.values()),
        "tokens_sampled": sum(len(completion.tokens) for completion in completions),
        "cut_off": sum(completion.finish == "length" for completion in completions),
        "truth_bits_self": filter_bits(sum(score >= 1 for score in scores), len(scores)),
    }
    if scores:
        metrics["sampled_accuracy"] = float(np.mean(scores))
    if any(len(completion.logprobs) for completion in completions):
        metrics["entropy"] = mean_entropy([completion.logprobs for completion in completions])
    for n in (2, 4):
        distinct = distinct_n([completion.tokens for completion in completions], n, budget=DIVERSITY_TOKENS, key=key)
        if distinct is not None:
            metrics[f"distinct_{n}"] = distinct
    return metrics


def sampler_gap(policy: Policy, attempts: Sequence[Attempt], key: int) -> Metrics:
    """How far log-probabilities were while sampling from those of a full pass in float32, on a sample of the policy's
    own attempts, as `sampler_distance` gives it. What is far was sampled from other weights."""
    chosen = _some_written(attempts, stream(key, "sampler"), GAP_ATTEMPTS)
    if not chosen:
        return {}
    exact = policy.logprobs([attempt.prompt_tokens for attempt in chosen],
                            [attempt.completion.tokens for attempt in chosen])
    return sampler_distance([attempt.completion.logprobs for attempt in chosen], exact)


def _some_written(attempts: Sequence[Attempt], key: int, count: int) -> list[Attempt]:
    """So many attempts that say something, at most, drawn by chance."""
    written = [attempt for attempt in attempts if len(attempt.completion.tokens)]
    return [written[i] for i in permutation(key, len(written))[:count]]


def distance(reference: Policy, attempts: Sequence[Attempt], key: int) -> Metrics:
    """KL(policy || reference) in nats per token, estimated on a sample of the policy's own attempts."""
    chosen = _some_written(attempts, stream(key, "distance"), DISTANCE_ATTEMPTS)
    if not chosen:
        return {}
    theirs = reference.logprobs([attempt.prompt_tokens for attempt in chosen],
                                [attempt.completion.tokens for attempt in chosen])
    return {"kl": divergence([attempt.completion.logprobs for attempt in chosen], theirs).k3_per_token}


def real_loss(policy: Policy, held_out: Sequence[TokenExample]) -> Metrics:
    """Loss on real text that was kept back from every batch, in nats per token."""
    if not held_out:
        return {}
    logprobs = policy.logprobs([example.tokens[: example.prompt_length] for example in held_out],
                               [example.tokens[example.prompt_length :] for example in held_out])
    return {"real_loss": -float(np.concatenate(logprobs).mean())}


@torch.no_grad()
def parameter_change(after: Trainable, before: Trainable) -> Metrics:
    """`parameter_change`: the L2 norm of the change of the weights over that of the weights before, of the parameters
    that both have. Raises TrainingError where weights became no numbers."""
    was = dict(before.named_parameters())
    pairs = [(new, was[name]) for name, new in after.named_parameters() if name in was and was[name].shape == new.shape]
    moved = math.hypot(*(_norm(new.float() - old.to(new.device).float()) for new, old in pairs))
    norm = math.hypot(*(_norm(old.float()) for _, old in pairs))
    if not math.isfinite(moved):
        raise TrainingError(f"the weights must be finite after training, got a change of {moved}",
                            hint="lower learning_rate")
    return {"parameter_change": moved / norm} if norm else {}


def _norm(numbers: torch.Tensor) -> float:
    return float(torch.linalg.vector_norm(numbers))


def value(critic: Policy, attempts: Sequence[Attempt], verdicts: Sequence[Verdict], key: int,
          delimiter: str = "\n") -> Metrics:
    """How well a value foretells the truth of attempts from which it did not learn.

    Asked in the middle (after the middle step, or halfway through an answer of one step): whether it ranks right above
    wrong (AUROC), also at one and the same problem, and whether its numbers hold (calibration error, Brier score, the
    reliability table). Asked after each step that is not the last: AUROC by step. Asked at the end, as a filter that
    keeps what it thinks likelier right than wrong: what it keeps, and at which error rate such a filter breaks even.
    """
    decided = [i for i, verdict in enumerate(verdicts) if verdict.score is not None and attempts[i].error is None]
    places = [decided[i] for i in permutation(stream(key, "value"), len(decided))[:VALUE_ATTEMPTS]]
    if not places:
        return {}
    drawn = [attempts[i] for i in places]
    scores: FloatArray = np.array([verdicts[i].score for i in places], np.float32)
    inner = [[prefix.tokens for prefix in group[:-1]] for group in step_prefixes(critic, drawn, delimiter)]
    middle = [group[len(group) // 2] if group else _half(attempt) for attempt, group in zip(drawn, inner, strict=True)]
    asked, _ = values(critic, [[tokens, whole(attempt), *group]
                               for tokens, attempt, group in zip(middle, drawn, inner, strict=True)])
    found = _foretold([those[0] for those in asked], scores, [attempt.problem.id for attempt in drawn])
    kept = [those[1] > 0.5 for those in asked]
    return ({name: number for name, number in found.items() if number is not None}
            | _by_step([those[2:] for those in asked], scores >= 1) | _rates("value", judge_rates(kept, scores >= 1)))


def _half(attempt: Attempt) -> IntArray:
    """The prompt and the first half of an answer."""
    return whole(attempt)[: len(attempt.prompt_tokens) + len(attempt.completion.tokens) // 2]


def _foretold(expected: Sequence[float], scores: FloatArray, problems: Sequence[str]) -> dict[str, float | None]:
    """Ranking and calibration of values, and the table of expected and came by bin."""
    table: dict[str, float | None] = {}
    for one in reliability(expected, scores):
        table |= {f"value_bin_{one.place}_expected": one.expected, f"value_bin_{one.place}_came": one.came,
                  f"value_bin_{one.place}_count": one.count}
    return table | {"value_auroc": auroc(expected, scores >= 1),
                    "value_auroc_within": auroc_within(expected, scores >= 1, problems),
                    "value_ece": expected_calibration_error(expected, scores),
                    "value_brier": brier_score(expected, scores), "value_attempts": len(scores)}


def _by_step(steps: Sequence[FloatArray], right: NDArray[np.bool_]) -> Metrics:
    """AUROC after the first step, the second, ..., over the attempts that go on from there."""
    found: Metrics = {}
    for step in range(min(VALUE_STEPS, max(map(len, steps)))):
        longer = [i for i, those in enumerate(steps) if len(those) > step]
        ranked = auroc([steps[i][step] for i in longer], right[longer])
        if ranked is not None:
            found[f"value_auroc_step_{step + 1}"] = ranked
    return found


def _rates(name: str, rates: JudgeRates) -> Metrics:
    found: Metrics = {}
    for what, rate in (("phi", rates.phi), ("psi", rates.psi), ("errors", rates.errors)):
        if rate is not None:
            found |= _with_interval(f"{name}_{what}", rate.value, rate.interval) | {f"{name}_{what}_count": rate.count}
    if rates.break_even is not None and rates.break_even_interval is not None:
        found |= _with_interval(f"{name}_break_even", rates.break_even, rates.break_even_interval)
    return found


def _with_interval(name: str, number: float, interval: tuple[float, float]) -> Metrics:
    return {name: number, f"{name}_low": interval[0], f"{name}_high": interval[1]}


def pass_at(attempts: Sequence[Attempt], verdicts: Sequence[Verdict], *, k: int) -> Metrics:
    """pass@k from k attempts at each problem, which stand together; a problem of which the judge could not decide an
    attempt is left out."""
    assert len(attempts) % k == 0
    groups = [verdicts[start : start + k] for start in range(0, len(attempts), k)]
    right = [sum((verdict.score or 0.0) >= 1 for verdict in group) for group in groups
             if all(verdict.score is not None for verdict in group)]
    if not right:
        return {}
    rate, (low, high) = mean_pass_at_k(right, k, k)
    return {"pass@k": rate, "pass@k_low": low, "pass@k_high": high, "k": k, "pass@k_problems": len(right)}
