"""The Game of 24, small: it is searched, learnt in other words, and none of the held-out puzzles is touched."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from runs import Run, Runs

from pawl.recipes import game24
from pawl.tasks.game24 import Game24

torch.set_num_threads(1)

HELD_OUT = "4 5 6 10\n3 3 8 8\n1 1 11 11\n"


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("game24")
    (folder / "held_out.txt").write_text(HELD_OUT)
    runs = Runs(folder, game24)
    yield runs(Game24(test_puzzles=str(folder / "held_out.txt")), depth=1, base_steps=20, batch=32, generations=1,
               problems=12, attempts=2, epochs=2, training_simulations=300, simulations=4, gate_problems=8, alpha=1,
               test_problems=100, device="cpu")
    runs.close()


def test_search_solves_train_puzzles_that_no_sample_solves(learnt: Run) -> None:
    [row] = learnt.rows
    assert row.metrics["searched_solved"] > 6 > row.metrics["right"]
    found = [attempt for attempt, _ in learnt.ledger.attempts(1) if attempt.source == "search"]
    assert all(Game24().score(attempt.problem, attempt.completion.text) == 1 for attempt in found)


def test_held_out_puzzles_are_the_test_and_nothing_else(learnt: Run) -> None:
    held_out = set(HELD_OUT.splitlines())
    assert set(learnt.result["test"]["problem_ids"]) == held_out
    used = {attempt.problem.id for attempt, _ in learnt.ledger.attempts(1)} | set(learnt.rows[0].contest_ids)
    assert used.isdisjoint(held_out)


def test_the_test_has_search_with_and_without_the_prior_and_told_the_truth(learnt: Run) -> None:
    search = learnt.result["final"]["search"]
    assert search["told"].keys() == {"policy", "uniform"}
    for rate in (search, search["uniform"], *search["told"].values()):
        assert 0 <= rate["pass@1"] <= 1 and rate["tokens"] > 0
