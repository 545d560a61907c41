"""RLAIF in small: revisions, preferences or direct feedback, whoever is the critic, and a run that was stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stopping import carried_out, same_as_whole

from pawl.errors import CheckpointError, ConfigError, TrainingError
from pawl.ledger import Ledger
from pawl.models.opening import fresh_policy
from pawl.recipes import rlaif
from pawl.recipes.rlaif import RLAIF, Settings
from pawl.records import Attempt, Completion, Event, Problem, Sampling, Verdict
from pawl.tasks.countdown import Countdown
from pawl.tasks.stories import Stories
from pawl.tasks.stories_critic import StoryCritic

torch.set_num_threads(1)

SMALL: dict[str, Any] = {
    "depth": 2, "tokenizer": "bpe-400", "base_steps": 80, "batch": 32, "comparisons": 1500, "revised": 64,
    "revisions": 2, "generations": 2, "rounds": 1, "problems": 8, "attempts": 4, "max_tokens": 16, "test_problems": 32,
    "learning_rate": 1e-3, "device": "cpu",
}
TASK = Stories(nouns=10, errs=0.0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    path = tmp_path_factory.mktemp("rlaif") / "whole"
    return path, carried_out(rlaif, Settings(**SMALL), TASK, path)


def names(path: Path) -> list[str]:
    with Ledger.open(path / "run.db", read_only=True) as ledger:
        return [str(row.notes[0]) for row in ledger.generations()]


def test_revisions_come_first_then_the_reward_model_then_the_policy_gradient(whole: tuple[Path, dict[str, Any]]
                                                                           ) -> None:
    path, result = whole
    assert names(path) == ["revisions", "reward model", "preferences, generation 1", "preferences, generation 2",
                           "best of all"]
    assert [one["generation"] for one in result["advice"]["preferences"]] == [0, 1, 2]
    assert [one["revision"] for one in result["revisions"]] == [0, 1, 2]
    assert result["principles"] == list(TASK.principles) and result["critic"] == "critic of stories"


def test_each_round_of_revision_raises_what_the_critic_and_gold_say(whole: tuple[Path, dict[str, Any]]) -> None:
    _, result = whole
    for name in ("kept", "gold"):
        assert (np.diff([one[name] for one in result["revisions"]]) > 0).all()


def test_gold_of_the_base_of_revisions_and_of_rewards_stand_side_by_side(whole: tuple[Path, dict[str, Any]]) -> None:
    path, result = whole
    said = [one["policy"].split(",")[0] for one in result["advised"]]
    assert said[:2] == ["the base", "after the revisions"] and len(said) == 4
    assert result["advised"][0]["gain"] == 0 and "with revisions and to" in result["sentence"]
    with Ledger.open(path / "run.db", read_only=True) as ledger:
        attempts = list(ledger.attempts(1))
        assert ledger.champion == ledger.generations()[-1].candidate
    assert len(attempts) == 64 and {attempt.source for attempt, _ in attempts} == {"critic"}
    gold = [TASK.score(attempt.problem, attempt.completion.text) for attempt, _ in attempts]
    assert result["revisions"][-1]["gold"] == pytest.approx(np.mean(gold))


@pytest.mark.parametrize("stop", [("train", 1), ("sample", 3)])
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(whole: tuple[Path, dict[str, Any]], tmp_path: Path,
                                                              stop: tuple[str, int]) -> None:
    carry_out = partial(carried_out, rlaif, Settings(**SMALL), TASK)
    assert same_as_whole(carry_out, whole[0], tmp_path / "run", [stop])


def test_with_direct_feedback_there_is_no_reward_model_and_without_revisions_none_are_made(tmp_path: Path) -> None:
    settings = Settings(**SMALL | {"feedback": "direct", "revisions": 0, "generations": 1})
    result = carried_out(rlaif, settings, TASK, tmp_path / "run")
    assert names(tmp_path / "run") == ["direct, generation 1", "best of all"]
    assert list(result["advice"]) == ["direct"] and result["revisions"] == []
    assert [one["policy"].split(" ")[0] for one in result["advised"]] == ["the", "after", "after"]
    assert "revisions" not in result["sentence"] and "with rewards" in result["sentence"]


def test_a_pair_that_one_principle_does_not_tell_apart_is_asked_about_by_the_next() -> None:
    heard: list[list[str]] = []

    class Critic:
        def prefers(self, pairs: Any, principles: Any) -> list[bool | None]:
            heard.append(list(principles))
            return [True if principle == "b" else None for principle in principles]

    parts = RLAIF.__new__(RLAIF)
    parts.critic, parts.principles, parts.settings = Critic(), ("a", "b"), Settings(**SMALL)
    one, other = (Attempt(Problem("p", "p", "train"), 0, np.zeros(1, np.int32), Completion(
        text, np.zeros(1, np.int32), np.zeros(1, np.float32), "stop")) for text in ("x", "y"))
    pairs = [(one, other), (other, one)] * 4
    assert parts.compare(pairs) == [True] * 8
    assert sorted(set(heard[0])) == ["a", "b"] and heard[1] == ["b"] * heard[0].count("a")


@dataclass(frozen=True)
class Unsure(StoryCritic):
    """Rates and prefers as long as it is up."""

    up: Callable[[], bool] = lambda: True

    def rate(self, attempts: Any, principles: Any) -> list[Verdict]:
        return super().rate(attempts, principles) if self.up() else [Verdict(None, "critic", "it is down")] * len(
            attempts)

    def prefers(self, pairs: Any, principles: Any) -> list[bool | None]:
        return super().prefers(pairs, principles) if self.up() else [None] * len(pairs)


class Unsurely(Stories):
    up: Any = staticmethod(lambda: False)

    def critic(self) -> Unsure:
        return Unsure(self, self.up)


def test_a_critic_that_goes_down_stops_the_run_which_goes_on_when_it_is_up_again(tmp_path: Path) -> None:
    settings = Settings(**SMALL | {"feedback": "direct", "revisions": 0, "generations": 1, "base_steps": 2})
    task, asked = Unsurely(nouns=10), list[int]()
    object.__setattr__(task, "up", lambda: asked.append(1) or len(asked) <= len(task.principles))
    with pytest.raises(TrainingError, match=r"got none of 32 scored .it is down.") as raised:
        carried_out(rlaif, settings, task, tmp_path / "run")
    assert names(tmp_path / "run") == [] and len(asked) > 3 and "pawl resume" in str(raised.value.hint)
    object.__setattr__(task, "up", lambda: True)
    assert carried_out(rlaif, settings, task, tmp_path / "run")["advice"]["direct"][1]["proxy"] is not None


def test_a_critic_that_prefers_nothing_stops_the_run_with_what_to_do(tmp_path: Path) -> None:
    settings = Settings(**SMALL | {"revisions": 0, "base_steps": 2, "comparisons": 20})
    with pytest.raises(TrainingError, match="critic of stories must say of some pairs which is better, got nothing of"):
        carried_out(rlaif, settings, Unsurely(nouns=10), tmp_path / "run")


def test_a_critic_that_rates_nothing_can_still_revise(tmp_path: Path) -> None:
    settings = Settings(**SMALL | {"revisions": 1, "base_steps": 2, "comparisons": 20, "revised": 8})
    with pytest.raises(TrainingError, match="must say of some pairs"):
        carried_out(rlaif, settings, Unsurely(nouns=10), tmp_path / "run")
    assert names(tmp_path / "run") == ["revisions"]


@pytest.mark.parametrize("stop", [("score", 1), ("sample", 2), ("gate", 2)])
def test_a_run_with_direct_feedback_goes_on_as_well(tmp_path: Path, stop: tuple[str, int]) -> None:
    changes = {"feedback": "direct", "revisions": 1, "revised": 8, "generations": 1, "base_steps": 2}
    carry_out = partial(carried_out, rlaif, Settings(**SMALL | changes), TASK)
    carry_out(tmp_path / "whole")
    assert same_as_whole(carry_out, tmp_path / "whole", tmp_path / "run", [stop])


def test_a_checkpoint_whose_context_holds_no_question_is_a_critic_that_revises_nothing(tmp_path: Path) -> None:
    fresh_policy(["abcdefgh \n"], tokenizer="char", depth=1, context=64, seed=0).save(tmp_path / "critic")
    settings = Settings(**SMALL | {"critic": (str(tmp_path / "critic"),), "revised": 8, "base_steps": 2})
    with pytest.raises(TrainingError, match=r"got 8 of 8 questions unanswered .not asked: a question must have 1 to "):
        carried_out(rlaif, settings, TASK, tmp_path / "run")


def parts_of(context: int, train: int, **changes: Any) -> RLAIF:
    """With a base that writes anything, and so many problems."""
    parts = RLAIF.__new__(RLAIF)
    parts.settings, parts.sampling = Settings(**SMALL | changes), Sampling(8)
    parts.start = fresh_policy(["abcdefgh \n"], tokenizer="char", depth=1, context=context, seed=0)
    parts.train = [Problem(str(number), "ab", "train") for number in range(train)]
    return parts


def test_no_more_answers_are_revised_than_were_asked_for() -> None:
    assert len(parts_of(16, 4, revised=6).first_answers()) == 6


def test_a_base_that_can_answer_nothing_is_named_with_the_reason() -> None:
    with pytest.raises(TrainingError, match=r"got none of 64 .sample: 2 prompt tokens and 8 new ones exceed"):
        parts_of(8, 4).first_answers()


def test_as_many_stages_are_said_to_come_as_come(tmp_path: Path) -> None:
    events: list[Event] = []
    settings = Settings(**SMALL | {"feedback": "direct", "revisions": 0, "generations": 1, "base_steps": 2})
    carried_out(rlaif, settings, TASK, tmp_path / "run", notify=events.append)
    assert {one.generations for one in events} == {2} and max(one.generation for one in events) == 2


def test_principles_are_read_from_a_file_a_line_each(tmp_path: Path) -> None:
    path, kept = tmp_path / "principles.txt", tmp_path / "kept.txt"

    def read(source: str) -> tuple[str, ...]:
        kept.unlink(missing_ok=True)
        return rlaif.written(Settings(principles=source), TASK, kept)

    path.write_text("Be brief.\n\n  Be brief. \nSay what is so.\n")
    assert read(str(path)) == ("Be brief.", "Say what is so.")
    path.write_text("Be brief.\r\n", encoding="utf-8-sig")
    assert read(str(path)) == ("Be brief.",)
    path.write_text(" \n")
    with pytest.raises(ConfigError, match="a line each, got none"):
        read(str(path))
    for wrong in (str(tmp_path), "a\0b"):
        with pytest.raises(ConfigError, match="must be a file of text"):
            read(wrong)
    assert not kept.exists()


def test_a_run_goes_on_by_the_principles_with_which_it_began(tmp_path: Path) -> None:
    path, kept = tmp_path / "principles.txt", tmp_path / "kept.txt"
    path.write_text("Be brief.\nSay what is so.\n")
    began = rlaif.written(Settings(principles=str(path)), TASK, kept)
    path.write_text("Be long.\n")
    assert rlaif.written(Settings(principles=str(path)), TASK, kept) == began
    path.unlink()
    assert rlaif.written(Settings(principles=str(path)), TASK, kept) == began


def test_principles_of_a_task_that_say_nothing_are_none() -> None:
    class Silent(Stories):
        principles = ("", " ")

    with pytest.raises(ConfigError, match="no principles of its own"):
        rlaif.written(Settings(), Silent(nouns=10), Path("nowhere"))


@pytest.mark.parametrize(("changes", "error", "says"), [
    ({}, ConfigError, "no principles of its own"), ({"principles": __file__}, ConfigError, "no critic of its own"),
    ({"principles": __file__, "critic": ("self",)}, ConfigError, "self beside a model"),
    ({"principles": __file__, "critic": ("a", "b", "c")}, ConfigError, "an address and a model"),
    ({"principles": __file__, "critic": ("localhost", "b")}, ConfigError, "base_url must be http"),
    ({"principles": __file__, "critic": ("nowhere",)}, CheckpointError, "nowhere")])
def test_who_criticises_and_by_what_must_be_said(tmp_path: Path, changes: dict[str, Any], error: type[Exception],
                                                 says: str) -> None:
    with pytest.raises(error, match=says):
        carried_out(rlaif, Settings(**SMALL | changes), Countdown(numbers=2, max_number=9), tmp_path / "run")
