"""What steps and values cost: every token that is forwarded, and what a policy remembers once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch

from pawl.keys import row_keys
from pawl.models.opening import fresh_policy
from pawl.models.policy import TransformerPolicy
from pawl.records import Completion, IntArray, KeyArray, Sampling
from pawl.search.steps import Sampled, Valued
from pawl.tasks.countdown import Countdown
from pawl.testing import ScriptedPolicy

torch.set_num_threads(1)

TASK = Countdown(numbers=3, max_number=9)
START = TASK.start(TASK.problem((2, 3, 7), 13))
STATES = [START, *(TASK.step(START, action) for action in TASK.actions(START)[:4])]
KEYS = row_keys(0, [str(i) for i in range(5)], 1)[:, 0]


@pytest.fixture
def policy() -> TransformerPolicy:
    return fresh_policy([TASK.prompt(state) for state in STATES], tokenizer="char", depth=1, context=64, seed=0)


def beginnings(policy: Any, states: Sequence[Any]) -> set[tuple[int, ...]]:
    """Every token of the prompts, told apart by all that is before it."""
    prefixes: list[IntArray] = [policy.encode(TASK.prompt(state)) for state in states]
    return {tuple(prefix[:end].tolist()) for prefix in prefixes for end in range(1, len(prefix) + 1)}


def prompts(policy: Any, states: Sequence[Any]) -> list[int]:
    return [len(policy.encode(TASK.prompt(state))) for state in states]


def test_whoever_remembers_nothing_forwards_every_prompt_whole(policy: TransformerPolicy) -> None:
    for asked in (policy, ScriptedPolicy({}, default=("7+3=10\n",))):
        _, costs = Valued(asked)(asked, TASK, STATES)
        assert [cost.forwarded for cost in costs] == prompts(asked, STATES)
        proposals = Sampled(3, max_tokens=8)(asked, TASK, STATES, KEYS)
        assert [one.cost.forwarded - one.cost.generated for one in proposals] == prompts(asked, STATES)


def test_a_value_forwards_what_states_share_once(policy: TransformerPolicy) -> None:
    with policy.remembering():
        costs = [cost for chosen in (STATES[:3], STATES) for cost in Valued(policy)(policy, TASK, chosen)[1]]
    assert sum(cost.forwarded for cost in costs) == len(beginnings(policy, STATES))
    assert [cost.forwarded for cost in costs[3:6]] == [0, 0, 0]
    assert sum(cost.estimated for cost in costs) == 8


def test_proposals_forward_what_states_share_once_and_what_is_sampled(policy: TransformerPolicy) -> None:
    with policy.remembering():
        found = [one for _ in range(2) for one in Sampled(3, max_tokens=8)(policy, TASK, STATES, KEYS)]
    assert sum(one.cost.forwarded - one.cost.generated for one in found) == len(beginnings(policy, STATES))
    assert all(one.cost.generated > 0 for one in found)


@pytest.mark.parametrize("forgets", [True, False])
def test_a_scope_within_another_keeps_what_the_outer_one_holds(policy: TransformerPolicy, forgets: bool) -> None:
    with nullcontext() if forgets else policy.remembering():
        for _ in range(2):
            with policy.remembering():
                _, costs = Valued(policy)(policy, TASK, [START])
    assert costs[0].forwarded == (prompts(policy, [START])[0] if forgets else 0)


class Written(ScriptedPolicy):
    """Writes these completions, whatever it is asked."""

    def __init__(self, *lines: tuple[str, list[int], float]) -> None:
        super().__init__({})
        self.lines = [Completion(text, np.array(tokens, np.int32), np.array([np.log(chance)], np.float32), "stop")
                      for text, tokens, chance in lines]

    def propose(self, prefixes: Sequence[IntArray], count: int, *, sampling: Sampling,
                keys: KeyArray) -> list[list[Completion]]:
        return [self.lines for _ in prefixes]


def test_a_line_that_was_drawn_with_different_tokens_has_all_their_likelihood() -> None:
    """The end token and a new line may both end a last step; the same tokens drawn again add nothing."""
    policy = Written(("3+2=5", [1, 2], 0.5), ("3*2=6", [5, 2], 0.2), ("3+2=5", [1, 3], 0.1), ("3+2=5", [1, 2], 0.5))
    [proposal] = Sampled(4)(policy, TASK, [START], KEYS[:1])
    assert list(map(str, proposal.actions)) == ["3+2=5", "3*2=6"]
    np.testing.assert_allclose(proposal.priors, [0.75, 0.25], rtol=1e-6)


def test_steps_that_were_not_drawn_share_what_is_left_of_the_probability() -> None:
    policy = Written(("3+2=5", [1, 2], 0.5), ("3*2=6", [5, 2], 0.2))
    [proposal] = Sampled(2, rest=True)(policy, TASK, [START], KEYS[:1])
    priors = dict(zip(map(str, proposal.actions), proposal.priors.tolist(), strict=True))
    assert sorted(priors) == sorted(map(str, TASK.actions(START)))
    assert (priors.pop("3+2=5"), priors.pop("3*2=6")) == pytest.approx((0.5, 0.2))
    assert list(priors.values()) == pytest.approx([0.3 / len(priors)] * len(priors))


def test_where_the_rules_list_no_steps_there_is_no_rest() -> None:
    class Open(Countdown):
        def actions(self, state: Any) -> None:  # type: ignore[override]
            return None

    policy = Written(("3+2=5", [1, 2], 0.5), ("3*2=6", [5, 2], 0.2))
    [proposal] = Sampled(2, rest=True)(policy, Open(numbers=3, max_number=9), [START], KEYS[:1])
    assert list(map(str, proposal.actions)) == ["3+2=5", "3*2=6"]


def test_what_a_value_reads_is_counted_in_parts_that_fit_the_memory(policy: TransformerPolicy,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pawl.search.steps.TOGETHER", 2)
    room = max(len(policy.encode(TASK.prompt(state))) for state in STATES) * 2
    with policy.remembering(most_bytes=room * 1024):
        _, costs = Valued(policy)(policy, TASK, STATES * 8)
    assert sum(cost.forwarded for cost in costs) < 8 * len(beginnings(policy, STATES))


def test_in_a_state_that_the_policy_cannot_take_nothing_is_proposed_and_its_neighbours_go_on(
        policy: TransformerPolicy) -> None:
    room = policy.context - min(prompts(policy, STATES))
    found = Sampled(3, max_tokens=room)(policy, TASK, STATES, KEYS)
    fitting = [length + room <= policy.context for length in prompts(policy, STATES)]
    assert [one.cost.forwarded > 0 for one in found] == fitting
    assert any(fitting) and not all(fitting)
