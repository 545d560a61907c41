"""What reward functions of other frameworks are given of an attempt, and what they give back.

| format | argument | what it is given |
|---|---|---|
| trl | `prompts`, `completions` | text, or messages where the problem's prompt is messages |
| | `completion_ids` | the tokens of each completion |
| | `trainer_state`, `log_extra`, `log_metric` | None, and two functions that do nothing |
| | `answer`, `solution`, `ground_truth`, `label`, `id` | of the problem, where its data has no such key |
| | any other | the key of the problem's data |
| verl | `data_source` | the key of the data, else an empty text |
| | `solution_str` | the completion's text |
| | `ground_truth` | the key of the data, or of its `reward_model`, else the known answer |
| | `extra_info` | the key of the data, else all of it; and `question`, `answer`, `split`, `index` (the id) |
| verifiers | `prompt`, `completion` | messages |
| | `answer` | the known answer, or an empty text |
| | `info`, `task` | the key of the data; else all of it, and `default` |
| | `state` | these in a dictionary, with an empty `trajectory`, and `is_truncated` |
| | `parser` and the like | what the rubric holds; without a rubric, a plain parser |
| | any other | the key of the data |
| `@vf.reward` | `self.data`, `task` | task data made of the prompt and of the columns as trl gets them |
| | `trace` | a trace of the prompt and one reply |
| openrlhf | `queries`, `prompts`, `labels` | prompt with completion, prompt, known answer, as text, one at a time |
| reasoning-gym | `answer`, `entry` | the completion's text; question, known answer and the data's `metadata` |

Functions of trl get lists of the attempts at one problem, and so do those in the plural: `solution_strs` in verl,
`completions`, `states` and such in verifiers. Messages as text are their contents, a line break between them: no chat
template is known here.

Not covered: tools, images and environments; verifiers' turns (one prompt and one reply are given), judges that need its
client, runtimes; TRL's reward models.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from pawl.judges.reward import NoReward, Reward, every
from pawl.records import Attempt, Problem, Prompt

Form = Literal["auto", "text", "messages"]
"""How prompts and completions are given: as the framework does, or one way for all."""

ALIASES = ("answer", "solution", "ground_truth", "label")
"""Columns in which TRL's functions look for the known answer."""
GROUP_NAMES = frozenset({"states", "prompts", "completions", "answers", "tasks", "infos"})
"""Arguments by which verifiers knows a function of a group."""


class Fields(dict[str, Any]):
    """A dictionary whose keys are attributes too, as of verifiers' messages and states; a missing attribute is None."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.get(name)


def as_text(prompt: Prompt) -> str:
    """A prompt as one text."""
    return prompt if isinstance(prompt, str) else "\n".join(message["content"] for message in prompt)


def as_messages(prompt: Prompt) -> list[dict[str, str]]:
    """A prompt as messages; text is one message of the user."""
    return [{"role": "user", "content": prompt}] if isinstance(prompt, str) else [dict(one) for one in prompt]


def columns(problem: Problem) -> dict[str, Any]:
    """What a data set of this problem would have beside the prompt."""
    return {**dict.fromkeys(ALIASES, problem.answer), "id": problem.id, **problem.data}


def call_by_name(function: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    """What a function returns that is given what its signature names, or all of it. Raises NoReward where it needs
    more."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a function without a signature
        return function(**given)
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        wanted = dict(given)
    else:
        wanted = {one.name: given[one.name] for one in parameters if one.name in given}
    needed = [one.name for one in parameters
              if one.default is one.empty and one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)]
    if lacking := [name for name in needed if name not in given]:
        raise NoReward(f"needs {', '.join(lacking)}, which the problem's data do not have")
    return function(**wanted)


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004 -- an object's own method


def name_of(function: Any) -> str:
    """What a function is called in reasons."""
    return str(getattr(function, "__name__", type(function).__name__))


def one_by_one(function: Callable[..., Any], ask: Callable[[Attempt], Any], weight: float = 1.0) -> Reward:
    """A reward function of one attempt; coroutines run side by side."""
    return Reward(name_of(function), every(ask), "problem" if is_async(function) else "one", weight=weight)


def then(given: Any, change: Callable[[Any], Any]) -> Any:
    """What came, changed; also what is still to be awaited."""
    if not inspect.isawaitable(given):
        return change(given)

    async def later() -> Any:
        return change(await given)

    return later()


def parameters_of(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """The arguments of a function by name; none where they cannot be known."""
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}


