"""`python killed.py FOLDER RECIPE`: one run that nobody interrupts, and others, killed again and again, then resumed.

A process of its own that imports torch once and computes nothing itself, so that forking it is safe. Each run goes on
in a child that is ended without a word: by SIGKILL at an event whose number is drawn from a seed, or by SIGPROF, which
nobody catches, in the middle of whatever it does, when it has had a drawn time of the processor. Prints what each run
came to, as JSON.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.figure  # noqa: F401
import torch
import torch._dynamo  # with matplotlib what a run imports late: loaded here, it is not loaded again in every child

from pawl.ledger import Ledger
from pawl.recipes.launch import launch, resume
from pawl.records import Event

torch.set_num_threads(1)

SMALL = {"depth": 1, "base_steps": 15, "batch": 32, "gate_problems": 20, "device": "cpu", "seed": 1}
SETTINGS: dict[str, dict[str, Any]] = {
    "expert-iteration": {
        "task": "letters:Few", "tokenizer": "char", "learning_rate": 3e-2, "generations": 3, "problems": 40,
        "attempts": 4, "max_tokens": 3, "alpha": 0.4, **SMALL,
    },
    "reason": {
        "task": "countdown", "numbers": 2, "max_number": 9, "generations": 2, "problems": 40, "attempts": 2,
        "epochs": 4, "searched": 10, "simulations": 2, "training_simulations": 8, "test_problems": 10, "alpha": 1,
        **SMALL,
    },
}
KILLS = 5
"""Of each kind."""


def go_on(recipe: str, out: Path, notify: Callable[[Event], None]) -> None:
    """What a person does after a kill: resume, or start again where the run had no settings yet."""
    if (out / "config.toml").exists():
        resume(out, notify)
    else:
        launch(recipe, SETTINGS[recipe], out, notify)


def fork(recipe: str, out: Path, notify: Callable[[Event], None], seconds: float = 0.0) -> int:
    """The process that goes on with a run, for so many seconds of the processor; 0 is no limit."""
    child = os.fork()
    if child == 0:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        try:
            go_on(recipe, out, notify)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


def outcome(child: int) -> tuple[int, float]:
    """The exit status of a process, minus the signal that ended it, and the seconds of the processor that it had."""
    _, status, usage = os.wait4(child, 0)
    return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime


def silent(event: Event) -> None:
    """Nobody listens."""


def dying_at(number: int) -> Callable[[Event], None]:
    """Hears `number` events and then ends its own process."""
    heard: list[Event] = []

    def notify(event: Event) -> None:
        heard.append(event)
        if len(heard) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return notify


def summary(out: Path, deaths: int) -> dict[str, Any]:
    with Ledger.open(out / "run.db", read_only=True) as ledger:
        return {"digest": ledger.digest(), "deaths": deaths, "report": (out / "report.html").is_file(),
                "promoted": (ledger.final or {}).get("promoted"),
                "files": sorted(path.name for path in out.iterdir()),
                "checkpoints": sorted(path.name for path in (out / "checkpoints").iterdir())}


def main(folder: Path, recipe: str) -> dict[str, Any]:
    dice, begin = random.Random(0), partial(fork, recipe)
    whole, by_event, by_time = (folder / name for name in ("whole", "by event", "by time"))
    events = folder / "events"
    with events.open("w", buffering=1) as file:
        status, seconds = outcome(begin(whole, lambda event: print(event.stage, file=file)))
    assert status == 0
    count = len(events.read_text().splitlines())

    deaths = dict.fromkeys((by_event, by_time), 0)
    for _ in range(KILLS):
        deaths[by_event] += outcome(begin(by_event, dying_at(dice.randint(1, count // 4))))[0] == -signal.SIGKILL
        deaths[by_time] += outcome(begin(by_time, silent, dice.uniform(0.02, 0.25) * seconds))[0] == -signal.SIGPROF
    for path in deaths:
        assert outcome(begin(path, silent))[0] == 0
    return {"whole": summary(whole, 0)} | {path.name: summary(path, deaths[path]) for path in deaths}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2])))  # noqa: T201 -- a program's result
