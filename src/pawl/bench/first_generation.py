"""A first generation by Pawl and a first step by TRL: what a process does, from its start.

Both open the same checkpoint, ask as many problems for as many completions, score them by one rule, and learn from
them. Pawl also holds what has learnt against the champion, measures, and commits; of TRL's trainer the step alone is
asked.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from typing import Any

import pawl
from pawl.records import SPLITS, Event, Problem, Split

BASE, RUN = "base", "run"
"""Folders: the checkpoint, which lies beside the folder that the process works in, and the run, which lies in it."""
LETTERS = "abc"
PROBLEMS, ATTEMPTS, MAX_TOKENS = 16, 8, 16
LEARNING_RATE = 1e-4


class Even:
    """A task of which a model that knows nothing solves almost half: an even number of letters, and not none."""

    name = "even"

    def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
        words = map("".join, itertools.product(LETTERS, repeat=6))
        own = itertools.islice(words, SPLITS.index(split), None, len(SPLITS))
        return [Problem(word, word, split) for word in itertools.islice(own, count)]

    def score(self, problem: Problem, answer: str) -> float:
        letters = len(answer.strip())
        return float(letters > 0 and letters % 2 == 0)


def pawl_generation() -> None:
    """Runs expert iteration, and ends the process, as a kill would, when the first generation stands in the ledger."""

    def until_committed(event: Event) -> None:
        if (event.stage, event.generation) == ("decide", 1):
            os._exit(0)

    pawl.run("expert-iteration", out=RUN, notify=until_committed, task=f"{__name__}:Even", model=f"../{BASE}",
             generations=1, problems=PROBLEMS, attempts=ATTEMPTS, max_tokens=MAX_TOKENS, epochs=1,
             gate_problems=PROBLEMS, alpha=1.0, learning_rate=LEARNING_RATE, device="cpu")
    raise AssertionError("a run must have a first generation")


def trl_step() -> None:
    """Makes one step of GRPO, of which nothing is kept."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    task = Even()
    problems = task.problems("train", PROBLEMS, seed=0)

    def score(completions: Sequence[str], **rest: Any) -> list[float]:
        return [task.score(problems[0], completion) for completion in completions]

    settings = GRPOConfig(
        output_dir=RUN, max_steps=1, per_device_train_batch_size=PROBLEMS * ATTEMPTS, num_generations=ATTEMPTS,
        max_completion_length=MAX_TOKENS, learning_rate=LEARNING_RATE, use_cpu=True, bf16=False,
        gradient_checkpointing=False, save_strategy="no", disable_tqdm=True,
    )
    asked = Dataset.from_list([{"prompt": problem.prompt} for problem in problems])
    GRPOTrainer(model=f"../{BASE}", reward_funcs=score, args=settings, train_dataset=asked).train()