def trl(function: Callable[..., Any], *, form: Form = "auto") -> Reward:
    """A reward function as TRL's `GRPOTrainer` calls it."""
    def ask(attempts: Sequence[Attempt], _: float) -> Any:
        prompts, completions = zip(*(_exchange(attempt, form) for attempt in attempts), strict=True)
        named = columns(attempts[0].problem)
        given = {name: [value] * len(attempts) for name, value in named.items() if name not in ("prompt", "completion")}
        return call_by_name(function, given | {
            "prompts": list(prompts), "completions": list(completions),
            "completion_ids": [attempt.completion.tokens.tolist() for attempt in attempts],
            "trainer_state": None, "log_extra": _ignore, "log_metric": _ignore})

    return Reward(name_of(function), ask)


def _exchange(attempt: Attempt, form: Form) -> tuple[Any, Any]:
    """Prompt and completion, both as text or both as messages."""
    prompt, text = attempt.problem.prompt, attempt.completion.text
    if form == "text" or (form == "auto" and isinstance(prompt, str)):
        return as_text(prompt), text
    return as_messages(prompt), [{"role": "assistant", "content": text}]


def _ignore(*_: object) -> None:
    """What TRL logs beside rewards."""


def verl(function: Callable[..., Any]) -> Reward:
    """A `compute_score` as verl's reward managers call it, or, in the plural, its batch manager."""
    if "solution_strs" not in parameters_of(function):
        return one_by_one(function, lambda attempt: then(call_by_name(function, _verl_row(attempt)), _verl_number))

    def ask(attempts: Sequence[Attempt], _: float) -> Any:
        rows = [_verl_row(attempt) for attempt in attempts]
        scores = call_by_name(function, {f"{name}s": [row[name] for row in rows] for name in rows[0]})
        return [_verl_number(score) for score in scores] if isinstance(scores, (list, tuple)) else scores

    return Reward(name_of(function), ask)


def _verl_row(attempt: Attempt) -> dict[str, Any]:
    problem, data = attempt.problem, attempt.problem.data
    model = data.get("reward_model")
    truth = model.get("ground_truth") if isinstance(model, Mapping) else problem.answer
    extra = data.get("extra_info")
    about = {"question": as_text(problem.prompt), "answer": problem.answer, "split": problem.split, "index": problem.id}
    return {"data_source": data.get("data_source", ""), "solution_str": attempt.completion.text,
            "ground_truth": data.get("ground_truth", truth),
            "extra_info": about | dict(extra if isinstance(extra, Mapping) else data)}


def _verl_number(given: Any) -> Any:
    if isinstance(given, Mapping):
        return given["score"] if "score" in given else NoReward("must give a number or a dictionary with score, got "
                                                                f"one with {', '.join(map(str, given)) or 'nothing'}")
    return given


def openrlhf(function: Callable[..., Any]) -> Reward:
    """A `reward_func` as OpenRLHF calls it: with lists of one."""
    def ask(attempt: Attempt) -> Any:
        prompt = as_text(attempt.problem.prompt)
        given = function([prompt + attempt.completion.text], [prompt], [attempt.problem.answer])
        return _openrlhf_number(given)

    return one_by_one(function, ask)


def _openrlhf_number(given: Any) -> Any:
    """The reward of the one attempt, which may come as a number, or in a list or an array of one."""
    if isinstance(given, Mapping):
        if "rewards" not in given:
            return NoReward("must give rewards, or a dictionary with rewards, got one with "
                            f"{', '.join(map(str, given)) or 'nothing'}")
        given = given["rewards"]
    values = given.tolist() if hasattr(given, "tolist") else given
    if not isinstance(values, (list, tuple)):
        return values
    return values[0] if len(values) == 1 else NoReward(f"must give a reward for one attempt, got {len(values)}")


def reasoning_gym(scorer: Any, *, partial_credit: bool = False) -> Reward:
    """A scorer of reasoning-gym: a function of answer and entry, or what has it as `score_answer`.

    Its scorers give part of the credit to a text that holds the answer among others, so that a list of guesses pays.
    Without `partial_credit` 1 counts as 1, and anything less as 0.
    """
    function = getattr(scorer, "score_answer", scorer)

    def ask(attempt: Attempt) -> Any:
        problem = attempt.problem
        entry = {"question": as_text(problem.prompt), "answer": problem.answer,
                 "metadata": problem.data.get("metadata", {})}
        score = function(attempt.completion.text, entry)
        is_number = isinstance(score, (int, float)) and not math.isnan(score)
        return float(score >= 1) if is_number and not partial_credit else score

    return one_by_one(function, ask)
