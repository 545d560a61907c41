"""A checkpoint or a run on a task, by itself and with search, and what is refused before any work begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from pawl.errors import CheckpointError, ConfigError, RunError, UnknownNameError
from pawl.evaluate_checkpoint import evaluate_model
from pawl.ledger import Ledger
from pawl.models.opening import fresh_policy
from pawl.records import SPLITS
from pawl.tasks.countdown import Countdown

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("checkpoint")
    fresh_policy(["0123456789+-*/=\n"], tokenizer="char", depth=1, context=64, seed=0).save(directory)
    return directory


def test_a_checkpoint_is_evaluated_on_a_task(checkpoint: Path) -> None:
    found = evaluate_model(checkpoint, "countdown", {"numbers": 2, "max_number": 6}, problems=10, attempts=4,
                           max_tokens=6, device="cpu")
    assert (found["task"], found["split"], found["problems"], found["search"]) == ("countdown", "test", 10, None)
    assert found["policy"].keys() == {"pass@1", "ci", "pass@4", "pass@4_ci"}
    greedy, majority = found["baselines"]["greedy"], found["baselines"]["majority"]
    assert greedy["pass@1"] == found["policy"]["pass@1"]
    assert majority["attempts"] == 4 and majority["tokens"] > greedy["tokens"] > 0
    again = evaluate_model(checkpoint, "countdown", {"numbers": 2, "max_number": 6}, problems=10, attempts=4,
                           max_tokens=6, device="cpu")
    assert again == found


@pytest.mark.parametrize("prior", ["policy", "uniform"])
def test_a_search_is_evaluated_beside_what_its_tokens_buy(checkpoint: Path, prior: Any) -> None:
    found = evaluate_model(checkpoint, "countdown", {"numbers": 2, "max_number": 6}, problems=10, attempts=4,
                           max_tokens=6, search="mcts", budget=4, prior=prior, device="cpu")
    assert found["search"].keys() >= {"name", "budget", "prior", "pass@1", "ci", "tokens", "generated"}
    assert (found["search"]["budget"], found["search"]["prior"]) == (4, prior)
    assert found["baselines"].keys() == {"greedy", "best_of_n", "majority", "weighted"}
    assert found["sentence"].startswith("search ")


@pytest.mark.parametrize("name", ["best_of_n", "weighted", "beam", "dvts"])
def test_every_kind_of_search_is_evaluated(checkpoint: Path, name: str) -> None:
    found = evaluate_model(checkpoint, "countdown", {"numbers": 2, "max_number": 6}, problems=4, attempts=1,
                           max_tokens=6, search=name, budget=4, device="cpu")
    assert found["search"]["name"] == name and found["search"]["tokens"] > 0


def test_a_curve_ends_in_the_plain_evaluation(checkpoint: Path) -> None:
    asked: dict[str, Any] = {"problems": 6, "attempts": 1, "max_tokens": 6, "search": "puct", "budget": 3,
                             "device": "cpu"}
    plain, curve = (evaluate_model(checkpoint, "countdown", {"numbers": 2, "max_number": 6}, **asked, curve=curve)
                    for curve in (False, True))
    assert {name: curve[name] for name in plain} == plain
    rows = [(row["prior"], row["budget"]) for row in curve["curve"] if "budget" in row]
    assert rows == [(prior, budget) for prior in ("policy", "uniform") for budget in (1, 2, 3)]


def test_a_run_is_evaluated_by_its_champion_under_its_own_settings(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "b").symlink_to(checkpoint)
    (tmp_path / "config.toml").write_text("")
    with Ledger.create(tmp_path / "run.db", {"settings": {"max_tokens": 5, "stop": ["="]}}) as ledger:
        ledger.set_base({}, {}, "b")
    asked: dict[str, Any] = {"problems": 6, "attempts": 2, "device": "cpu"}
    task = {"numbers": 2, "max_number": 6}
    found = evaluate_model(tmp_path, "countdown", task, **asked)
    assert found == evaluate_model(checkpoint, "countdown", task, **asked, max_tokens=5, stop=("=",))
    assert found != evaluate_model(tmp_path, "countdown", task, **asked, max_tokens=9, stop=())


def test_a_run_keeps_its_task_and_the_tasks_settings(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "b").symlink_to(checkpoint)
    (tmp_path / "config.toml").write_text("")
    task = {"numbers": 2, "max_number": 6}
    header = {"task": "countdown", "task_settings": task, "settings": {"max_tokens": 5, "stop": []}}
    with Ledger.create(tmp_path / "run.db", header) as ledger:
        ledger.set_base({}, {}, "b")
    asked: dict[str, Any] = {"problems": 6, "attempts": 2, "device": "cpu", "max_tokens": 5}
    expected = evaluate_model(checkpoint, "countdown", task, **asked)
    assert evaluate_model(tmp_path, **asked) == evaluate_model(tmp_path, "countdown", **asked) == expected
    wider = evaluate_model(checkpoint, "countdown", task | {"max_number": 9}, **asked)
    assert evaluate_model(tmp_path, None, {"max-number": 9}, **asked) == wider != expected
    with pytest.raises(ConfigError, match="max_number must be given once"):
        evaluate_model(tmp_path, None, {"max-number": 9, "max_number": 9}, **asked)
    hands = evaluate_model(tmp_path, "game24", **asked)
    assert hands["task"] == "game24"  # whose settings are not Countdown's
    with pytest.raises(ConfigError, match="must be given a task"):
        evaluate_model(checkpoint, **asked)


def test_a_run_without_a_base_cannot_be_evaluated(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    Ledger.create(tmp_path / "run.db", {"settings": {}}).close()
    with pytest.raises(RunError, match="must have a base"):
        evaluate_model(tmp_path, "countdown", {}, device="cpu")


def test_what_cannot_be_evaluated_is_refused_in_words(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="countdwon"):
        evaluate_model(checkpoint, "countdwon", {}, device="cpu")
    with pytest.raises(UnknownNameError, match="mtcs"):
        evaluate_model(checkpoint, "countdown", {"numbers": 2}, search="mtcs", problems=2, attempts=1, device="cpu")
    with pytest.raises(ConfigError, match="a curve must have a search"):
        evaluate_model(checkpoint, "countdown", {"numbers": 2}, curve=True, device="cpu")
    (tmp_path / "rows.jsonl").write_text('{"question": "1+1", "answer": "2"}\n')
    with pytest.raises(ConfigError, match="the search 'beam' must have a task with steps, got 'dataset'"):
        evaluate_model(checkpoint, "dataset", {"data": str(tmp_path / "rows.jsonl")}, search="beam", device="cpu")
    with pytest.raises(CheckpointError, match=r"config\.json"):
        evaluate_model(tmp_path, "countdown", {"numbers": 2}, device="cpu")
    two = {"numbers": 2, "max_number": 1}  # 1+1=2 and 1*1=1: too few for every split to have one
    empty = next(split for split in SPLITS if not Countdown(**two).problems(split, 9, 0))
    with pytest.raises(ConfigError, match=f"split '{empty}' of task 'countdown' must have a problem"):
        evaluate_model(checkpoint, "countdown", two, split=empty, device="cpu")
