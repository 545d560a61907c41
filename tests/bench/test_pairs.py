"""Two sides turn about: which turns count, and that both do the work that was asked."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pawl.bench.pairs import TurnAbout, compared, faster, in_turn, precisions


def test_a_side_that_did_less_work_is_noticed() -> None:
    with pytest.raises(AssertionError):
        compared(lambda: 3, lambda: 2, work=3, repeats=1)


def test_ours_has_a_turn_after_each_of_theirs() -> None:
    order = []

    def ours() -> int:
        order.append("ours")
        return 5

    turns = TurnAbout(ours, work=5, repeats=2, calls=2)
    for _ in range(turns.calls):
        order.append("theirs")
        turns()
    assert order == ["theirs", "theirs", "ours"] * 4  # two turns warm up
    assert turns.compared()["repeats"] == 2


def test_a_loop_that_ended_early_is_noticed() -> None:
    turns = TurnAbout(lambda: 1, work=1, repeats=2)
    turns()
    with pytest.raises(AssertionError):
        turns.compared()


def test_all_sides_have_a_turn_in_each_round_and_the_first_round_does_not_count() -> None:
    order: list[str] = []

    def side(name: str, speed: float) -> float:
        order.append(name)
        return speed * len(order)

    speeds = in_turn([lambda: side("a", 1), lambda: side("b", 10)], repeats=2)
    assert "".join(order) == "ababab" and speeds.tolist() == [[3, 40], [5, 60]]


def test_a_ratio_is_of_one_round() -> None:
    row = faster(np.array([1.0, 2.0, 4.0]), np.array([8.0, 8.0, 8.0]))
    assert (row["ratio"], row["low"], row["high"]) == (4, 2, 8)
    assert (row["pawl"], row["theirs"], row["repeats"]) == (8, 2, 3)


@pytest.mark.parametrize(("units", "expected"), [(True, ["float32", "bfloat16"]), (False, ["float32"])])
def test_bfloat16_is_compared_where_the_machine_has_units_for_it(
    units: bool, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": units})
    assert precisions() == expected
