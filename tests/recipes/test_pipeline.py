"""Stages are made once, stored, and read back by a run that goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from pawl.ledger import Ledger
from pawl.loop import Turn
from pawl.models.board_net import BoardArchitecture
from pawl.models.board_policy import BoardPolicy, load_board_policy
from pawl.recipes.pipeline import Pipeline
from pawl.records import Event
from pawl.run_directory import RunDirectory


def silent(event: Event) -> None:
    """Hears, and says nothing."""


@contextmanager
def pipeline(path: Path) -> Iterator[Pipeline[BoardPolicy]]:
    new = not path.exists()
    with RunDirectory.create(path) if new else RunDirectory.open(path) as directory:
        if new:
            directory.write_config({"recipe": "stages"})
            Ledger.create(directory.ledger_path, {"recipe": "stages"}).close()
        with Ledger.open(directory.ledger_path) as ledger:
            yield Pipeline(directory, ledger, silent, stages=2, load=load_board_policy)


def making(seed: int, made: list[int]) -> Callable[[Turn], BoardPolicy]:
    def make(turn: Turn) -> BoardPolicy:
        made.append(seed)
        turn.metrics["seed"], turn.told = float(seed), f"the network of {seed}"
        return BoardPolicy.fresh(BoardArchitecture(2, 3, 3, 9, 1), "toy", seed=seed)

    return make


def weights(policy: BoardPolicy) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for _, parameter in policy.named_parameters()])


def test_a_run_that_goes_on_makes_what_is_missing_and_reads_the_rest(tmp_path: Path) -> None:
    made: list[int] = []
    with pipeline(tmp_path / "run") as line:
        before = [line.base(making(1, made)), line.stage("second", making(2, made))]
    with pipeline(tmp_path / "run") as line:
        after = [line.base(making(1, made)), *(line.stage(name, making(number, made))
                                               for name, number in (("second", 2), ("third", 3)))]
    assert made == [1, 2, 3]
    assert all(torch.equal(weights(one), weights(other)) for one, other in zip(before, after[:2], strict=True))
    assert not torch.equal(weights(after[1]), weights(after[2]))


def test_a_stage_that_failed_leaves_nothing(tmp_path: Path) -> None:
    def failing(turn: Turn) -> BoardPolicy:
        raise KeyboardInterrupt

    with pipeline(tmp_path / "run") as line:
        line.base(making(1, []))
        with pytest.raises(KeyboardInterrupt):
            line.stage("second", failing)
        assert line.ledger.next_generation == 1


def test_the_champion_is_the_last_that_plays(tmp_path: Path) -> None:
    with pipeline(tmp_path / "run") as line:
        line.base(making(1, []))
        line.stage("policy", making(2, []), plays=True)
        line.stage("value", making(3, []))
        rows = line.ledger.generations()
        assert rows[0].champion == rows[0].candidate == line.ledger.champion != rows[1].candidate
        assert [(row.notes[0], row.notes[1], row.metrics) for row in rows] == [
            ("policy", "the network of 2", {"seed": 2.0}), ("value", "the network of 3", {"seed": 3.0})]


def test_the_end_is_measured_once_and_has_what_every_result_has(tmp_path: Path) -> None:
    measured: list[int] = []

    def measure() -> dict[str, object]:
        measured.append(1)
        return {"sentence": "it is done"}

    for _ in range(2):
        with pipeline(tmp_path / "run") as line:
            line.base(making(1, []))
            line.stage("policy", making(2, []), plays=True)
            line.stage("value", making(3, []))
            result = line.finish(measure, "toy", 5)
    assert measured == [1] and result["sentence"] == "it is done"
    assert (result["task"], result["seed"], result["generations"], result["promoted"]) == ("toy", 5, 2, 1)
    assert result["seconds"]["total"] >= result["seconds"]["test"] > 0
