"""Our tasks and judges as rewards of TRL and verl, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rewarding import CHAT, SUM, attempts_at, scores

from pawl.bench.trl_peers import need_trl
from pawl.errors import DataError
from pawl.judges.formats import trl, verl
from pawl.judges.handed import to_trl, to_verl, trl_rows, verl_rows
from pawl.judges.reward import Reward, RewardJudge
from pawl.judges.truth import truth
from pawl.records import Attempt, Completion, Verdict
from pawl.tasks.countdown import Countdown

TASK = Countdown(numbers=2, max_number=9)
PROBLEMS = TASK.problems("train", 4, 0)


def undecided(attempts: Sequence[Attempt]) -> list[Verdict]:
    return [Verdict(None if attempt.completion.text == "?" else 0.25, "judge") for attempt in attempts]


def attempts() -> list[Attempt]:
    """A right and a wrong one at each of two problems."""
    solved = [TASK.problem((2, 3), 6), TASK.problem((2, 3), 5)]
    return [one for problem in solved for one in attempts_at(problem, "3*2=6", "3+2=5", "?")]


def of(reward: Reward) -> RewardJudge:
    return RewardJudge("back", (reward,))


def test_there_and_back_a_task_says_the_same_through_trl() -> None:
    back = of(trl(to_trl(TASK, {one.problem.id: one.problem for one in attempts()}.values())))
    assert [one.score for one in back(attempts())] == [one.score for one in truth(TASK)(attempts())] == [
        1.0, 0.0, 0.0, 0.0, 1.0, 0.0]


def test_there_and_back_a_task_says_the_same_through_verl() -> None:
    rows = verl_rows(TASK, [one.problem for one in attempts()])
    carried = [replace(one, problem=replace(one.problem, data=row)) for one, row in zip(attempts(), rows, strict=True)]
    back = of(verl(to_verl(TASK)))
    assert [one.score for one in back(carried)] == [one.score for one in truth(TASK)(attempts())]


def test_an_attempt_without_a_score_is_none_in_trl_and_told_in_verl() -> None:
    reward = to_trl(undecided, [SUM])
    assert reward(prompts=["1+1="] * 2, completions=["2", "?"], completion_ids=[[1], [2]]) == [0.25, None]
    [row] = verl_rows(TASK, [SUM])
    score = to_verl(undecided, undecided=-1.0)
    told = {"data_source": "sum", "ground_truth": "2", "extra_info": row["extra_info"]}
    assert score(solution_str="2", **told) == {"score": 0.25, "decided": 1.0}
    assert score(solution_str="?", **told) == {"score": -1.0, "decided": 0.0}


def test_messages_are_known_again_and_their_reply_is_read() -> None:
    read: list[str] = []

    def judge(attempts: Sequence[Attempt]) -> list[Verdict]:
        read.extend(f"{attempt.problem.id}: {attempt.completion.text}" for attempt in attempts)
        return [Verdict(1.0, "judge") for _ in attempts]

    [row] = trl_rows([CHAT])
    prompt = [{**message, "tool_calls": None} for message in row["prompt"]]  # columns that a data set filled up
    completion = [{"role": "assistant", "content": "2"}, {"role": "tool", "content": "3"}]
    to_trl(judge, [SUM, CHAT])(prompts=[prompt], completions=[completion])
    assert read == ["chat: 2"]


def test_a_prompt_that_is_no_problems_is_told() -> None:
    with pytest.raises(DataError, match=r"a prompt must be one of the 1 problems', got 2\+2="):
        to_trl(TASK, [SUM])(prompts=["2+2="], completions=["4"])


def test_a_row_of_somebody_elses_gives_its_ground_truth() -> None:
    class Known:
        name = "known"

        def problems(self, split: Any, count: int, seed: int) -> list[Any]:
            return []

        def score(self, problem: Any, answer: str) -> float:
            return float(answer == problem.answer and problem.data["unit"] == "m")

    score = to_verl(Known())
    assert score("any", "5", 5, {"unit": "m", "index": 3}) == {"score": 1.0, "decided": 1.0}
    assert score("any", "6", "5", {"unit": "m"})["score"] == 0.0


@settings(max_examples=30)
@given(st.dictionaries(st.text(), st.recursive(st.none() | st.booleans() | st.integers() | st.text(),
                                               lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))))
def test_any_data_comes_back_from_a_row_of_verl(data: dict[str, Any]) -> None:
    seen: list[Any] = []

    def judge(attempts: Sequence[Attempt]) -> list[Verdict]:
        seen.extend(attempt.problem for attempt in attempts)
        return [Verdict(1.0, "judge")]

    problem = replace(CHAT, data=MappingProxyType(data))
    [row] = json.loads(json.dumps(verl_rows(TASK, [problem])))
    to_verl(judge)(row["data_source"], "2", row["reward_model"]["ground_truth"], row["extra_info"])
    assert seen == [replace(CHAT, data=data)]


def test_a_parquet_file_of_rows_reads_back(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="verl reads with datasets")
    rows = verl_rows(TASK, PROBLEMS)
    datasets.Dataset.from_list(rows).to_parquet(tmp_path / "rows.parquet")
    read = datasets.load_dataset("parquet", data_files=str(tmp_path / "rows.parquet"), split="train",
                                 cache_dir=str(tmp_path)).to_list()
    assert read == rows


class Characters:
    """As much of a tokenizer as verl's manager asks for: a token is a character."""

    def decode(self, tokens: Any, **_: Any) -> str:
        return "".join(map(chr, tokens.tolist()))


