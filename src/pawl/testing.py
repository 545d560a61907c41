"""For tests of one's own parts: a policy that answers from a script, and checks that a part keeps its contract.

`check` is what `pawl check module:name` runs. A check gives back findings, a sentence each; none means that nothing
was found on the problems that were looked at. Not covered: whether a score measures what was meant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pawl.keys import uniforms
from pawl.records import Completion, Demonstration, Evaluation, FloatArray, IntArray, KeyArray, Prompt, Sampling
from pawl.testing_ask import Broken, ask
from pawl.testing_parts import check_judge, check_policy
from pawl.testing_task import check_task, same_problems

__all__ = ["ScriptedPolicy", "check", "check_judge", "check_policy", "check_task"]

END = 256
"""The end token; the others are the bytes of UTF-8."""


def check(target: object) -> list[str]:
    """What is wrong with a task, a class of tasks, or a judge; a sentence each, empty when nothing is."""
    if isinstance(target, type):
        made: list[Any] = []
        try:
            made += [ask(f"{target.__name__}()", target) for _ in range(2)]
        except Broken as broken:
            return [f"a task's class must be made without arguments: {broken}"]
        return check_task(made[0]) or same_problems(*made)
    if callable(target) and not hasattr(target, "problems"):
        return check_judge(target)
    return check_task(target)  # type: ignore[arg-type]  # whether it is a task is the first thing that is checked


class ScriptedPolicy:
    """A policy that draws its answers from a script, token by token, with true probabilities.

    `script` maps a prompt (`render` makes text of messages) to answers; an answer that stands there twice is twice as
    likely. `default` answers any other prompt. Tokens are bytes. Temperature 0 takes the likeliest token, the earliest
    in the script among equals; any other temperature, top_k and top_p leave the script's probabilities as they are.
    `value` is its opinion of every prefix.
    """

    def __init__(
        self,
        script: Mapping[str, Sequence[str]],
        *,
        default: Sequence[str] = ("",),
        value: float = 0.5,
        context: int = 4096,
    ) -> None:
        self._script = {prompt.encode(): [_with_end(text) for text in answers] for prompt, answers in script.items()}
        self._default = [_with_end(text) for text in default]
        self._value = value
        self.context = context

    @staticmethod
    def render(prompt: Prompt) -> str:
        """A prompt as the script names it: text as it is, messages one `role: content` a line."""
        if isinstance(prompt, str):
            return prompt
        return "".join(f"{message['role']}: {message['content']}\n" for message in prompt)

    def encode(self, prompt: Prompt) -> IntArray:
        return np.frombuffer(self.render(prompt).encode(), dtype=np.uint8).astype(np.int32)

    def encode_demonstration(self, demonstration: Demonstration) -> tuple[IntArray, IntArray]:
        return self.encode(demonstration.prompt), np.array(_with_end(demonstration.completion), dtype=np.int32)

    def decode(self, tokens: IntArray) -> str:
        return _text(tokens.tolist())

    def propose(
        self, prefixes: Sequence[IntArray], count: int, *, sampling: Sampling, keys: KeyArray
    ) -> list[list[Completion]]:
        return [[self._write(prefix, sampling, key) for key in row] for prefix, row in zip(prefixes, keys, strict=True)]

    def evaluate(self, prefixes: Sequence[IntArray]) -> list[Evaluation]:
        return [Evaluation(self._next(*self._place(prefix))[0], self._value) for prefix in prefixes]

    def logprobs(self, prefixes: Sequence[IntArray], completions: Sequence[IntArray]) -> list[FloatArray]:
        results = []
        for prefix, tokens in zip(prefixes, completions, strict=True):
            answers, written = self._place(prefix)
            said = tokens.tolist()
            chances = [self._next(answers, (*written, *said[:t]))[0][token] for t, token in enumerate(said)]
            results.append(np.array(chances, dtype=np.float32))
        return results

    def _place(self, prefix: IntArray) -> tuple[list[tuple[int, ...]], tuple[int, ...]]:
        """The answers to the prompt that a prefix begins with, and what is written of one already."""
        tokens = prefix.tolist()
        given = bytes(tokens[: tokens.index(END)] if END in tokens else tokens)
        known = [prompt for prompt in self._script if given.startswith(prompt)]
        if not known:
            return self._default, ()
        prompt = max(known, key=len)
        return self._script[prompt], tuple(tokens[len(prompt) :])

    @staticmethod
    def _next(answers: Sequence[tuple[int, ...]], written: tuple[int, ...]) -> tuple[FloatArray, int]:
        """[257] log-probabilities of the next token, and the likeliest one; off the script, the end is certain."""
        place = len(written)
        counts = Counter(answer[place] for answer in answers if len(answer) > place and answer[:place] == written)
        counts = counts or Counter([END])
        logprobs = np.full(END + 1, -np.inf, dtype=np.float32)
        for token, count in counts.items():
            logprobs[token] = np.log(count / counts.total())
        return logprobs, counts.most_common(1)[0][0]

    def _write(self, prefix: IntArray, sampling: Sampling, key: np.uint64) -> Completion:
        answers, written = self._place(prefix)
        tokens: list[int] = []
        logprobs: list[np.float32] = []
        while len(tokens) < sampling.max_tokens:
            chances, token = self._next(answers, (*written, *tokens))
            if sampling.temperature > 0:
                draw = uniforms(np.array([key], dtype=np.uint64), len(tokens))[0]
                edges = np.exp(chances.astype(np.float64)).cumsum()
                token = int(np.searchsorted(edges, draw * edges[-1], side="right"))
            tokens.append(token)
            logprobs.append(chances[token])
            text = _text(tokens)
            stops = [text.find(mark) for mark in sampling.stop if mark in text]
            if token == END or stops:
                return _completion(text[: min(stops)] if stops else text, tokens, logprobs, "stop")
        return _completion(text, tokens, logprobs, "length")


def _text(tokens: Iterable[int]) -> str:
    """What bytes say; other tokens, the end among them, say nothing."""
    return bytes(token for token in tokens if token < END).decode(errors="replace")


def _with_end(text: str) -> tuple[int, ...]:
    return (*text.encode(), END)


def _completion(text: str, tokens: list[int], logprobs: list[np.float32], finish: Any) -> Completion:
    return Completion(text, np.array(tokens, dtype=np.int32), np.array(logprobs, dtype=np.float32), finish)
