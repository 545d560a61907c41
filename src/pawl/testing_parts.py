"""Whether a judge and a policy keep the contracts of `pawl.interfaces`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pawl.interfaces import Judge, Policy
from pawl.keys import row_keys, stream
from pawl.records import Attempt, Completion, IntArray, Problem, Prompt, Sampling, Verdict
from pawl.testing_ask import ODD_TEXTS, Broken, ask, findings_of, is_score, shown

_SECONDS_FOR_ALL = 60.0
_PROMPTS: tuple[Prompt, ...] = ("1+1=", "Say it backwards: abc\n", "2")


def check_judge(judge: Judge, attempts: Sequence[Attempt] | None = None) -> list[str]:
    """What is wrong with a judge, a sentence each; empty when nothing is.

    It is asked about `attempts`, or else about answers to `1+1=`, odd ones among them; a judge that needs more of a
    problem than its prompt and answer needs attempts of its own task.
    """
    asked = list(_attempts() if attempts is None else attempts)
    return findings_of(_verdicts(judge, asked))


def _attempts() -> Iterator[Attempt]:
    problem = Problem("1+1", "1+1=", "train", "2")
    for index, text in enumerate(["2", "3", *ODD_TEXTS.values()]):
        completion = Completion(text, np.zeros(1, np.int32), np.zeros(1, np.float32), "stop")
        yield Attempt(problem, index, np.zeros(1, np.int32), completion)


def _verdicts(judge: Judge, attempts: Sequence[Attempt]) -> Iterator[str]:
    if _judged(judge, []):
        yield "a judge must give no verdict when there is no attempt, got some"
    verdicts = _judged(judge, attempts)
    for attempt, verdict in zip(attempts, verdicts, strict=True):
        if verdict.score is not None and not is_score(verdict.score):
            yield f"a score must be None or in [0, 1], got {shown(verdict.score)} for {shown(attempt.completion.text)}"
        if not isinstance(verdict.judge, str) or not verdict.judge:
            yield f"a verdict must name its judge, got {shown(verdict.judge)}"
    again = _judged(judge, attempts)
    if [verdict.score for verdict in again] != [verdict.score for verdict in verdicts]:
        yield "a judge must say the same of the same attempts each time, got other scores"
    failed = [replace(attempt, error="sample: it failed") for attempt in attempts[:1]]
    if any(verdict.score is not None for verdict in _judged(judge, failed)):
        yield "a judge must abstain (score None) on an attempt that failed before it was judged, got a score"


def _judged(judge: Judge, attempts: Sequence[Attempt]) -> list[Verdict]:
    verdicts: Any = ask("the judge", lambda: judge(attempts), seconds=_SECONDS_FOR_ALL)
    if not isinstance(verdicts, list) or not all(isinstance(verdict, Verdict) for verdict in verdicts):
        raise Broken(f"a judge must give a list of pawl.records.Verdict, got {shown(verdicts)}")
    if len(verdicts) != len(attempts):
        raise Broken(f"a judge must give a verdict for each of {len(attempts)} attempts, got {len(verdicts)}")
    return verdicts


def check_policy(
    policy: Policy, prompts: Sequence[Prompt] = _PROMPTS, *, max_tokens: int = 8, tolerance: float = 1e-3
) -> list[str]:
    """What is wrong with a policy, a sentence each; empty when nothing is. `tolerance` is in nats."""
    try:
        prefixes = [_encoded(policy, prompt) for prompt in prompts]
    except Broken as broken:
        return [str(broken)]
    asked = _Asked(policy, prefixes, max_tokens, tolerance)
    return findings_of(asked.shapes(), asked.neighbours(), asked.greedy(), asked.stops(), asked.agreement())


def _encoded(policy: Policy, prompt: Prompt) -> IntArray:
    tokens, again = (np.asarray(ask("encode", lambda: policy.encode(prompt))) for _ in range(2))
    if tokens.ndim != 1 or tokens.dtype != np.int32:
        raise Broken(f"encode must give int32 tokens [P], got {shown(tokens)}")
    if not np.array_equal(tokens, again):
        raise Broken(f"encode must give the same tokens each time, got others for {shown(prompt)}")
    return tokens


class _Asked:
    """A policy and what it is asked; each method is one check."""

    def __init__(self, policy: Policy, prefixes: Sequence[IntArray], max_tokens: int, tolerance: float) -> None:
        self._policy, self._prefixes, self._tolerance = policy, prefixes, tolerance
        self._sampling = Sampling(max_tokens=max_tokens)
        self._keys = row_keys(stream(0, "check"), [str(i) for i in range(len(prefixes))], 2)

    def _proposed(self, rows: Sequence[int], sampling: Sampling, seed: int = 0) -> list[list[Completion]]:
        """Two completions of each of these prefixes, by each prefix's own keys."""
        prefixes, keys = [self._prefixes[row] for row in rows], self._keys[list(rows)] + np.uint64(seed)
        made: Any = ask(
            "propose", lambda: self._policy.propose(prefixes, 2, sampling=sampling, keys=keys), seconds=_SECONDS_FOR_ALL
        )
        if [len(group) for group in made] != [2] * len(rows):
            raise Broken(f"propose must give 2 completions of each of {len(rows)} prefixes, got another number")
        return list(made)

    def _all(self, sampling: Sampling, seed: int = 0) -> list[list[Completion]]:
        return self._proposed(range(len(self._prefixes)), sampling, seed)

    def shapes(self) -> Iterator[str]:
        most = self._sampling.max_tokens
        for completion in (completion for group in self._all(self._sampling) for completion in group):
            tokens, logprobs = completion.tokens, completion.logprobs
            if tokens.ndim != 1 or tokens.dtype != np.int32 or not 1 <= len(tokens) <= most:
                yield f"tokens must be int32 [1 to {most}], got {tokens.dtype} {list(tokens.shape)}"
            if logprobs.shape != tokens.shape or logprobs.dtype != np.float32:
                yield "logprobs must be float32, one a token, got another shape or type"
            elif not (np.isfinite(logprobs) & (logprobs <= self._tolerance)).all():
                yield f"logprobs of sampled tokens must be finite and 0 at most, got {shown(logprobs.tolist())}"
            if completion.finish not in ("stop", "length"):
                yield f"finish must be stop or length, got {shown(completion.finish)}"
            elif completion.finish == "length" and len(tokens) != most:
                yield f"a completion must finish by length at {most} tokens only, got {len(tokens)}"
            elif (text := self._decoded(tokens)) != completion.text:
                yield f"decode must give a completion's text, got {shown(text)} for {shown(completion.text)}"

    def _decoded(self, tokens: IntArray) -> Any:
        return ask("decode", lambda: self._policy.decode(tokens))

    def neighbours(self) -> Iterator[str]:
        together = self._all(self._sampling)
        rows = range(len(self._prefixes))
        alone = [self._proposed([row], self._sampling)[0] for row in rows]
        backwards = self._proposed(rows[::-1], self._sampling)[::-1]
        for others in (alone, backwards):
            if _tokens(others) != _tokens(together):
                yield "what a row draws must not depend on its neighbours, got other tokens in other company"

    def greedy(self) -> Iterator[str]:
        sampling = replace(self._sampling, temperature=0.0)
        if _tokens(self._all(sampling)) != _tokens(self._all(sampling, seed=1)):
            yield "greedy completions must not depend on the keys, got others for other keys"

    def stops(self) -> Iterator[str]:
        for row, group in enumerate(self._all(self._sampling)):
            mark = next((c for c in group[0].text if c.isascii() and c.isalnum()), None)
            if mark is not None:
                text = self._proposed([row], replace(self._sampling, stop=(mark,)))[0][0].text
                if text != group[0].text.partition(mark)[0]:
                    yield f"a completion must end before the stop string {mark!r}, got {shown(text)}"

    def agreement(self) -> Iterator[str]:
        policy, prefixes = self._policy, self._prefixes
        completions = [group[0] for group in self._all(self._sampling)]
        tokens = [completion.tokens for completion in completions]
        again: Any = ask("logprobs", lambda: policy.logprobs(prefixes, tokens), seconds=_SECONDS_FOR_ALL)
        thoughts: Any = ask("evaluate", lambda: policy.evaluate(prefixes), seconds=_SECONDS_FOR_ALL)
        if len(again) != len(prefixes) or len(thoughts) != len(prefixes):
            raise Broken("logprobs and evaluate must answer for each prefix, got another number of answers")
        for completion, logprobs, thought in zip(completions, again, thoughts, strict=True):
            if not np.allclose(logprobs, completion.logprobs, rtol=0, atol=self._tolerance):
                yield "logprobs must be those that came with the sample, got others"
            if abs(np.logaddexp.reduce(thought.logprobs.astype(np.float64))) > self._tolerance:
                yield "the probabilities of an evaluation must sum to 1, got another sum"
            if abs(thought.logprobs[completion.tokens[0]] - completion.logprobs[0]) > self._tolerance:
                yield "an evaluation must agree with the sample on its first token, got another log-probability"
            if not is_score(thought.value):
                yield f"a value must be in [0, 1], got {shown(thought.value)}"


def _tokens(groups: Sequence[Sequence[Completion]]) -> list[list[list[int]]]:
    return [[completion.tokens.tolist() for completion in group] for group in groups]
