"""Where the time of a run goes: seconds by stage, tokens a second, the share of the machine's peak, and stacks.

Operations are counted as 2 N for a token forwarded and 6 N for one learnt from, N being all parameters of the network
(Kaplan et al. 2020, section 2.1). Over the peak they are the utilisation of Chowdhery et al. (2022, appendix B):
padding and what is computed twice are no work. Attention's own products are left out: with T tokens before it, in a
network of width C, a token needs a share of T / 6 C more.

Not covered: memory, and what comes before a recipe begins (imports, finding the parts).
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pawl import stages
from pawl.peak import Peak, machine
from pawl.profile_page import render_profile
from pawl.profile_stacks import Seen, Watcher, place
from pawl.profile_tree import folded
from pawl.report import write_whole

JSON, PAGE = "profile.json", "profile.html"
UNNAMED = "other"
"""The time of no stage."""
FEWEST = 20
"""Moments from which a share of them is told."""


@dataclass(slots=True)
class Stage:
    """What came to be known of a stage."""

    seconds: float = 0.0
    sampled: int = 0
    read: int = 0
    learnt: int = 0
    """Tokens, as `pawl.stages.Work` has them."""
    operations: float = 0.0
    """Of floating point numbers, that these tokens needed."""


class Recording:
    """Implements `pawl.stages.Listener`: a clock and a count for each stage, and a watcher of stacks beside them."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        """Begins, outside of any stage. The clock counts seconds."""
        self.stages: defaultdict[str, Stage] = defaultdict(Stage)
        self._places = [place(UNNAMED)]
        self._watcher = Watcher(self._places[0])
        self._clock, self._since = clock, clock()

    def enter(self, stage: str) -> None:
        self._places.append(place(stage))
        self._turn(self._places[-2].stage)

    def leave(self) -> None:
        left = self._places.pop()
        self._turn(left.stage)

    def count(self, work: stages.Work) -> None:
        stage = self.stages[self._places[-1].stage]
        stage.sampled += work.sampled
        stage.read += work.read
        stage.learnt += work.learnt
        stage.operations += 2.0 * work.parameters * (work.sampled + work.read + 3 * work.learnt)

    def stop(self) -> None:
        """Ends; nothing changes afterwards."""
        self._turn(self._places[-1].stage)
        self._watcher.stop()

    def _turn(self, ended: str) -> None:
        """The time until now was one stage's; another's begins."""
        now = self._clock()
        self.stages[ended].seconds += now - self._since
        self._since, self._watcher.place = now, self._places[-1]

    def summary(self, peak: Peak) -> dict[str, Any]:
        """All that was recorded, as JSON takes it: a row for each of `stages` by its time and one for all, and `stacks`
        by `profile_tree.folded`."""
        seen, names = self._watcher.seen, sorted(self.stages, key=lambda name: -self.stages[name].seconds)
        every = self.stages.values()
        whole = Stage(*(sum(getattr(stage, field) for stage in every) for field in Stage.__slots__))
        named = [(name, self.stages[name], [one for (where, _), one in seen.items() if where == name])
                 for name in names]
        return machine(peak) | {
            "seconds": whole.seconds, "moments": round(sum(one.times for one in seen.values())),
            "stages": [_row(name, stage, stacks, whole.seconds, peak)
                       for name, stage, stacks in (*named, ("all", whole, list(seen.values())))],
            "stacks": folded(seen),
        }


def _row(name: str, stage: Stage, stacks: Sequence[Seen], whole: float, peak: Peak) -> dict[str, Any]:
    """Of the table; `python` is the share of the time in which the interpreter's lock was held."""
    known = sum(one.times for one in stacks) >= FEWEST
    speed = stage.operations / stage.seconds / 1e9 if stage.seconds else 0.0
    return {"name": name, **asdict(stage), "share": stage.seconds / whole,
            "python": sum(one.held for one in stacks) / sum(one.total for one in stacks) if known else None,
            "gflops": speed, "of_float32": speed / peak.float32, "of_bfloat16": speed / peak.bfloat16}


@contextmanager
def profiled(directory: Path, facts: dict[str, str], peak: Peak) -> Iterator[dict[str, Any]]:
    """Has what is done within the block recorded and, however it ends, written to `profile.json` and `profile.html` in
    a directory. Yields what will then hold the table under `profile`, and where the page is.

    `facts` are what a reader is told of the run.
    """
    recording, found = Recording(), dict[str, Any]()
    try:
        with stages.listening(recording):
            yield found
    finally:
        recording.stop()
        summary = recording.summary(peak)
        write_whole(json.dumps(summary), directory / JSON)
        page = write_whole(render_profile(summary, facts), directory / PAGE)
        found["profile"] = {key: value for key, value in summary.items() if key != "stacks"} | {"page": str(page)}
