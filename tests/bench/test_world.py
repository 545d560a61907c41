"""The made-up graph of states: what it is, and that Pawl's compiled look at it is the table."""

from __future__ import annotations

import numpy as np

from pawl.bench.world import STATES, Load, after, found_at

LOAD = Load(trees=3, actions=4, simulations=16)


def test_the_world_is_a_graph_of_its_states_with_priors_that_sum_to_one() -> None:
    found = after(np.arange(STATES)[:, None], np.arange(LOAD.actions))
    assert found.min() >= 0 and found.max() < STATES
    assert np.unique(after(np.arange(STATES), 0)).size == STATES  # 31 is odd: no state is left out
    np.testing.assert_allclose(LOAD.priors.sum(axis=1), 1, rtol=1e-6)


def test_what_is_found_is_the_tables_and_the_next_state_of_its_tree() -> None:
    states, sizes = np.zeros((3, 4), np.int32), np.array([1, 2, 1], np.int32)
    states[:, 0], states[1, 1] = LOAD.roots, 77
    rows, nodes, actions = (np.array(those, np.int32) for those in ([0, 1], [0, 1], [3, 2]))
    expected = after(states[rows, nodes], actions)
    priors, values = found_at(LOAD.priors, LOAD.values, states, sizes, rows, nodes, actions)
    np.testing.assert_array_equal(priors, LOAD.priors[expected])
    np.testing.assert_array_equal(values, LOAD.values[expected])
    assert [states[0, 1], states[1, 2]] == expected.tolist() and sizes.tolist() == [2, 3, 1]
