"""The table of alarms: a look is a function of a generation and of what earlier ones measured, and adding an alarm is
adding one here.

Not covered: board games, whose attempts are whole games. Numbers that a recipe optimises are not alarms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from pawl.keys import permutation, stream
from pawl.meters.alarms import judging, training, writing
from pawl.meters.alarms.alarm import Alarm, Found, Measured, Observed, named
from pawl.meters.alarms.judging import KNOWN
from pawl.meters.alarms.seen import Seen, seen
from pawl.records import Attempt, Completion, Problem

Look = Callable[[Seen, Sequence[Measured]], Found | None]

LOOKS: Mapping[str, Look] = {
    "failed": writing.failed,
    "cut off": writing.cut_off,
    "length drift": writing.length_drift,
    "entropy collapse": writing.entropy_collapse,
    "entropy explosion": writing.entropy_explosion,
    "loops": writing.loops,
    "variety": writing.variety,
    "same answer": writing.same_answer,
    "equal groups": training.equal_groups,
    "unchanged": training.unchanged,
    "sampler apart": training.sampler_apart,
    "no logprobs": training.no_logprobs,
    "known answers": judging.known_answers,
    "silent judge": judging.silent,
    "constant judge": judging.constant,
    "none right": judging.none_right,
    "slow judge": judging.slow,
    "inconsistent judge": judging.inconsistent,
    "right at once": judging.at_once,
    "shared answer": judging.shared_answer,
    "length loved": judging.length_loving,
    "first token": judging.first_token,
    "apart from gold": judging.apart_from_gold,
    "gold left behind": judging.gold_left_behind,
}


def alarms(now: Observed, before: Sequence[Measured] = (), looks: Mapping[str, Look] = LOOKS) -> list[Alarm]:
    """What is wrong with a generation, in the order of `looks`; nothing of a healthy one.

    `before` is what earlier generations measured, the first one first: their metrics with what `readings` gave.
    """
    generation = seen(now)
    return [named(found, name, now.generation) for name, look in looks.items()
            if (found := look(generation, before)) is not None]


def known_attempts(problems: Sequence[Problem], count: int = 64, *, key: int) -> list[Attempt]:
    """Attempts that are known answers, at up to `count` of the problems that have one: ask the judge about them before
    a run, and look with `alarms` at what it says. They have no tokens."""
    known = [problem for problem in problems if problem.answer is not None]
    chosen = [known[i] for i in permutation(stream(key, "known answers"), len(known))[:count]]
    none, no_logprobs = np.zeros(0, np.int32), np.zeros(0, np.float32)
    return [Attempt(problem, 0, none, Completion(problem.answer or "", none, no_logprobs, "stop"), KNOWN)
            for problem in chosen]
