"""A policy before the meters: what a generation says of itself, none of which any part of the loop optimises.

Every function gives `name -> number`; what cannot be measured is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from pawl.interfaces import Judge, Policy
from pawl.keys import permutation, stream
from pawl.meters.calibration import auroc, expected_calibration_error
from pawl.meters.divergence import divergence
from pawl.meters.diversity import distinct_n, mean_entropy
from pawl.meters.passk import mean_pass_at_k
from pawl.meters.truth_bits import filter_bits
from pawl.play import play
from pawl.records import Attempt, FloatArray, Problem, Sampling, TokenExample, Verdict

DIVERSITY_TOKENS = 10_000
"""Tokens over which distinct n-grams are counted, the same in every generation."""
DISTANCE_ATTEMPTS = 512
"""Attempts on which the distance to the reference is estimated."""

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


def distance(reference: Policy, attempts: Sequence[Attempt], key: int) -> Metrics:
    """KL(policy || reference) in nats per token, estimated on a sample of the policy's own attempts."""
    written = [attempt for attempt in attempts if len(attempt.completion.tokens)]
    chosen = [written[i] for i in permutation(stream(key, "distance"), len(written))[:DISTANCE_ATTEMPTS]]
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


def value(policy: Policy, attempts: Sequence[Attempt], scores: FloatArray) -> Metrics:
    """How well the value, asked halfway through an attempt, foretells the attempt's truth: does it rank right above
    wrong (AUROC), and do its numbers hold (expected calibration error)."""
    halves = [attempt.completion.tokens[: len(attempt.completion.tokens) // 2] for attempt in attempts]
    prefixes = [np.concatenate((attempt.prompt_tokens, half)) for attempt, half in zip(attempts, halves, strict=True)]
    if not prefixes:
        return {}
    values = [evaluation.value for evaluation in policy.evaluate(prefixes)]
    found = {"value_auroc": auroc(values, scores >= 1), "value_ece": expected_calibration_error(values, scores)}
    return {name: number for name, number in found.items() if number is not None}


def pass_at(policy: Policy, problems: Sequence[Problem], judge: Judge, *, k: int, sampling: Sampling,
            key: int) -> Metrics:
    """pass@k from k attempts at each problem; a problem of which the judge could not decide an attempt is left out."""
    verdicts = judge(play(policy, problems, k, sampling=sampling, key=key))
    groups = [verdicts[start : start + k] for start in range(0, len(verdicts), k)]
    right = [sum((verdict.score or 0.0) >= 1 for verdict in group) for group in groups
             if all(verdict.score is not None for verdict in group)]
    if not right:
        return {}
    rate, (low, high) = mean_pass_at_k(right, k, k)
    return {"pass@k": rate, "pass@k_low": low, "pass@k_high": high, "k": k, "pass@k_problems": len(right)}
