"""Two readings of one policy, and what is said of them."""

from __future__ import annotations

import pytest
import torch

from pawl.recipes.imitation import fresh_network
from pawl.recipes.proxy_curves import in_words, measured, point
from pawl.tasks.connect_four import ConnectFour

torch.set_num_threads(1)
GAME = ConnectFour()
RULES = GAME.many()
OPENINGS = [problem.data["moves"] for problem in GAME.problems("test", 30, 0)]


def test_equals_win_half_and_score_the_same() -> None:
    policy, judge = (fresh_network(GAME, 1, seed=seed, device="cpu", dtype="float32") for seed in (0, 1))
    torch.nn.init.normal_(judge.net.value_head.weight)
    a_move, a_game = (measured(policy, policy, judge, RULES, OPENINGS, credit=credit, key=1)  # type: ignore[arg-type]
                      for credit in ("move", "game"))
    assert a_move["true"] == a_game["true"] == 0.5 and 0 <= a_move["true_half"] < 0.2
    assert 2 * abs(a_move["score"]) < abs(a_game["score"]) and a_game["score_half"] > a_move["score_half"] > 0


def curve(*won: float) -> list[dict[str, object]]:
    return [point(20 * place, {"score": float(place), "score_half": 0.1, "true": rate, "true_half": 0.05,
                               "length": 15.0}) for place, rate in enumerate(won)]


@pytest.mark.parametrize(("won", "said"), [
    ((0.5, 0.7, 0.4), "won 70.0% after 20 steps, then fell beyond the intervals, to 40.0%"),
    ((0.5, 0.7, 0.68), "and ended at 68.0% after 40")])
def test_a_fall_is_one_beyond_the_intervals(won: tuple[float, ...], said: str) -> None:
    words = in_words(curve(*won), curve(0.5, 0.8, 0.9), 0.66)
    assert said in words and "came to 90.0%" in words and "in 66% of" in words
