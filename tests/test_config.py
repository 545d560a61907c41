"""Settings: made from text and TOML, checked when made, with errors in words."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from pawl.config import build, fields, from_words, read_toml, settings, to_toml
from pawl.errors import ConfigError, UnknownNameError
from pawl.plugins import Group, find, names

GROUPS: tuple[Group, ...] = ("recipes", "tasks")


@settings
class Recipe:
    """A recipe's settings."""

    learning_rate: Annotated[float, Field(gt=0)] = 3e-4
    """Step size of the optimiser."""
    generations: int = 12
    """How often the loop turns."""
    start: Literal["champion", "base"] = "champion"
    """Whom a candidate is trained from."""
    anchor: bool = True
    """Whether real text is mixed in."""
    widths: tuple[int, ...] = (64, 64)
    """Of each layer."""
    limit: float | None = 2.0
    """In seconds."""

    def __post_init__(self) -> None:
        if self.generations > 1000:
            raise ConfigError("generations must be 1000 or fewer, got too many", hint="fewer")
        if self.generations < 1:
            raise ValueError("generations must be 1 or more")


@settings
class Task:
    """A task's settings."""

    data: str
    """Where the problems are."""
    columns: list[str] = dataclasses.field(default_factory=list)
    names: dict[str, int] = dataclasses.field(default_factory=dict)


def message(*parts: Any, **values: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        build(parts, values)
    return str(caught.value)


def test_one_namespace_is_taken_apart_into_each_parts_own() -> None:
    recipe, task = build([Recipe, Task], {"generations": 3, "data": "x.csv"})
    assert (recipe.generations, task.data) == (3, "x.csv")


def test_text_becomes_the_type_of_the_field() -> None:
    words = ["--learning-rate", "1e-2", "--generations=4", "--start", "base", "--anchor", "false", "--widths", "8,16"]
    [recipe] = build([Recipe], from_words(words))
    assert recipe == Recipe(learning_rate=0.01, generations=4, start="base", anchor=False, widths=(8, 16))


def test_lists_and_tables_are_written_as_in_toml_too() -> None:
    [task] = build([Task], {"data": "x", "columns": '["a,b", "c"]', "names": "{one = 1}"})
    assert (task.columns, task.names) == (["a,b", "c"], {"one": 1})


def test_none_is_none_where_the_field_may_be() -> None:
    [recipe] = build([Recipe], {"limit": "none"})
    assert recipe.limit is None


def test_a_key_without_a_value_is_true() -> None:
    assert from_words(["--anchor", "--start", "base"]) == {"anchor": "true", "start": "base"}


@pytest.mark.parametrize("words", [["stray"], ["--a", "1", "2"], ["--"], ["-a", "1"]])
def test_a_stray_word_is_an_error(words: list[str]) -> None:
    with pytest.raises(ConfigError, match="settings must be written --key value, got"):
        from_words(words)


def test_a_key_given_twice_is_an_error() -> None:
    with pytest.raises(ConfigError, match="data must be given once"):
        from_words(["--data", "a", "--data", "b"])
    assert message(Recipe, **{"learning_rate": 1, "learning-rate": 2}).startswith("learning_rate must be given once")


def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="unknown key: 'learning-rte'\nhint: did you mean 'learning_rate'"):
        build([Recipe, Task], {"learning-rte": 1})


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"learning_rate": "fast"}, "learning_rate must be a number, got 'fast'"),
        ({"learning_rate": 0}, "learning_rate must be more than 0, got 0"),
        ({"learning_rate": "nan"}, "learning_rate must be a finite number, got 'nan'"),
        ({"generations": 2.5}, "generations must be a whole number, got 2.5"),
        ({"start": "middle"}, "start must be 'champion' or 'base', got 'middle'"),
        ({"anchor": "perhaps"}, "anchor must be true or false, got 'perhaps'"),
        ({"widths": "8,wide"}, "widths[1] must be a whole number, got 'wide'"),
        ({"generations": 0}, "generations must be 1 or more"),
    ],
)
def test_a_bad_value_is_told_in_words(values: dict[str, Any], sentence: str) -> None:
    assert message(Recipe, **values) == sentence


def test_two_bad_values_are_both_told() -> None:
    said = message(Recipe, learning_rate=-1, generations="x")
    assert said == "learning_rate must be more than 0, got -1; generations must be a whole number, got 'x'"


def test_a_long_bad_value_is_cut() -> None:
    assert len(message(Recipe, generations="9x" * 10_000)) < 200


def test_a_missing_value_is_told() -> None:
    assert message(Task) == "data must be given"


