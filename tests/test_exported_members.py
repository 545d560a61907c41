"""The public names are listed by hand; this proves that the list is right and complete."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from types import ModuleType

import pytest

import pawl
from pawl import errors, records


def test_the_list_is_sorted_and_holds_no_name_twice() -> None:
    assert pawl.__all__ == sorted(set(pawl.__all__))
    assert dir(pawl) == pawl.__all__


@pytest.mark.parametrize("name", pawl.__all__)
def test_every_listed_name_is_there_and_says_what_it_is(name: str) -> None:
    member = getattr(pawl, name)
    assert name == "__version__" or (inspect.getdoc(member) and member.__name__ == name)


@pytest.mark.parametrize("module", [errors, records], ids=lambda module: str(module.__name__))
def test_every_error_and_every_record_is_listed(module: ModuleType) -> None:
    classes = {name: member for name, member in vars(module).items() if inspect.isclass(member)}
    ours = {name for name, member in classes.items() if member.__module__ == module.__name__}
    assert ours <= set(pawl.__all__)


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(inspect.getfile(pawl)).read_text(encoding="utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert imported | {"__version__", "run", "resume"} == set(pawl.__all__)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'pawl' has no attribute 'nothing'"):
        pawl.nothing  # noqa: B018  # the access under test
