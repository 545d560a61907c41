"""A judge or a task of ours as a reward function of TRL or of verl.

    GRPOTrainer(model, to_trl(task, problems), train_dataset=Dataset.from_list(trl_rows(problems)))
    compute_score = to_verl(task)        # and Dataset.from_list(verl_rows(task, problems)).to_parquet(FILE)

Not covered: judges that read an attempt's tokens, as reward models do; what is handed on is text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pawl.errors import DataError
from pawl.interfaces import Judge, Task
from pawl.judges.formats import as_messages, name_of
from pawl.judges.truth import truth
from pawl.records import Attempt, Completion, Problem

PROBLEM = "pawl_problem"
"""The key of `extra_info` under which a row of verl has its problem, as JSON."""


def to_trl(judge_or_task: Judge | Task, problems: Iterable[Problem]) -> Callable[..., list[float | None]]:
    """A reward function for `GRPOTrainer`, which knows problems by their prompts.

    An attempt without a score is None, which TRL leaves out of its group. The function raises DataError for a prompt
    that is none of the problems'.
    """
    judge, by_prompt = _judge(judge_or_task), {_key(problem.prompt): problem for problem in problems}

    def reward(prompts: Sequence[Any], completions: Sequence[Any], **_: Any) -> list[float | None]:
        attempts = []
        for index, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
            problem = by_prompt.get(_key(prompt))
            if problem is None:
                raise DataError(f"a prompt must be one of the {len(by_prompt)} problems', got {_key(prompt)[:80]}",
                                hint="hand to_trl the problems that the data set was made of")
            attempts.append(_attempt(problem, index, _text(completion)))
        return [verdict.score for verdict in judge(attempts)]

    reward.__name__ = reward.__qualname__ = _name(judge_or_task)
    return reward


def trl_rows(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """What a data set for `GRPOTrainer` holds: the prompts, as text or as messages."""
    return [{"prompt": _prompt(problem)} for problem in problems]


def to_verl(judge_or_task: Judge | Task, *, undecided: float = 0.0) -> Callable[..., dict[str, float]]:
    """A `compute_score` for verl: of rows as `verl_rows` makes them, else of a problem with this ground truth and
    `extra_info` as its data.

    verl knows no reward that does not apply: an attempt that the judge could not decide gets `undecided`, and
    `decided`, which verl logs, is 0 for it.
    """
    judge = _judge(judge_or_task)

    def compute_score(data_source: Any, solution_str: str, ground_truth: Any, extra_info: Any = None,
                      **_: Any) -> dict[str, float]:
        [verdict] = judge([_attempt(_problem(ground_truth, extra_info), 0, solution_str)])
        return {"score": undecided if verdict.score is None else verdict.score,
                "decided": float(verdict.score is not None)}

    return compute_score


def verl_rows(task: Task, problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Rows of a Parquet file for verl. The problem goes along as JSON: columns of Parquet would not give back its data
    as they were."""
    return [{"data_source": task.name, "prompt": as_messages(problem.prompt), "ability": task.name,
             "reward_model": {"style": "rule", "ground_truth": problem.answer or ""},
             "extra_info": {"index": index, "split": problem.split, PROBLEM: _as_json(problem)}}
            for index, problem in enumerate(problems)]


def _judge(judge_or_task: Judge | Task) -> Judge:
    return truth(judge_or_task, workers=0) if isinstance(judge_or_task, Task) else judge_or_task


def _name(judge_or_task: Judge | Task) -> str:
    """By which a trainer logs it."""
    name = getattr(judge_or_task, "name", None)
    return name if isinstance(name, str) else name_of(judge_or_task)


def _key(prompt: Any) -> str:
    """Equal for prompts that are equal, whatever holds their messages."""
    return prompt if isinstance(prompt, str) else json.dumps([{key: one[key] for key in ("role", "content")}
                                                              for one in prompt])


def _text(completion: Any) -> str:
    """What the assistant said in a completion of TRL."""
    if isinstance(completion, str):
        return completion
    return "".join(message["content"] or "" for message in completion if message["role"] == "assistant")


def _attempt(problem: Problem, index: int, text: str) -> Attempt:
    none = np.zeros(0, np.int32)
    return Attempt(problem, index, none, Completion(text, none, np.zeros(0, np.float32), "stop"))


def _prompt(problem: Problem) -> Any:
    return problem.prompt if isinstance(problem.prompt, str) else as_messages(problem.prompt)


def _as_json(problem: Problem) -> str:
    return json.dumps({"id": problem.id, "prompt": _prompt(problem), "split": problem.split, "answer": problem.answer,
                       "data": dict(problem.data)})


def _problem(ground_truth: Any, extra_info: Any) -> Problem:
    """The problem of a row."""
    extra = extra_info if isinstance(extra_info, Mapping) else {}
    if PROBLEM not in extra:
        answer = None if ground_truth is None else str(ground_truth)
        return Problem(str(extra.get("index", "")), str(extra.get("question", "")), "train", answer, dict(extra))
    made = json.loads(extra[PROBLEM])
    prompt = made.pop("prompt")
    return Problem(prompt=prompt if isinstance(prompt, str) else tuple(prompt), **made)
