"""Reward functions as their authors write them for other frameworks, in a module that can be named, and attempts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pawl.judges.reward import Reward, RewardJudge
from pawl.records import Attempt, Completion, Problem, Verdict

SUM = Problem("1+1", "1+1=", "train", "2", {"level": 3, "target": 2})
CHAT = replace(SUM, id="chat", prompt=({"role": "system", "content": "Add."}, {"role": "user", "content": "1+1="}))


def attempts_at(problem: Problem, *texts: str) -> list[Attempt]:
    return [Attempt(problem, index, np.zeros(1, np.int32),
                    Completion(text, np.array([7, index], np.int32), np.zeros(2, np.float32), "stop"))
            for index, text in enumerate(texts)]


def judged(judge: Callable[[Sequence[Attempt]], list[Verdict]], *texts: str, problem: Problem = SUM) -> list[Verdict]:
    return judge(attempts_at(problem, *texts))


def scores(judge: Callable[[Sequence[Attempt]], list[Verdict]], *texts: str,
           problem: Problem = SUM) -> list[float | None]:
    return [verdict.score for verdict in judged(judge, *texts, problem=problem)]


def batch(function: Callable[[list[str]], Any], **settings: Any) -> RewardJudge:
    """A judge of one function, which sees the texts of attempts at one problem."""
    kept = {name: settings.pop(name) for name in ("together", "alone", "weight") if name in settings}
    reward = Reward("fun", lambda attempts, _: function([attempt.completion.text for attempt in attempts]), **kept)
    return RewardJudge("the judge", (reward,), **settings)


# What TRL calls: by keyword, with lists, and one reward for each.


def right(completions: list[str], answer: list[str], **_: Any) -> list[float]:
    return [float(text == known) for text, known in zip(completions, answer, strict=True)]


def right_in_messages(completions: list[list[dict[str, str]]], solution: list[str], **_: Any) -> list[float]:
    return [float(one[0]["content"] == known) for one, known in zip(completions, solution, strict=True)]


def digits(completions: list[str], **_: Any) -> list[float | None]:
    """Applies to digits only."""
    return [0.5 if text.isdigit() else None for text in completions]


def sometimes(completions: list[str], **_: Any) -> list[float | None]:
    """Does not apply to long ones."""
    return [float("2" in text) if len(text) < 50 else None for text in completions]


async def awaited(completions: list[str], answer: list[str], **_: Any) -> list[float]:
    return right(completions, answer)


both = [right, digits]


def short(completions: list[str], **_: Any) -> list[float]:
    return [1.0]


def constant(completions: list[str], **_: Any) -> list[float]:
    return [0.25 for _ in completions]


def nowhere(completions: list[str], **_: Any) -> list[None]:
    return [None for _ in completions]


def not_a_number(completions: list[str], **_: Any) -> list[float]:
    return [float("nan") if text == "3" else float(text == "2") for text in completions]


def number_of(completions: list[str], **_: Any) -> list[float]:
    return [float(int(text) == 2) for text in completions]


def length(completions: list[str], **_: Any) -> list[int]:
    return [len(text) for text in completions]


def needs_target(completions: list[str], target: list[int]) -> list[float]:
    return [float(text.endswith(str(aim))) for text, aim in zip(completions, target, strict=True)]


def sleeps(completions: list[str], **_: Any) -> list[float]:
    time.sleep(60)
    return []


def sleeps_at_blanks(completions: list[str], **_: Any) -> list[float]:
    if any(not text.strip() for text in completions):
        time.sleep(60)
    return [len(text) % 2 for text in completions]


def needs_purpose(completions: list[str], purpose: list[str]) -> list[float]:
    return [1.0 for _ in completions]


asked = iter(range(10**9))


def moody(completions: list[str], **_: Any) -> list[float]:
    return [1 / (1 + next(asked)) for _ in completions]


# What verl, OpenRLHF, reasoning-gym, verifiers and Pawl call.


def compute_score(data_source: str, solution_str: str, ground_truth: str, extra_info: Any = None) -> dict[str, float]:
    return {"score": float(solution_str == ground_truth), "acc": 1.0}


def compute_scores(data_sources: list[str], solution_strs: list[str], ground_truths: list[str],
                   extra_infos: list[Any]) -> list[float]:
    return [float(text == known) for text, known in zip(solution_strs, ground_truths, strict=True)]


def reward_func(queries: list[str], prompts: list[str], labels: list[str]) -> dict[str, Any]:
    rewards = np.array([float(query == prompt + label)
                        for query, prompt, label in zip(queries, prompts, labels, strict=True)])
    return {"rewards": rewards, "scores": rewards, "extra_logs": {}}


def score_answer(answer: str, entry: dict[str, Any]) -> float:
    """The partial credit of reasoning-gym's default."""
    known: str = entry["answer"]
    return 1.0 if answer == known else len(known) / len(answer) if known in answer else 0.0


def known_in_reply(completion: list[dict[str, str]], answer: str) -> float:
    return float(completion[-1]["content"] == answer)


def of_three(problem: Problem, answer: str, more: str) -> float:
    return 1.0


def known_answer(problem: Problem, answer: str) -> float:
    return float(answer == problem.answer)


def known_completion(problem: Problem, completion: str) -> float:
    return known_answer(problem, completion)


def judge(attempts: Sequence[Attempt]) -> list[Verdict]:
    return [Verdict(float(attempt.completion.text == "2"), "mine") for attempt in attempts]


def sound_judge(attempts: Sequence[Attempt]) -> list[Verdict]:
    return [Verdict(None if attempt.error else float(attempt.completion.text == "2"), "mine") for attempt in attempts]


class Numbered:
    """A reward function that is an object, as TRL takes them too."""

    __name__ = "numbered"

    def __call__(self, completions: list[str], **_: Any) -> list[float]:
        return [index / 10 for index in range(len(completions))]


numbered = Numbered()
no_function = 3.0
