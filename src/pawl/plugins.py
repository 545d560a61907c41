"""Tasks, recipes and judges, found by entry point; the built-in ones enter by the same door.

A package offers a task with `[project.entry-points."pawl.tasks"]` and `name = "module:Class"`. `names` reads the
sentence of each from its source, without importing it, so that a list costs no torch. A task of one's own needs no
package: `module:name` is imported from the current directory or from sys.path. Importing runs its code.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.metadata
import importlib.util
import re
import sys
import traceback
from pathlib import Path
from typing import Any, Literal

from pawl.errors import ConfigError, PawlError, TaskError, UnknownNameError

DEFAULT_RECIPE = "expert-iteration"
"""What runs when only a task is named."""

Group = Literal["tasks", "recipes", "judges"]

_KINDS: dict[Group, str] = {"tasks": "task", "recipes": "recipe", "judges": "judge"}
_MODULE_AND_NAME = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*):([^\W\d]\w*)")


def names(group: Group) -> dict[str, str]:
    """Every name in a group with the first sentence of its module, sorted by name. Imports none of them."""
    return {name: _sentence(point.module) for name, point in sorted(_entry_points(group).items())}


def find(group: Group, name: str) -> Any:
    """What stands behind a name: a recipe's module, a task's class; `module:name` is the user's own.

    Raises UnknownNameError, naming the nearest, or what `load` raises.
    """
    if ":" in name:
        return load(name)
    points = _entry_points(group)
    if name not in points:
        raise UnknownNameError(_KINDS[group], name, points)
    return points[name].load()


def load(path: str) -> Any:
    """The object that `module:name` names, from the current directory or sys.path.

    Raises ConfigError for a path of another form or a module that is not there, UnknownNameError for a name that
    is not in it, and TaskError, with the user's exception and its line, when the module cannot be imported.
    """
    match = _MODULE_AND_NAME.fullmatch(path)
    if match is None:
        module, _, name = path.partition(":")
        dotted = module.removesuffix(".py").replace("/", ".")
        hint = f"write {dotted}:{name or 'task'}" if dotted != module else None
        raise ConfigError(f"a part of your own must be named module:name, got {path!r}", hint=hint)
    module = _import(match[1])
    if match[2] not in vars(module):
        public = [name for name in vars(module) if not name.startswith("_")]
        raise UnknownNameError(f"name in module {match[1]}", match[2], public)
    return vars(module)[match[2]]


def _import(name: str) -> Any:
    """The user's module; the current directory comes first on sys.path, as for `python -m`."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except PawlError:
        raise
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise _no_module(name) from None
        raise _import_raised(name, error) from error
    except (Exception, SystemExit) as error:  # whatever the user's code raises
        raise _import_raised(name, error) from error


def _no_module(name: str) -> ConfigError:
    beside = {path.stem for path in Path.cwd().glob("*.py")}
    nearest = difflib.get_close_matches(name, beside, n=1, cutoff=0.5)
    elsewhere = f"run this in the folder that holds {name.split('.')[0]}.py"
    return ConfigError(f"unknown module: {name!r}", hint=f"did you mean {nearest[0]!r}?" if nearest else elsewhere)


def _import_raised(name: str, error: BaseException) -> TaskError:
    """What went wrong in the user's module, and where: the last frame, or the line of a syntax error."""
    if isinstance(error, SyntaxError) and error.filename:
        where, line, said = error.filename, error.lineno, error.msg
    else:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where, line, said = frame.filename, frame.lineno, str(error)
    message = f"module {name} must import without an error, got {type(error).__name__}: {said}"
    return TaskError(message, hint=f"look at {Path(where).name}, line {line}")


def _entry_points(group: Group) -> dict[str, importlib.metadata.EntryPoint]:
    return {point.name: point for point in importlib.metadata.entry_points(group=f"pawl.{group}")}


def _sentence(module: str) -> str:
    """The first sentence of a module's docstring, from its source; empty when there is none to read."""
    try:
        spec = importlib.util.find_spec(module)
    except ImportError:
        return ""
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return ""
    docstring = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    paragraph = " ".join(docstring.split("\n\n")[0].split())
    return re.split(r"(?<=[.!?])\s", paragraph, maxsplit=1)[0]
