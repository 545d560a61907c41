"""What each way came to, by hand."""

from __future__ import annotations

import pytest

from pawl.recipes.collapse_meters import in_words, outcome


def test_an_outcome_is_the_last_generation_beside_the_first() -> None:
    first, last = {"real_loss": 1.0, "distinct_4": 0.8, "recall": 0.9}, {"real_loss": 2.5, "distinct_4": 0.2}
    found = outcome("alone", [first, {"real_loss": 5.0, "distinct_4": 0.7}, last | {"support": 0.5}])
    assert found == {"arm": "alone", "generations": 2, "real_loss": 2.5, "rise": 1.5, "distinct_4": 0.2,
                     "distinct_4_fall": pytest.approx(0.75)}


def test_outcomes_are_one_sentence() -> None:
    ways = [{"arm": "alone", "generations": 5, "rise": 0.974, "distinct_4_fall": 0.734},
            {"arm": "anchored", "generations": 3, "rise": 0.036, "distinct_4_fall": 0.001},
            {"arm": "fresh", "generations": 5, "rise": -0.118, "distinct_4_fall": -0.02}]
    assert in_words(ways) == (
        "The loss on real text moved by +0.97 nats (alone), +0.04 (anchored) and -0.12 (fresh) in 5 generations, "
        "variety by -73%, +0% and +2%.")
    del ways[0]["distinct_4_fall"]
    assert in_words(ways[:1]) == "The loss on real text moved by +0.97 nats (alone) in 5 generations."