def test_verls_own_manager_takes_our_score() -> None:
    pytest.importorskip("ray", reason="verl needs ray")
    naive = pytest.importorskip("verl.workers.reward_manager.naive", reason="the manager is verl's")
    import torch
    from verl import DataProto

    problem = TASK.problem((2, 3), 6)
    [row] = verl_rows(TASK, [problem])
    texts = ["3*2=6", "3+2=5"]
    responses = torch.tensor([[ord(character) for character in text] for text in texts])
    prompts = torch.full((2, 1), ord("x"))
    data = DataProto.from_dict(
        {"prompts": prompts, "responses": responses, "attention_mask": torch.ones(2, 6, dtype=torch.long)},
        non_tensors={name: np.array([row[name]] * 2, dtype=object)
                     for name in ("data_source", "reward_model", "extra_info")})
    manager = naive.NaiveRewardManager(tokenizer=Characters(), num_examine=0, compute_score=to_verl(TASK))
    found = manager(data, return_dict=True)
    assert found["reward_tensor"].sum(-1).tolist() == [1.0, 0.0]
    assert found["reward_extra_info"]["decided"] == [1.0, 1.0]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("trl", reason="the trainer is TRL's")
    from pawl.models.opening import fresh_policy

    need_trl("a test")
    directory = tmp_path_factory.mktemp("checkpoint")
    texts = [problem.prompt for problem in PROBLEMS]
    fresh_policy(texts, tokenizer="char", depth=1, context=48, seed=0).save(directory)
    return directory


@pytest.fixture(scope="module")
def trained(checkpoint: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Two steps of GRPO on our reward: what the trainer logged, and what it gave to a function beside ours."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    seen: list[dict[str, Any]] = []

    def witness(**named: Any) -> list[float]:
        seen.append(named)
        return [0.0 for _ in named["completions"]]

    config = GRPOConfig(output_dir=str(checkpoint / "out"), max_steps=2, num_generations=4, max_completion_length=6,
                        per_device_train_batch_size=8, use_cpu=True, bf16=False, report_to="none", save_strategy="no",
                        logging_steps=1, disable_tqdm=True, gradient_checkpointing=False, seed=0)
    rows = Dataset.from_list([{**row, "level": 3} for row in trl_rows(PROBLEMS)])
    trainer = GRPOTrainer(str(checkpoint), [to_trl(TASK, PROBLEMS), witness], config, rows)
    trainer.train()
    return [log for log in trainer.state.log_history if "rewards/countdown/mean" in log], seen


def test_a_grpo_trainer_learns_from_our_reward(trained: Any) -> None:
    logs, seen = trained
    by_prompt = {problem.prompt: problem for problem in PROBLEMS}
    assert len(logs) == 2 and all(np.isfinite(log["loss"]) for log in logs)
    for step, log in zip(seen, logs, strict=True):
        scored = [TASK.score(by_prompt[prompt], text)
                  for prompt, text in zip(step["prompts"], step["completions"], strict=True)]
        assert log["rewards/countdown/mean"] == pytest.approx(np.mean(scored))


def test_a_reward_function_of_trl_is_given_here_what_a_grpo_trainer_gives_it(trained: Any) -> None:
    theirs, ours = trained[1][0], dict[str, Any]()

    def witness(**named: Any) -> list[float]:
        ours.update(named)
        return [0.0]

    of(trl(witness))([replace(one, problem=replace(one.problem, data={"level": 3})) for one in attempts()[:1]])
    assert theirs.keys() <= ours.keys()
    for name in ("prompts", "completions", "completion_ids", "level"):
        assert isinstance(ours[name], list) and type(ours[name][0]) is type(theirs[name][0])


def test_scores_come_back_as_they_were() -> None:
    assert scores(of(trl(to_trl(undecided, [SUM]))), "2", "?") == [0.25, None]


def test_an_attempt_of_a_trainer_has_a_text_and_no_tokens() -> None:
    seen: list[Completion] = []

    def judge(attempts: Sequence[Attempt]) -> list[Verdict]:
        seen.extend(attempt.completion for attempt in attempts)
        return [Verdict(1.0, "judge")]

    to_trl(judge, [SUM])(prompts=["1+1="], completions=["2"])
    assert (seen[0].text, len(seen[0].tokens), seen[0].finish) == ("2", 0, "stop")
