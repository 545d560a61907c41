"""Who is in the pool, what is compared, and what is said of it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pawl.players.teachers import teacher
from pawl.recipes.ablation import IMITATOR, TEACHER, WHOLE, Networks, in_words, measured, pool_players
from pawl.recipes.imitation import fresh_network
from pawl.tasks.connect_four import ConnectFour

GAME = ConnectFour()
RULES = GAME.many()
SETTINGS = SimpleNamespace(simulations=2, rollouts=0.5, prior_simulations=(2,), test_openings=3, pool_openings=1,
                           seed=0)


def networks() -> Networks:
    policy, cheap, value, other = (fresh_network(GAME, depth, seed=seed, device="cpu", dtype="float32")
                                   for seed, depth in enumerate((2, 0, 2, 2)))
    return Networks(policy, cheap, policy, value, other)


def test_every_combination_of_parts_is_in_the_pool() -> None:
    names = [player.name for player in pool_players(networks(), teacher(GAME, RULES, 1, 0.2), RULES, SETTINGS, seed=0)]
    assert {WHOLE, "rollouts, policy", "value, policy", "rollouts, value", "value", "rollouts", IMITATOR, TEACHER,
            "policy gradient", "cheap policy", "random"} < set(names) and len(set(names)) == 12


def test_what_is_measured_fits_together() -> None:
    seen: list[int] = []
    result = measured(networks(), teacher(GAME, RULES, 1, 0.2), GAME, SETTINGS, key=3,
                      watch=lambda done, total: seen.append(total))
    assert set(seen) == {12 * 11}, "games of one opening from both sides"
    rows = {row["player"]: row for row in result["elo"]}
    assert rows[IMITATOR]["elo"] == 0 and rows[TEACHER]["ci"][0] < rows[TEACHER]["elo"] < rows[TEACHER]["ci"][1]
    eight, equal, fair = result["priors"]
    costs = [network.net.arch.flops for network in (networks().imitator, networks().cheap, networks().value)]
    assert eight["other_simulations"] == fair["other_simulations"] == 16
    assert equal["other_simulations"] * (costs[1] + costs[2]) == pytest.approx(2 * (costs[0] + costs[2]), rel=0.2)
    drawn, likeliest = result["matches"]
    assert (drawn["moves"], likeliest["moves"]) == ("drawn", "likeliest")
    assert likeliest["score"] == 0.5, "a policy against itself, which plays the same from both sides"


def test_the_sentence_says_what_the_table_says() -> None:
    elo = [{"player": name, "elo": worth, "ci": [worth - 30, worth + 30]}
           for name, worth in ((WHOLE, 412.0), (IMITATOR, 0.0), (TEACHER, -20.0))]
    said = in_words({"elo": elo, "matches": [{"score": 0.7}]})
    assert "412 Elo [382, 442] above" in said and "432 above that one's teacher" in said and "70.0%" in said
    assert not np.isnan(float(said.split("won ")[1].split("%")[0]))
