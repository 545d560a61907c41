"""Time to an accuracy, small: what is measured, when each side ends, and what its row says."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from pawl.bench.time_to_accuracy import Course, Goal, improve_by_pawl, improve_by_trl, row, run
from pawl.bench.trl_peers import need_trl
from pawl.cli import main
from pawl.errors import MissingExtraError
from pawl.models.opening import fresh_policy
from pawl.recipes.countdown import Settings
from pawl.tasks.countdown import Countdown

torch.set_num_threads(1)

TASK = Countdown()
TINY = Settings(depth=1, base_steps=2, batch=8, generations=2, problems=20, attempts=2, epochs=1, gate_problems=20,
                alpha=1.0)
PEER = {"num_generations": 2, "per_device_train_batch_size": 4}
PROMISED = {"name", "size", "peer", "ratio", "low", "high", "unit"}


def course(accuracy: float, **goal: float) -> Course:
    return Course(TASK.problems("test", 10, 0), TASK, TINY, Goal(accuracy=accuracy, problems=10, every=2, **goal))


@pytest.fixture
def base(tmp_path: Path) -> Path:
    texts = [text.prompt + text.completion for text in TASK.corpus(50, 0)]
    fresh_policy(texts, tokenizer="char", depth=1, context=64, seed=0).save(tmp_path / "base")
    return tmp_path / "base"


def test_measuring_takes_none_of_the_seconds() -> None:
    policy = fresh_policy(["1 2=3\n"], tokenizer="char", depth=1, context=64, seed=0)
    ticks = count()
    measured = Course(TASK.problems("test", 10, 0), TASK, TINY, Goal(), clock=lambda: next(ticks))
    measured.start()
    for _ in range(3):
        measured.measure(lambda: next(ticks) and policy)  # the clock goes on meanwhile
    assert [seconds for seconds, _ in measured.curve] == [1, 2, 3]


def test_pawl_ends_with_the_generation_that_comes_to_the_goal(base: Path, tmp_path: Path) -> None:
    there, never = course(0.0), course(1.0)
    improve_by_pawl(there, base, tmp_path / "there")
    improve_by_pawl(never, base, tmp_path / "never")
    assert (len(there.curve), there.there) == (1, True)
    assert (len(never.curve), never.there) == (TINY.generations, False)


def test_the_peer_ends_at_the_goal_or_at_its_bound(base: Path) -> None:
    pytest.importorskip("trl", reason="the peer is trl")
    need_trl("a test")
    there, never = course(0.0), course(1.0)
    improve_by_trl(there, base, 1e9, PEER)
    improve_by_trl(never, base, 0.0, PEER)
    assert len(there.curve) == len(never.curve) == 1
    assert there.there and not never.there


def test_a_peer_that_came_short_makes_the_ratio_a_lower_bound() -> None:
    ours, theirs, short = course(0.4), course(0.4), course(0.4)
    ours.curve, ours.seconds = [(1.0, 0.2), (2.0, 0.5)], 2.0
    theirs.curve, theirs.seconds = [(6.0, 0.4)], 6.0
    short.curve, short.seconds = [(10.0, 0.125), (20.0, 0.1)], 20.0
    reached, bounded = row([(ours, theirs)], ours.goal), row([(ours, theirs), (ours, short)], ours.goal)
    assert (reached["ratio"], reached["at_least"], "at least" in reached["unit"]) == (3.0, False, False)
    assert (bounded["low"], bounded["high"], bounded["at_least"]) == (3.0, 10.0, True)
    assert bounded["unit"].endswith("at least: the peer was stopped at 12.5%")


def test_a_row_holds_what_is_promised() -> None:
    pytest.importorskip("trl", reason="the peer is trl")
    (found,) = run(1, Goal(accuracy=0.0, problems=10, every=1), TINY, PEER)
    assert found.keys() >= PROMISED and found["ratio"] > 0 and not found["at_least"]


def test_the_command_knows_it_by_name() -> None:
    done = CliRunner().invoke(main, ["bench", "time-to-acuracy"])
    assert (done.exit_code, done.stderr.splitlines()[1]) == (2, "hint: did you mean 'time-to-accuracy'?")


def test_without_the_peer_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trl", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pawl\[bench\]'"):
        run(1)
