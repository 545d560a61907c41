"""Failures as successes elsewhere: an attempt that missed its problem may be a right answer to another one.

Andrychowicz et al. 2017, "Hindsight experience replay", section 3. The answer stays as the policy wrote it, only the
problem before it changes; what comes of it is judged like every attempt. Problems of the gate and of the test are never
taken: their answers would be learnt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from pawl.interfaces import Hindsight
from pawl.records import Attempt, IntArray, Prompt, Verdict
from pawl.time_limit import TimeUp, in_words, within

SOURCE = "hindsight"


def relabelled(
    attempts: Sequence[Attempt], verdicts: Sequence[Verdict], task: Hindsight, encode: Callable[[Prompt], IntArray], *,
    time_limit: float = 10.0,
) -> tuple[list[Attempt], Counter[str]]:
    """The failed attempts that answer another train problem, as attempts at that one; the same answer comes once.

    They are numbered after all others, so that what was right in the first place is selected first. The task may raise
    or hang: then the attempt stays where it was, and the reason is counted in what comes second. `time_limit` is in
    seconds for one answer.
    """
    prompts: dict[str, IntArray] = {}
    moved: dict[tuple[str, str], Attempt] = {}
    reasons: Counter[str] = Counter()
    for attempt, verdict in zip(attempts, verdicts, strict=True):
        if verdict.score is None or verdict.score >= 1 or attempt.completion.finish != "stop":
            continue
        text = attempt.completion.text
        try:
            problem = within(time_limit, partial(task.solved_by, attempt.problem, text))
        except (Exception, SystemExit) as error:  # a user's code may raise anything
            reasons[f"solved_by {error}" if isinstance(error, TimeUp) else f"solved_by raised {in_words(error)}"] += 1
            continue
        if problem is None or problem.split != "train" or (problem.id, text) in moved:
            continue
        if problem.id not in prompts:
            prompts[problem.id] = encode(problem.prompt)
        index = len(attempts) + len(moved)
        moved[problem.id, text] = Attempt(problem, index, prompts[problem.id], attempt.completion, SOURCE)
    return list(moved.values()), reasons
