"""Stages of a run that follow each other, each a generation of the ledger that makes one network.

What a stage makes is stored before the next begins: a run that was stopped goes on with the stage that was not
finished. There is no gate: a pipeline is what its recipe says, and measured at its end. Not covered: going on in the
middle of a stage; long ones are cut into several.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from torch import nn

from pawl import stages
from pawl.ledger import GenerationRecord, Ledger
from pawl.loop import Turn
from pawl.models.checkpoint import fingerprint
from pawl.records import Event
from pawl.run_directory import RunDirectory


class Network(Protocol):
    """What a stage makes."""

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]: ...

    def save(self, directory: Path) -> None: ...


Made = TypeVar("Made", bound=Network)


class Pipeline(Generic[Made]):
    """The stages of one run, asked for in their order."""

    def __init__(self, directory: RunDirectory, ledger: Ledger, notify: Callable[[Event], None], *, stages: int,
                 load: Callable[[Path], Made]) -> None:
        """`stages` are expected, without the base; `load` opens what one has stored."""
        self.directory, self.ledger, self.notify, self.stages = directory, ledger, notify, stages
        self.load, self.asked = load, 0

    def base(self, make: Callable[[Turn], Made]) -> Made:
        """The network that everything starts from."""
        if self.ledger.base is not None:
            return self.open(self.ledger.base.checkpoint)
        turn = Turn(0, self.stages, self.notify)
        made = make(turn)
        size = {"parameters": float(sum(parameter.numel() for _, parameter in made.named_parameters()))}
        self.ledger.set_base(size | turn.metrics, turn.seconds, self.directory.store(made.save, fingerprint))
        turn.say("decide", turn.told)
        return made

    def stage(self, name: str, make: Callable[[Turn], Made], *, plays: bool = False) -> Made:
        """The network of the next stage, made unless the run holds it; `make` says what it measured in its turn. Where
        it `plays`, it is the run's best policy from there on, the one that `pawl play` opens."""
        self.asked += 1
        if self.asked < self.ledger.next_generation:
            row = self.ledger.generations()[self.asked - 1]
            assert row.notes[0] == name and row.candidate is not None
            return self.open(row.candidate)
        turn = Turn(self.asked, self.stages, self.notify)
        made = make(turn)
        stored, best = self.directory.store(made.save, fingerprint), self.ledger.champion
        assert best is not None, "the base comes first"
        self.ledger.commit(GenerationRecord(
            index=self.asked, attempts=[attempt for attempt, _ in turn.played],
            verdicts=[verdict for _, verdict in turn.played], examples=turn.examples, evidence=None, contest_ids=[],
            decision=None, dropped=None, champion=stored if plays else best, candidate=stored, metrics=turn.metrics,
            seconds=turn.seconds, notes=[name, turn.told, *turn.notes]))
        turn.say("decide", f"{name}: {turn.told}")
        return made

    def finish(self, measure: Callable[[], dict[str, Any]], name: str, seed: int) -> dict[str, Any]:
        """The run's result: what `measure` says of task `name`, with what every result has; read from the ledger if it
        is there."""
        if (known := self.ledger.final) is not None:
            return known
        started, rows, base = time.perf_counter(), self.ledger.generations(), self.ledger.base
        assert base is not None
        with stages.stage("test"):
            measured = measure()
        plays = len({row.champion for row in rows} - {base.checkpoint})
        result = {"recipe": self.ledger.header["recipe"], "task": name, "seed": seed, **measured,
                  "generations": len(rows), "promoted": plays, "refused": 0}
        seconds = Counter(base.seconds) + Counter({"test": time.perf_counter() - started})
        for row in rows:
            seconds.update(row.seconds)
        told = {**seconds, "total": sum(seconds.values())}
        self.ledger.set_final(result, told)
        return {**result, "seconds": told}

    def watch(self, done: int, total: int) -> None:
        """Says how far the last measurement is."""
        self.notify(Event("test", self.asked, self.stages, done, total))

    def open(self, checkpoint: str) -> Made:
        """The network of a hash."""
        return self.load(self.directory.verify(checkpoint, fingerprint))
