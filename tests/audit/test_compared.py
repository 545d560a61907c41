"""Sets that are alike read alike; what is said again reads as less varied."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from tests.audit.conftest import passages

from pawl.audit.blocks import Block, Blocks, blocks_of
from pawl.audit.compared import READINGS, Compared, compared


def test_halves_of_a_set_are_alike(world: list[str]) -> None:
    blocks = blocks_of(passages(world[:2000]), passages(world[2000:]))
    assert blocks is not None
    found = compared(blocks)
    assert [one.reading.name for one in found] == [reading.name for reading in READINGS]
    assert not any(one.matters for one in found)


def test_a_few_documents_said_again_are_less_varied_and_cover_less(world: list[str]) -> None:
    random = np.random.default_rng(0)
    again = [world[place] for place in random.integers(40, size=2000)]
    blocks = blocks_of(passages(again), passages(world[2000:]))
    assert blocks is not None
    grave = {one.reading.name for one in compared(blocks) if one.grave}
    assert {"distinct_2", "distinct_4", "vendi", "compression", "self_bleu", "support", "recall"} <= grave
    assert "precision" not in grave


def test_without_a_reference_nothing_is_worse(world: list[str]) -> None:
    blocks = blocks_of(passages(world), [])
    assert blocks is not None
    for one in compared(blocks):
        assert one.expected is None and one.change == 0 and one.chance == 1 and not one.matters


@pytest.mark.parametrize(("name", "data", "reference", "change"), [
    ("distinct_4", (0.5, 0.6, 0.4), (1.0, 0.9, 1.1), 0.5), ("compression", (3.0, 3.1, 2.9), (2.0, 2.1, 1.9), 0.5),
    ("loops", (0.3, 0.31, 0.29), (0.1, 0.11, 0.09), 0.2)])
def test_change_is_how_much_worse_it_is(name: str, data: tuple[float, ...], reference: tuple[float, ...],
                                        change: float) -> None:
    one = Compared(next(each for each in READINGS if each.name == name), data, reference)
    assert one.change == pytest.approx(change)
    assert one.chance == pytest.approx(stats.ttest_ind(data, reference, equal_var=False).pvalue)
    better = Compared(one.reading, reference, data)
    assert better.change < 0 and not better.matters


def test_blocks_that_do_not_vary_differ_for_sure_or_not_at_all() -> None:
    [loops] = [each for each in READINGS if each.name == "loops"]
    assert Compared(loops, (0.0, 0.0), (0.0, 0.0)).chance == 1
    assert Compared(loops, (1.0, 1.0), (0.0, 0.0)).chance == 0 and Compared(loops, (1.0, 1.0), (0.0, 0.0)).grave


def blocks_like() -> Blocks:
    """Blocks of which only the words matter: all the same."""
    block = Block((), (np.zeros(10, np.int32),))
    return Blocks((block, block), (block, block), {0: "word"})
