"""The plan of batches with a floor of real data."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pawl.errors import ConfigError
from pawl.selection.anchor import Batch, plan_batches, real_beside

LENGTHS = st.lists(st.integers(1, 50), max_size=120)


def places(plan: list[Batch], kind: str) -> list[int]:
    return [int(place) for batch in plan for place in getattr(batch, kind)]


@settings(max_examples=60)
@given(LENGTHS, LENGTHS.filter(len), st.integers(2, 20), st.sampled_from([0, 0.1, 0.2, 1 / 3, 0.5]), st.integers(0, 3))
def test_every_batch_keeps_the_floor_and_every_own_example_is_seen_once_an_epoch(
    own: list[int], real: list[int], size: int, floor: float, epochs: int
) -> None:
    plan = plan_batches(own, real, batch=size, floor=floor, epochs=epochs, key=3)
    for batch in plan:
        assert len(batch.own) > 0 and len(batch.own) + len(batch.real) <= size
        assert len(batch.real) >= floor * (len(batch.own) + len(batch.real)) - 1e-9
    assert Counter(places(plan, "own")) == dict.fromkeys(range(len(own)), epochs) or epochs == 0
    assert epochs > 0 or plan == []


@settings(max_examples=60)
@given(LENGTHS, LENGTHS.filter(len), st.integers(2, 20))
def test_no_real_example_comes_twice_before_all_came_once(own: list[int], real: list[int], size: int) -> None:
    plan = plan_batches(own, real, batch=size, floor=0.5, epochs=2, key=4)
    counts = Counter(places(plan, "real"))
    assert not plan or max(counts.values()) - min(counts[place] for place in range(len(real))) <= 1


@given(st.integers(0, 500), st.integers(0, 19))
def test_no_more_real_examples_are_taken_than_the_floor_asks_for(own: int, twentieths: int) -> None:
    needed = real_beside(own, twentieths / 20)
    assert needed * 20 >= twentieths * (own + needed)
    assert needed == 0 or (needed - 1) * 20 < twentieths * (own + needed - 1)


def test_which_examples_are_seen_does_not_depend_on_their_lengths() -> None:
    random = np.random.default_rng(0)
    plans = [
        plan_batches(random.integers(1, 99, 300), random.integers(1, 99, 500), batch=16, floor=0.25, epochs=1, key=5)
        for _ in range(2)
    ]
    assert sorted(places(plans[0], "real")) == sorted(places(plans[1], "real"))
    assert places(plans[0], "real") != places(plans[1], "real")


def test_batches_hold_sequences_of_similar_length() -> None:
    lengths = np.random.default_rng(0).integers(1, 200, size=640)
    plan = plan_batches(lengths, lengths, batch=20, floor=0.2, epochs=1, key=6)
    padded = sum(max(lengths[batch.own].max(), lengths[batch.real].max()) * 20 for batch in plan)
    used = sum(lengths[batch.own].sum() + lengths[batch.real].sum() for batch in plan)
    assert used / padded > 0.85  # unsorted batches of twenty would use about a half


def test_without_a_stretch_batches_hold_sequences_of_any_length() -> None:
    lengths = [5] * 64 + [100] * 64
    plan = plan_batches(lengths, [], batch=32, floor=0.0, epochs=1, key=3, stretch=1)
    for batch in plan:
        found = [lengths[place] for place in batch.own]
        assert found == sorted(found) and {5, 100} == set(found)


def test_the_same_key_gives_the_same_plan_and_another_key_another() -> None:
    first, again, other = (
        plan_batches([5] * 50, [5] * 50, batch=8, floor=0.25, epochs=2, key=key) for key in (1, 1, 2)
    )
    assert places(first, "own") == places(again, "own") and places(first, "real") == places(again, "real")
    assert places(first, "own") != places(other, "own")


def test_epochs_differ_in_their_batches() -> None:
    plan = plan_batches([5] * 64, [5] * 64, batch=8, floor=0.0, epochs=2, key=1)
    halves = [{frozenset(batch.own.tolist()) for batch in half} for half in (plan[:8], plan[8:])]
    assert not halves[0] & halves[1]


def test_without_own_examples_there_is_nothing_to_plan() -> None:
    assert plan_batches([], [3, 4], batch=4, floor=0.5, epochs=1, key=0) == []
    assert plan_batches([], [], batch=4, floor=0.5, epochs=1, key=0) == []


def test_without_a_floor_no_real_example_is_taken() -> None:
    assert places(plan_batches([3] * 5, [3] * 5, batch=2, floor=0.0, epochs=1, key=0), "real") == []


@pytest.mark.parametrize(
    ("real", "batch", "floor", "message"),
    [
        (1, 4, 1.0, "below 1, got 1.0"),
        (1, 4, -0.1, "at least 0"),
        (1, 1, 0.1, "batch must have room"),
        (0, 4, 0.2, "a real-data floor of 20.0% must have real examples"),
    ],
)
def test_a_floor_that_cannot_be_kept_is_an_error(real: int, batch: int, floor: float, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plan_batches([3], [3] * real, batch=batch, floor=floor, epochs=1, key=0)
