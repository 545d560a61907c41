"""A judge of one's own through a whole run: what is stored, what a resumed run asks, and judges that are wrong."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from letters import Few
from stopping import Stopped, digest

from pawl.config import read_toml
from pawl.errors import ConfigError, PawlError
from pawl.ledger import GenerationRow, Ledger
from pawl.recipes.launch import launch, resume
from pawl.records import Attempt, Event, Verdict

torch.set_num_threads(1)

TINY: dict[str, Any] = {
    "task": "letters:Few", "tokenizer": "char", "depth": 1, "base_steps": 40, "batch": 16, "generations": 1,
    "problems": 16, "attempts": 8, "max_tokens": 3, "device": "cpu", "alpha": 1, "test_problems": 10,
}
RL = TINY | {"rounds": 2, "learning_rate": 3e-3}


def silent(event: Event) -> None:
    """Nobody listens."""


def rewarded(out: Path, function: str, **more: Any) -> tuple[GenerationRow, Sequence[tuple[Attempt, Verdict]], str]:
    """The generation of a run of `rl`, its attempts, and all that was said."""
    events: list[Event] = []
    launch("rl", RL | {"judge": f"trl:rewarded:{function}"} | more, out, events.append)
    with Ledger.open(out / "run.db", read_only=True) as ledger:
        [row] = ledger.generations()
        return row, list(ledger.attempts(1)), "\n".join(event.message for event in events)


@pytest.mark.parametrize("recipe", ["rl", "expert-iteration"])
def test_what_is_learnt_is_what_the_judge_says_and_its_settings_are_kept(tmp_path: Path, recipe: str) -> None:
    judged = {"judge": "trl:rewarded:early", "judge_range": "0,1", "judge_seconds": 5}
    values = (RL if recipe == "rl" else TINY) | judged
    launch(recipe, values, tmp_path / "run", silent)
    kept = read_toml(tmp_path / "run" / "config.toml")
    assert (kept["judge"], kept["judge_range"], kept["judge_seconds"]) == ("trl:rewarded:early", [0, 1], 5)
    with Ledger.open(tmp_path / "run" / "run.db", read_only=True) as ledger:
        assert ledger.header["judge_settings"]["judge"] == "trl:rewarded:early"
        pairs, metrics = list(ledger.attempts(1)), ledger.generations()[0].metrics
    for attempt, verdict in pairs:
        letter = attempt.completion.text[:1]
        assert verdict.judge == "trl:rewarded:early"
        assert verdict.score == pytest.approx(max(0.0, 1 - abs(ord(letter) - ord("a")) / 10) if letter else 0)
    truths = [Few().score(attempt.problem, attempt.completion.text) for attempt, _ in pairs]
    assert metrics["gold"] == pytest.approx(sum(truths) / len(truths)) and metrics["truth_bits_self"] == 0


def test_a_run_that_was_stopped_asks_the_same_judge_again(tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if (event.stage, event.generation) == ("train", 2):
            raise Stopped

    values = RL | {"judge": "trl:rewarded:early", "generations": 2}
    launch("rl", values, tmp_path / "whole", silent)
    with pytest.raises(Stopped):
        launch("rl", values, tmp_path / "stopped", stop)
    resume(tmp_path / "stopped", silent)
    assert digest(tmp_path / "stopped") == digest(tmp_path / "whole")
    launch("rl", {name: value for name, value in values.items() if name != "judge"}, tmp_path / "truth", silent)
    assert digest(tmp_path / "truth") != digest(tmp_path / "whole")


@pytest.mark.parametrize("recipe", ["reason", "rlhf", "distill", "vibes"])
def test_a_recipe_with_a_judge_of_its_own_takes_no_other(tmp_path: Path, recipe: str) -> None:
    with pytest.raises(ConfigError, match="has its own\nhint: expert-iteration and rl take one"):
        launch(recipe, {"task": "letters:Few", "judge": "trl:rewarded:early"}, tmp_path / "run", silent)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("judge", "said"), [
    ("trl:rewarded:erly", "erly"), ("trl:nowhere:early", "nowhere"), ("rtl:rewarded:early", "rtl"),
    ("rewarded:early", "trl:rewarded:early")])
def test_a_judge_that_is_not_there_is_told_before_anything_is_made(tmp_path: Path, judge: str, said: str) -> None:
    with pytest.raises(PawlError, match=said):
        launch("rl", RL | {"judge": judge}, tmp_path / "run", silent)
    assert not (tmp_path / "run").exists()


# Judges that are wrong.


@pytest.mark.parametrize(("function", "reason"), [
    ("none_everywhere", "no reward applies: all gave None"), ("no_number", "no_number must give a number, got nan"),
    ("too_few", "too_few must give a reward for each of 1 attempts, got 0"),
    ("by_level", "by_level needs level, which the problem's data do not have")])
def test_where_a_function_rewards_nothing_the_run_ends_with_all_attempts_and_the_reason(
        tmp_path: Path, function: str, reason: str) -> None:
    row, pairs, said = rewarded(tmp_path / "run", function)
    assert len(pairs) == 2 * 16 * 8 and {verdict.error for _, verdict in pairs} == {reason}
    assert row.dropped == "there was nothing to learn from" and row.candidate is None
    assert f"no attempt of the last round could be judged: {reason}" in said
    assert "alarm: known answers" in said and "alarm: silent judge" in said and (tmp_path / "run/report.html").is_file()


def test_a_function_that_rewards_all_alike_is_told_of_and_nothing_is_learnt(tmp_path: Path) -> None:
    row, pairs, said = rewarded(tmp_path / "run", "constant")
    assert {verdict.score for _, verdict in pairs} == {0.5} and row.candidate is None
    assert "alarm: constant judge: Every one of 256 attempts scores 0.5." in said
    assert "the judge gives the last round's attempts 0.500 on average" in said


@pytest.mark.parametrize(("function", "more", "reason"), [
    ("raises_at_a", {}, "raises_at_a raised RuntimeError: no a"),
    ("slow_at_a", {"judge_seconds": 0.1, "rounds": 1, "problems": 6},
     "slow_at_a took longer than 0.1 s")])
def test_an_attempt_at_which_a_function_fails_costs_the_others_nothing(tmp_path: Path, function: str,
                                                                      more: dict[str, Any], reason: str) -> None:
    row, pairs, _ = rewarded(tmp_path / "run", function, **more)
    failed = Counter((attempt.completion.text[:1] == "a", verdict.error) for attempt, verdict in pairs)
    assert failed.keys() == {(True, reason), (False, None)}
    assert all(verdict.score == Few().score(attempt.problem, attempt.completion.text)
               for attempt, verdict in pairs if verdict.error is None)
    assert row.dropped is None and row.metrics["steps"] > 0


def test_a_function_is_given_the_columns_of_a_file_that_are_named(tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text("\n".join(json.dumps({"question": f"{i:03d}", "answer": "abcdefghij"[i % 10], "level": i % 10})
                              for i in range(100)))
    values = RL | {"task": "dataset", "data": str(data), "columns": "level", "judge": "trl:rewarded:by_level"}
    launch("rl", values | {"attempts": 2}, tmp_path / "run", silent)
    with Ledger.open(tmp_path / "run" / "run.db", read_only=True) as ledger:
        pairs = list(ledger.attempts(1))
    assert pairs and all(verdict.score == pytest.approx(int(attempt.problem.prompt[2]) / 10)  # type: ignore[arg-type]
               for attempt, verdict in pairs)
