"""Settings: frozen classes with a sentence a field, made from TOML and from `--key value`, checked when made.

    @settings
    class Settings:
        learning_rate: Annotated[float, Field(gt=0)] = 3e-4
        \"\"\"Step size of the optimiser.\"\"\"

A recipe's settings and its task's settings share one flat namespace, which `build` takes apart again. Text is
turned into the field's type: `3`, `1e-3`, `true`, `none` where a field may be None, `1,2,3` or `[1, 2, 3]` for a
list; where a field may be a number, too, one word is that. Not covered: settings inside settings.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, dataclass_transform, get_args, get_origin

import pydantic
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic.dataclasses import is_pydantic_dataclass

from pawl.errors import ConfigError, PawlError, UnknownNameError

MOST_FIELDS = 25
"""Of one settings class; what is more can be derived."""

TABLES = ("settings", "task_settings", "judge_settings")
"""Of a run's `config.toml`: the recipe's keys, the task's and the judge's."""

_CONFIG = pydantic.ConfigDict(extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)
_LONGEST_SHOWN = 80

Class = TypeVar("Class", bound=type)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field, pydantic.Field))
def settings(cls: Class) -> Class:
    """A frozen dataclass that checks its fields when made, by keyword only, and raises ConfigError in words.

    A ConfigError raised in `__post_init__` reaches the caller as it is.
    """
    made: Any = pydantic_dataclass(frozen=True, kw_only=True, config=_CONFIG)(cls)
    if len(fields(made)) > MOST_FIELDS:
        raise ConfigError(f"{cls.__name__} must have at most {MOST_FIELDS} settings, got {len(fields(made))}")
    checked = made.__init__

    @functools.wraps(checked)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            checked(self, *args, **kwargs)
        except pydantic.ValidationError as error:
            raise _in_words(made, error) from None

    made.__init__ = __init__
    return made  # type: ignore[no-any-return]  # pydantic gives back the class it was given


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of a settings class."""

    name: str
    type: str
    """For people: `int`, `float or none`, `continue | restart`."""
    default: Any
    """None when `required`."""
    required: bool
    help: str
    """The sentence under the field; empty when there is none."""


def is_settings(part: object) -> bool:
    """Whether `part` is a class made by `settings`."""
    return isinstance(part, type) and is_pydantic_dataclass(part)


def fields(part: object) -> list[Setting]:
    """The keys of a settings class, in order; none for anything else."""
    if not is_settings(part):
        return []
    return [_setting(part, name, info) for name, info in _infos(part).items()]


def _setting(part: Any, name: str, info: pydantic.fields.FieldInfo) -> Setting:
    required = info.is_required()
    default = None if required else info.get_default(call_default_factory=True, validated_data={})
    return Setting(name, type_in_words(info.annotation), default, required, _help(part, name))


def _help(part: Any, name: str) -> str:
    """The sentence under a field, in the class itself or in the nearest ancestor that has one.

    Pydantic reads the sentences of a class's own body alone, so an inherited field comes without.
    """
    ancestors = [ancestor for ancestor in part.__mro__ if is_settings(ancestor)]
    sentences = (_infos(ancestor)[name].description for ancestor in ancestors if name in _infos(ancestor))
    return next(filter(None, sentences), "")


def _infos(cls: Any) -> dict[str, pydantic.fields.FieldInfo]:
    infos: dict[str, pydantic.fields.FieldInfo] = cls.__pydantic_fields__
    return infos


def build(parts: Sequence[Any], values: Mapping[str, Any]) -> list[Any]:
    """One instance for each part, from one flat namespace of values.

    A settings class takes its own keys (`learning-rate` is `learning_rate`), another class is made without
    arguments, and anything else is used as it is. Raises UnknownNameError for a key that is no part's and
    ConfigError for a bad value or for a key that two parts claim.
    """
    owners = _owners(parts)
    shares: dict[int, dict[str, Any]] = {id(part): {} for part in parts}
    for key, value in values.items():
        name = key.replace("-", "_")
        if name not in owners:
            raise UnknownNameError("key", key, owners)
        share = shares[id(owners[name])]
        if name in share:
            raise ConfigError(f"{name} must be given once, got it as {key!r} too")
        share[name] = value
    return [_make(part, shares[id(part)]) for part in parts]


def from_words(words: Sequence[str]) -> dict[str, str]:
    """Keys and values of `--some-key value --other=value --flag`; a key without a value is `true`.

    A word that starts with `--` is a key, so such a value is written `--key=--value`. Raises ConfigError.
    """
    values: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        key, equals, value = word.removeprefix("--").partition("=")
        key = key.replace("-", "_")
        if not word.startswith("--") or not key:
            raise ConfigError(f"settings must be written --key value, got {word!r}")
        if not equals:
            value = rest.pop(0) if rest and not rest[0].startswith("--") else "true"
        if key in values:
            raise ConfigError(f"{key} must be given once, got {values[key]!r} and {value!r}")
        values[key] = value
    return values


def _owners(parts: Sequence[Any]) -> dict[str, Any]:
    """The part that each key belongs to."""
    owners: dict[str, Any] = {}
    for part in parts:
        for setting in fields(part):
            if setting.name in owners:
                two = f"{owners[setting.name].__qualname__} and {part.__qualname__}"
                raise ConfigError(
                    f"{setting.name} must be a setting of one part, got it in {two}",
                    hint="give the task's setting another name",
                )
            owners[setting.name] = part
    return owners


