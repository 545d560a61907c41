"""Rewards of verifiers, with the package itself where it is installed: rubrics until 0.1, `@vf.reward` from 0.2."""

from __future__ import annotations

import importlib.util
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from rewarding import CHAT, SUM, judged, scores

from pawl.errors import ConfigError
from pawl.judges.adapters import judge_named
from pawl.judges.verifiers_format import verifiers


def needs(module: str, version: str) -> None:
    try:
        found = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None:
        pytest.skip(f"verifiers {version} is not installed")


@pytest.fixture
def rubrics() -> Any:
    needs("verifiers.rubrics", "0.1")
    import verifiers

    return verifiers


def test_a_rubric_scores_as_verifiers_scores_it(rubrics: Any) -> None:
    import asyncio

    from verifiers.types import AssistantMessage, State, UserMessage

    def right(completion: Any, answer: str, parser: Any) -> float:
        return float(parser.parse_answer(completion) == answer)

    async def brief(completion: Any, state: Any, info: Any) -> float:
        return 1 / len(completion[-1].content) if state["info"] == info else 0.0

    rubric = rubrics.Rubric(funcs=[right, brief], weights=[1.0, 0.5])
    theirs = []
    for text in ("2", "333"):
        state = State(input={"example_id": 0}, prompt=[UserMessage(content="1+1=")], answer="2", info={}, trajectory=[],
                      completion=[AssistantMessage(content=text)], task="default")
        asyncio.run(rubric.score_group([state]))
        theirs.append(state["reward"])
    judge = judge_of(rubric)
    assert scores(judge, "2", "333") == pytest.approx([one / 1.5 for one in theirs])


def judge_of(given: Any) -> Any:
    """A judge of what a module would hold."""
    from pawl.judges.reward import RewardJudge

    rewards = tuple(verifiers(given))
    return RewardJudge("verifiers", rewards, 0.0, sum(reward.weight for reward in rewards))


def test_an_environment_is_judged_by_its_rubric(rubrics: Any) -> None:
    from datasets import Dataset

    rows = Dataset.from_list([{"question": "1+1=", "answer": "2"}])
    group = rubrics.RubricGroup([rubrics.Rubric(funcs=[known]), rubrics.Rubric(funcs=[known], weights=[2.0])])
    for rubric in (rubrics.Rubric(funcs=[known]), group):
        environment = rubrics.SingleTurnEnv(dataset=rows, rubric=rubric)
        assert scores(judge_of(environment), "2", "3") == [1.0, 0.0]


def known(completion: Any, answer: str) -> float:
    return float(completion[-1]["content"] == answer)


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module with rewards for verifiers 0.2 and newer."""
    needs("verifiers.v1.graph", "0.2 or newer")
    (tmp_path / "of_tasks.py").write_text(textwrap.dedent('''
        import verifiers.v1 as vf

        class Data(vf.TaskData):
            answer: str = ""
            level: int = 0

        class Sum(vf.Task[Data]):
            @vf.reward(weight=2.0)
            async def right(self, trace: vf.Trace) -> float:
                assert self.data.level == 3
                return float(trace.last_reply == self.data.answer)

            @vf.reward
            async def brief(self, trace, task) -> dict:
                return {"length": 1 / len(trace.last_reply), "prompt": 0.5 * (task.prompt_text.endswith("1+1="))}

        class Boxed(vf.Task[Data]):
            @vf.reward
            async def tests(self, trace, runtime) -> float:
                return 1.0

        @vf.reward(weight=0.5)
        async def alone(trace, task) -> float:
            return float(trace.transcript.endswith(task.answer) and trace.num_turns == 1)
    '''), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "verifiers:of_tasks"
    sys.modules.pop("of_tasks", None)


def test_rewards_of_a_task_score_as_verifiers_scores_them(tasks: str) -> None:
    judge = judge_named(f"{tasks}:Sum", judge_range=(0.0, 4.0))
    for problem in (SUM, CHAT):
        assert scores(judge, "2", "333", problem=problem) == pytest.approx([3.5 / 4, (1 / 3 + 0.5) / 4])
    assert [reward.weight for reward in judge.rewards] == [1.0, 2.0]


def test_a_marked_function_judges_by_its_trace(tasks: str) -> None:
    assert scores(judge_named(f"{tasks}:alone"), "2", "3") == [1.0, 0.0]


def test_an_assertion_of_a_reward_leaves_the_attempt_without_a_score(tasks: str) -> None:
    from dataclasses import replace

    [verdict] = judged(judge_named(f"{tasks}:Sum"), "2", problem=replace(SUM, data={"level": 4}))
    assert verdict.score is None and (verdict.error or "").startswith("right raised AssertionError")


def test_a_reward_that_needs_a_runtime_is_refused(tasks: str) -> None:
    with pytest.raises(ConfigError, match="a reward must do without a runtime, which a judge does not have, got tests"):
        judge_named(f"{tasks}:Boxed")


def test_marked_rewards_without_the_package_say_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def marked(trace: Any) -> float:
        return 1.0

    marked.reward = True  # type: ignore[attr-defined]  # as @vf.reward leaves it
    monkeypatch.setitem(sys.modules, "verifiers.v1.task", None)
    with pytest.raises(ConfigError, match=r"@vf.reward must come from verifiers 0.2 or newer"):
        verifiers(marked)
