"""What a recipe can be told, and what it refuses."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from pawl.config import build, fields, to_toml
from pawl.errors import ConfigError
from pawl.learning.terms import Likelihood
from pawl.recipes import countdown
from pawl.recipes.settings import Settings, held
from pawl.tasks.countdown import Countdown


@pytest.mark.parametrize("values", [
    {"generations": 0}, {"attempts": 0}, {"temperature": 0.0}, {"real_floor": 1.0}, {"kl": -0.1}, {"alpha": 0.0},
    {"alpha": 1.5}, {"alpha": 0.7}, {"learning_rate": 0.0}, {"start": "anywhere"}, {"dtype": "float16"}, {"depth": 65},
    {"test_problems": 0}, {"failures": "imitate"},
])
def test_a_value_out_of_range_is_refused_by_name(values: dict[str, Any]) -> None:
    ((name, _),) = values.items()
    with pytest.raises(ConfigError, match=f"{name} must be"):
        Settings(**values)


@pytest.mark.parametrize(("words", "distance", "weight"), [
    ("0.2", "reverse", 0.2), ("0", "reverse", 0.0), ("forward,0.2", "forward", 0.2), ('["k3", 1]', "k3", 1.0)])
def test_a_distance_is_a_weight_or_which_one_and_its_weight(words: str, distance: str, weight: float) -> None:
    [made] = build([Settings], {"kl": words})
    objective = held(made.kl)
    assert (objective.distance, objective.kl, objective.term) == (distance, weight, Likelihood())
    assert build([Settings], to_toml(made)) == [made]


@pytest.mark.parametrize("words", ["forward", "sideways,1", "forward,-1", "1,2", "forward,1,2"])
def test_another_distance_is_refused(words: str) -> None:
    with pytest.raises(ConfigError, match="kl must be"):
        build([Settings], {"kl": words})


def test_alpha_1_is_no_gate() -> None:
    assert Settings(alpha=1.0).alpha == 1


def test_the_step_size_is_smaller_for_a_checkpoint_unless_it_is_given() -> None:
    scratch, checkpoint = Settings(), Settings(model="some/where")
    assert scratch.step_size > 100 * checkpoint.step_size
    assert Settings(learning_rate=0.5).step_size == Settings(model="some/where", learning_rate=0.5).step_size == 0.5


def test_every_setting_has_a_sentence() -> None:
    assert [field.name for field in fields(Settings) if not field.help.strip().endswith(".")] == []


def test_a_recipes_settings_and_its_tasks_share_no_key() -> None:
    settings, task = build([countdown.Settings, Countdown], {"attempts": "3", "numbers": "4"})
    assert (settings.attempts, task.numbers) == (3, 4)


@pytest.mark.parametrize("recipe", ["countdown", "distill", "game24", "reason", "rl", "rlaif", "rlhf", "settings"])
def test_the_step_size_that_help_tells_is_the_one_that_is_taken(recipe: str) -> None:
    made = import_module(f"pawl.recipes.{recipe}").Settings
    more = {"teacher": "DIR"} if recipe == "distill" else {}
    told = next(one.help for one in fields(made) if one.name == "learning_rate")
    scratch, checkpoint = (made(**more, model=model).step_size for model in ("", "DIR"))
    assert f"none is {scratch:.7f}".rstrip("0") in told and f"and {checkpoint:.7f}".rstrip("0") in told