def _make(part: Any, values: Mapping[str, Any]) -> Any:
    if is_settings(part):
        infos = _infos(part)
        return part(**{name: _from_text(infos[name].annotation, value) for name, value in values.items()})
    if not isinstance(part, type):
        return part
    try:
        return part()
    except PawlError:
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise ConfigError(
            f"{part.__qualname__} must be made without arguments, got {said}",
            hint="decorate the class with pawl.config.settings to give it settings",
        ) from error


def read_toml(path: Path | str) -> dict[str, Any]:
    """The keys of a TOML file; of a run's own `config.toml` those that start the same run again, laid flat.

    Raises ConfigError when there is no such file or it is not TOML, with the line.
    """
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"settings file must exist, got {str(path)!r}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"settings file must be readable text, got {str(path)!r}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"settings file must be TOML, got {str(path)!r}: {error}",
            hint="a line is `key = value`; text stands in quotes",
        ) from error
    tables = [values[table] for table in TABLES if isinstance(values.get(table), dict)]
    if tables:
        values = {name: values[name] for name in ("recipe", "task") if name in values}
        for table in tables:
            values |= table
    return {key.replace("-", "_"): value for key, value in values.items()}


def to_toml(made: Any) -> dict[str, Any]:
    """What `build` makes the same instance from, in values that TOML has; empty for what has no settings."""
    return {setting.name: _toml_value(getattr(made, setting.name)) for setting in fields(type(made))}


def _toml_value(value: Any) -> Any:
    match value:
        case None:
            return "none"
        case Path():
            return str(value)
        case list() | tuple():
            return [_toml_value(item) for item in value]
    return value


def type_in_words(annotation: Any) -> str:
    """A field's type for people."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_in_words(arguments[0])
    if origin is Literal:
        return " | ".join(map(str, arguments))
    if origin in (Union, UnionType):
        return " or ".join(type_in_words(argument) for argument in arguments)
    if origin in (list, tuple, Sequence):
        return f"list of {type_in_words(arguments[0])}"
    if annotation is NoneType:
        return "none"
    return {"str": "text"}.get(name := getattr(annotation, "__name__", str(annotation)), name)


def _from_text(annotation: Any, value: Any) -> Any:
    """Text turned into a list, a table or None where the field takes one; pydantic does the simple types."""
    if not isinstance(value, str):
        return value
    choices = _choices(annotation)
    if NoneType in choices and value.lower() == "none":
        return None
    kinds = {get_origin(choice) or choice for choice in choices}
    is_list, is_table = bool(kinds & {list, tuple, Sequence, frozenset, set}), bool(kinds & {dict, Mapping})
    if not (is_list or is_table) or str in kinds:
        return value
    if value.startswith(("[", "{")):
        try:
            return tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            return value
    one = bool(kinds & {int, float}) and "," not in value  # where a field takes one number or several things
    return [part.strip() for part in value.split(",") if part.strip()] if is_list and not one else value


def _choices(annotation: Any) -> list[Any]:
    """The members of a union, `Annotated` taken off; the type itself when it is no union."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _choices(arguments[0])
    if origin in (Union, UnionType):
        return [choice for argument in arguments for choice in _choices(argument)]
    return [annotation]


def _in_words(cls: Any, error: pydantic.ValidationError) -> ConfigError:
    """Pydantic's errors as one of ours: a sentence for each field, the members of a union joined by `or`."""
    expected: dict[str, tuple[list[str], Any]] = {}
    for item in error.errors(include_url=False):
        kind, place = item["type"], item["loc"]
        if kind == "unexpected_keyword_argument":
            return UnknownNameError("key", str(place[0]), _infos(cls))
        if kind == "unexpected_positional_argument":
            given = _shown(item["input"])
            return ConfigError(f"settings of {cls.__name__} must be given by name, got {given}")
        if kind in ("value_error", "assertion_error") and not place:
            return ConfigError(str(item["ctx"]["error"]))
        name = str(place[0]) + "".join(f"[{part}]" for part in place[1:] if isinstance(part, int))
        phrases, _ = expected.setdefault(name, ([], MISSING if kind.startswith("missing") else item["input"]))
        phrase = _must_be(kind, item.get("ctx", {}), item["msg"])
        if phrase not in phrases:
            phrases.append(phrase)
    sentences = [
        f"{name} must be {' or '.join(phrases)}" + ("" if value is MISSING else f", got {_shown(value)}")
        for name, (phrases, value) in expected.items()
    ]
    return ConfigError("; ".join(sentences))


_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "bool": "true or false",
    "string": "text",
    "list": "a list",
    "tuple": "a list",
    "dict": "a table",
    "none": "none",
    "path": "a path",
    "missing": "given",
}


def _must_be(kind: str, context: Mapping[str, Any], message: str) -> str:
    """What comes after "must be" for one of pydantic's error types."""
    match kind:
        case "greater_than":
            return f"more than {context['gt']:g}"
        case "greater_than_equal":
            return f"{context['ge']:g} or more"
        case "less_than":
            return f"less than {context['lt']:g}"
        case "less_than_equal":
            return f"{context['le']:g} or less"
        case "too_long":
            return f"a list of {context['max_length']} or fewer"
        case "too_short":
            return f"a list of {context['min_length']} or more"
        case "literal_error":
            return str(context["expected"])
        case "value_error" | "assertion_error":
            return str(context["error"])
    return _KINDS.get(kind.split("_")[0], f"such that: {message[:1].lower()}{message[1:]}")


def _shown(value: Any) -> str:
    """A value's repr, cut where it is long."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
