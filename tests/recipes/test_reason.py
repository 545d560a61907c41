"""The mutual loop, small: search thinks where samples fail, a value network learns beside the policy, both are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from letters import Letters
from runs import Run, Runs

from pawl.errors import ConfigError
from pawl.models.opening import open_policy
from pawl.models.pair import PolicyWithValue
from pawl.recipes import reason
from pawl.tasks.countdown import Countdown

torch.set_num_threads(1)

SMALL: dict[str, Any] = {
    "depth": 2, "base_steps": 150, "batch": 64, "generations": 3, "problems": 150, "attempts": 4, "epochs": 2,
    "gate_problems": 40, "test_problems": 20, "searched": 30, "alpha": 1, "simulations": 4, "device": "cpu",
}


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    runs = Runs(tmp_path_factory.mktemp("reason"), reason)
    yield runs(Countdown(numbers=2, max_number=9), **SMALL)
    runs.close()


def test_the_champion_is_a_policy_with_a_value_network_beside_it(learnt: Run) -> None:
    assert learnt.result["promoted"] == 3
    champion = open_policy(learnt.directory.checkpoint(learnt.champion))
    assert isinstance(champion, PolicyWithValue)
    assert not isinstance(open_policy(learnt.directory.checkpoint(learnt.base)), PolicyWithValue)


def test_search_thinks_about_all_at_first_and_then_about_the_hardest_and_some_others(learnt: Run) -> None:
    for row in learnt.rows:
        attempts = list(learnt.ledger.attempts(row.index))
        right = Counter(attempt.problem.id for attempt, verdict in attempts
                        if attempt.source == "self" and verdict.score == 1)
        names = sorted({attempt.problem.id for attempt, _ in attempts}, key=lambda name: right[name])
        count = len(names) if row.index == 1 else SMALL["searched"]
        hard = count if row.index == 1 else count // 2
        easy = {name for name in names if right[name] > right[names[hard - 1]]}
        searched = [(attempt, verdict) for attempt, verdict in attempts if attempt.source == "search"]
        assert len(searched) == row.metrics["searched_right"] > 0
        assert all(verdict.score == 1 for _, verdict in searched)
        assert len({attempt.problem.id for attempt, _ in searched} & easy) <= count - hard
        assert row.metrics["searched"] == count
        assert len({(attempt.problem.id, attempt.completion.text) for attempt, _ in searched}) == len(searched)
        assert row.metrics["attempts"] == len(attempts) - len(searched)
        assert row.metrics["truth_bits_search"] > 0
        assert row.metrics["searched_solved"] <= row.metrics["searched"] < row.metrics["truth_asked"]


def test_every_generation_measures_search_beside_the_policy(learnt: Run) -> None:
    for row in learnt.rows:
        assert 0 <= row.metrics["search_accuracy"] <= 1
        assert row.metrics["search_problems"] == len(row.contest_ids) > 0
        assert row.metrics["search_alone"] == pytest.approx(row.metrics["gate_candidate"])
        assert "value_loss" in row.metrics and "train_loss" in row.metrics


def test_the_test_says_what_search_adds_at_its_price(learnt: Run) -> None:
    search = learnt.result["final"]["search"]
    assert (search["name"], search["budget"]) == ("gumbel", SMALL["simulations"])
    assert search.keys() >= {"pass@1", "ci", "tokens", "generated", "sentence", "baselines", "uniform", "told"}
    assert search["told"]["uniform"]["pass@1"] >= search["uniform"]["pass@1"]
    assert search["baselines"].keys() == {"greedy", "best_of_n", "majority", "weighted"}
    assert learnt.result["base"].get("search") is None


def test_the_same_seed_gives_the_same_run(tmp_path: Path) -> None:
    few = SMALL | {"generations": 2, "problems": 20, "gate_problems": 10, "test_problems": 4}
    runs = Runs(tmp_path, reason)
    one, other = (runs(Countdown(numbers=2, max_number=9), **few) for _ in range(2))
    assert one.champion == other.champion != one.base
    assert one.result["final"] == other.result["final"]
    runs.close()


def test_other_wordings_are_learnt_where_the_task_knows_some(tmp_path: Path) -> None:
    few = SMALL | {"generations": 1, "problems": 20, "gate_problems": 10, "test_problems": 4}
    runs = Runs(tmp_path, reason)
    plain, varied = (runs(Countdown(numbers=2, max_number=9), variants=share, **few) for share in (0.0, 0.9))
    assert plain.champion != varied.champion
    assert plain.rows[0].metrics["examples_search"] == varied.rows[0].metrics["examples_search"] > 0
    runs.close()


def test_a_task_without_steps_is_refused(tmp_path: Path) -> None:
    runs = Runs(tmp_path, reason)
    with pytest.raises(ConfigError, match="must have a task with steps, got 'letters'"):
        runs(Letters(), **SMALL)
    runs.close()


class Open(Countdown):
    """Its rules leave the steps to the policy."""

    def actions(self, state: Any) -> None:  # type: ignore[override]
        return None


def test_a_task_that_lists_no_steps_is_refused(tmp_path: Path) -> None:
    runs = Runs(tmp_path, reason)
    with pytest.raises(ConfigError, match="whose rules list the steps"):
        runs(Open(numbers=2, max_number=9), **SMALL)
    runs.close()


def test_what_search_found_is_told_apart_from_what_the_policy_got_right(learnt: Run) -> None:
    said = [event.message for event in learnt.events if "attempts right" in event.message]
    assert len(said) == 3
    for row, message in zip(learnt.rows, said, strict=True):
        own = [verdict.score == 1 for attempt, verdict in learnt.ledger.attempts(row.index) if attempt.source == "self"]
        assert message.startswith(f"{sum(own)} of {len(own)} attempts right (")
        assert message.endswith(f"; search found {row.metrics['searched_right']:.0f} right answers")