def test_our_own_errors_pass_unchanged() -> None:
    assert message(Recipe, generations=2000) == "generations must be 1000 or fewer, got too many\nhint: fewer"


def test_python_callers_get_the_same_errors() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'generations'"):
        Recipe(generation=3)  # type: ignore[call-arg]  # the mistake under test
    with pytest.raises(ConfigError, match="must be given by name"):
        Recipe(3)  # type: ignore[misc]  # the mistake under test


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().generations = 3  # type: ignore[misc]  # the mistake under test


def test_fields_come_with_type_default_and_sentence() -> None:
    rate, *_, limit = fields(Recipe)
    assert (rate.name, rate.type, rate.default, rate.help) == (
        "learning_rate", "float", 3e-4, "Step size of the optimiser.",
    )  # fmt: skip
    assert limit.type == "float or none"
    assert fields(Task)[0].required


def test_an_inherited_field_keeps_its_sentence_until_it_gets_another() -> None:
    @settings
    class Mine(Recipe):
        anchor: bool = False
        limit: float | None = None
        """In hours."""
        mine: int = 1
        """Only here."""

    sentences = {field.name: field.help for field in fields(Mine)}
    assert sentences == {field.name: field.help for field in fields(Recipe)} | {
        "limit": "In hours.", "mine": "Only here.",
    }  # fmt: skip
    assert sentences["anchor"] == "Whether real text is mixed in."
    assert {field.name: field.default for field in fields(Mine)}["anchor"] is False


@pytest.mark.parametrize(("group", "name"), [(group, name) for group in GROUPS for name in names(group)])
def test_every_key_of_what_is_built_in_has_a_sentence(group: Group, name: str) -> None:
    part = find(group, name)
    keys = fields(part.Settings if group == "recipes" else part)
    assert keys
    assert [key.name for key in keys if not key.help.endswith(".")] == []


def test_a_class_has_at_most_25_fields() -> None:
    wide = type("Wide", (), {"__annotations__": {f"key_{i}": int for i in range(26)}, "__module__": __name__})
    with pytest.raises(ConfigError, match="Wide must have at most 25 settings, got 26"):
        settings(wide)


def test_a_key_of_two_parts_is_an_error() -> None:
    @settings
    class Other:
        data: str = ""

    assert message(Task, Other).startswith("data must be a setting of one part, got it in Task and ")


def test_a_plain_class_is_made_and_an_object_is_used_as_it_is() -> None:
    class Plain:
        pass

    thing = Plain()
    made, same = build([Plain, thing], {})
    assert isinstance(made, Plain)
    assert same is thing


def test_a_class_that_needs_arguments_is_told_how_to_have_settings() -> None:
    class Needy:
        def __init__(self, path: str) -> None: ...

    assert "Needy must be made without arguments" in message(Needy)


def test_toml_is_read_with_either_spelling_of_a_key(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('learning-rate = 1e-3\ndata = "x"\n')
    assert read_toml(path) == {"learning_rate": 1e-3, "data": "x"}


def test_the_config_of_a_run_is_read_flat(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('recipe = "toy"\nthreads = 2\n[settings]\nseed = 1\n[task_settings]\ndata = "x"\n')
    assert read_toml(path) == {"recipe": "toy", "seed": 1, "data": "x"}


def test_settings_written_as_toml_make_the_same_settings() -> None:
    made = [Recipe(limit=None, widths=(1, 2)), Task(data="x", names={"a": 1})]
    text = tomli_w.dumps({name: value for one in made for name, value in to_toml(one).items()})
    assert build([Recipe, Task], tomllib.loads(text)) == made


def test_a_missing_file_and_bad_toml_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"settings file must exist, got '.*none.toml'"):
        read_toml(tmp_path / "none.toml")
    path = tmp_path / "bad.toml"
    path.write_text("seed = 1\nlearning rate = 2\n")
    with pytest.raises(ConfigError, match=r"settings file must be TOML.*line 2"):
        read_toml(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="must be readable text"):
        read_toml(path)


@given(st.lists(st.integers(min_value=-(10**9), max_value=10**9)))
def test_a_list_written_either_way_is_the_same_list(numbers: list[int]) -> None:
    commas, brackets = ",".join(map(str, numbers)), str(numbers)
    assert tomllib.loads(f"x = {brackets}")["x"] == numbers
    assert build([Recipe], {"widths": commas}) == build([Recipe], {"widths": brackets})


@given(st.text(max_size=60))
def test_any_text_gives_settings_or_a_config_error(text: str) -> None:
    for name in ("learning_rate", "generations", "start", "anchor", "widths", "limit"):
        try:
            build([Recipe], {name: text})
        except ConfigError as error:
            assert name in str(error)
