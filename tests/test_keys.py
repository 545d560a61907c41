from __future__ import annotations

import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pawl.keys import fold, mix, name_key, permutation, row_keys, stream, uniforms

WORDS = st.integers(0, 2**64 - 1)


def test_mix_gives_the_published_sequence_of_splitmix64() -> None:
    golden, mask = 0x9E3779B97F4A7C15, 2**64 - 1
    states = np.array([(1234567 + step * golden) & mask for step in range(1, 6)], dtype=np.uint64)
    # Rosetta Code, "Pseudo-random numbers/Splitmix64", seed 1234567.
    published = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert mix(states).tolist() == published


@given(WORDS, WORDS)
def test_mix_and_fold_follow_their_formula_in_whole_numbers(key: int, data: int) -> None:
    mask = 2**64 - 1

    def mixed(word: int) -> int:
        word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 & mask
        word = (word ^ (word >> 27)) * 0x94D049BB133111EB & mask
        return word ^ (word >> 31)

    golden = 0x9E3779B97F4A7C15
    assert int(mix(np.array([key], dtype=np.uint64))[0]) == mixed(key)
    assert int(fold(key, data)) == mixed(mixed((key + golden) & mask) ^ (data * golden & mask))


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8")), min_size=1, unique=True), st.integers(1, 5))
def test_the_keys_of_a_row_do_not_depend_on_its_neighbours(names: list[str], count: int) -> None:
    together = row_keys(7, names, count)
    assert together.shape == (len(names), count)
    for row, name in enumerate(names):
        assert row_keys(7, [name], count + 2)[0, :count].tolist() == together[row].tolist()


def test_keys_of_many_rows_are_distinct() -> None:
    keys = row_keys(stream(0, "sample", 1), [f"problem {i}" for i in range(1000)], 16)
    assert len(set(keys.ravel().tolist())) == 16_000


def test_uniforms_are_uniform_over_keys_and_over_positions() -> None:
    keys = row_keys(stream(0, "test"), [str(i) for i in range(5000)], 1)[:, 0]
    over_positions = uniforms(keys[:1], np.arange(5000, dtype=np.uint64))
    for draws in (uniforms(keys, 0), uniforms(keys, 31), over_positions):
        assert (draws >= 0).all() and (draws < 1).all()
        assert stats.kstest(draws, "uniform").pvalue > 0.001
    neighbours = stats.pearsonr(uniforms(keys, 0), uniforms(keys, 1))
    assert abs(neighbours.statistic) < 0.05


def test_a_stream_is_named_by_its_whole_path() -> None:
    paths = [(0,), (1,), (-1,), (0, "sample"), (0, "train"), (0, "sample", 1), (0, "sample", 2), (0, 1, "sample")]
    assert len({stream(*path) for path in paths}) == len(paths)


def test_streams_are_the_same_in_every_process() -> None:
    code = "from pawl.keys import stream, name_key; print(stream(3, 'sample', 2), name_key('gate'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": "99"},
    )
    assert done.stdout.split() == [str(stream(3, "sample", 2)), str(name_key("gate"))]


@given(WORDS, st.integers(0, 200))
def test_a_permutation_holds_each_number_once_and_repeats(key: int, count: int) -> None:
    order = permutation(key, count)
    assert sorted(order.tolist()) == list(range(count))
    assert order.tolist() == permutation(key, count).tolist()
