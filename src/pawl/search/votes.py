"""States of one problem compared by vote: which of them is the most promising (Yao et al. 2023, section 3).

A share says how a state stands among the others of its vote, not what it will score. Not covered: the order in which
candidates are listed sways language models; every vote sees the same order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pawl.errors import ConfigError
from pawl.interfaces import Policy, StepTask
from pawl.records import Cost, FloatArray, KeyArray, Prompt, Sampling
from pawl.search.asking import finished
from pawl.search.steps import text_of

Vote = Callable[[Policy, StepTask, Sequence[Sequence[Any]], KeyArray], tuple[list[FloatArray], list[Cost]]]
"""(policy, task, states [S] of each of B problems, keys [B]) -> the states' shares [S] of each problem's votes, which
sum to 1 at most, and what each problem cost."""


def listing(candidates: Sequence[str]) -> str:
    """A prompt that lists candidates by number. Each is quoted on a line of its own, so that no text, whatever is
    written in it, passes for another candidate or for the question."""
    lines = [f"{place}. {json.dumps(text, ensure_ascii=False)}" for place, text in enumerate(candidates, start=1)]
    return "Candidates:\n" + "\n".join(lines) + "\nThe number of the most promising candidate:"


@dataclass(frozen=True)
class SampledVote:
    """Asks a model several times for the number of the best candidate.

    An answer counts when it has one whole number in it, a candidate's. Any other abstains and goes to nobody: the
    shares are of all votes that were asked for. A single candidate is not asked about and has share 1.
    """

    votes: int = 5
    """Answers drawn for each problem."""
    model: Policy | None = None
    """Who votes; None: whoever proposes."""
    prompt: Callable[[Sequence[str]], Prompt] = listing
    """How the candidates' texts are listed, from number 1 on."""
    max_tokens: int = 16
    """Longest answer, in tokens; a longer one abstains."""
    temperature: float = 1.0
    stop: tuple[str, ...] = ("\n",)

    def __post_init__(self) -> None:
        if self.votes < 1:
            raise ConfigError(f"votes must be 1 or more, got {self.votes}")

    def __call__(self, policy: Policy, task: StepTask, groups: Sequence[Sequence[Any]],
                 keys: KeyArray) -> tuple[list[FloatArray], list[Cost]]:
        several = [b for b, states in enumerate(groups) if len(states) > 1]
        prompts = [self.prompt([text_of(task.prompt(state)) for state in groups[b]]) for b in several]
        sampling = Sampling(self.max_tokens, self.temperature, stop=self.stop)
        answers, spent = finished(self.model or policy, prompts, self.votes, sampling=sampling, keys=keys[several])
        shares, costs = [np.ones(len(states), np.float32) for states in groups], [Cost()] * len(groups)
        for b, texts, cost in zip(several, answers, spent, strict=True):
            shares[b], costs[b] = self._counted(texts, len(groups[b])), cost
        return shares, costs

    def _counted(self, texts: Sequence[str], count: int) -> FloatArray:
        places = {str(place + 1): place for place in range(count)}
        shares = np.zeros(count, np.float32)
        for text in texts:
            numbers = set(re.findall(r"-?[0-9]+", text))
            if len(numbers) == 1 and (number := numbers.pop()) in places:
                shares[places[number]] += 1
        return shares / np.float32(self.votes)
