"""The house stands as drawn: imports go down, torch stays where it is needed, files stay small.

Read from the syntax trees, imports inside functions included; nothing of Pawl is run but in the last two tests.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"
ROWS = (
    ("cli",),
    ("progress",),
    ("terminal",),
    ("web",),
    ("claims", "bench"),
    ("recipes",),
    ("profile",),
    ("loop", "evaluate", "report", "export", "check", "gtp", "opponents", "audit"),
    ("measure",),
    ("play", "ledger", "labels", "run_directory", "match", "self_play", "players"),
    ("tasks", "models", "search", "judges", "selection", "learning", "gate", "meters", "testing"),
    ("interfaces", "config", "plugins"),
    ("bradley_terry", "compiled", "keys", "memory", "peak", "stages", "threads", "time_limit"),
    ("records", "errors"),
)
"""A part imports from itself and from the rows below its own. `ledger_rows.py` is a page of `ledger.py`."""

WITH_TORCH = {"models", "learning", "play", "measure", "loop", "evaluate", "recipes", "bench", "claims", "peak",
              "profile", "opponents", "self_play", "threads"}
LONGEST_FILE = 400
HEIGHT = {part: -row for row, parts in enumerate(ROWS) for part in parts}

MODULES = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(SOURCE.rglob("*.py"))
}


def part_of(module: str) -> str:
    """The part a module belongs to: its folder, its own name, or the name before an underscore."""
    name = module.split(".")[1]
    candidates = [part for part in HEIGHT if name == part or name.startswith(f"{part}_")]
    assert candidates, f"{module} stands in no row of this test and of the design"
    return max(candidates, key=len)


def imports(tree: ast.AST, *, typing_only: bool = True) -> Iterator[str]:
    """Every module a tree imports, `from package import module` resolved; without those for annotations if asked."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.If(test=ast.Name("TYPE_CHECKING")) if not typing_only:
                for other in node.orelse:
                    yield from imports(ast.Module([other], []), typing_only=False)
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom():
                module = "." * node.level + (node.module or "")
                for alias in node.names:
                    whole = f"{module}.{alias.name}"
                    yield whole if whole in MODULES else module
            case _:
                yield from imports(node, typing_only=typing_only)


def complaint(module: str, imported: str) -> str | None:
    """What is wrong with an import of one of Pawl's modules by another; None when it goes down."""
    if imported == "pawl":
        return None  # only for the version: `pawl` itself imports nothing
    ours, theirs = part_of(module), part_of(imported)
    if ours == theirs or HEIGHT[theirs] < HEIGHT[ours]:
        return None
    return f"{module} imports {imported}, which stands {'beside' if HEIGHT[ours] == HEIGHT[theirs] else 'above'} it"


def tree_of(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def test_imports_go_down() -> None:
    wrong = [
        said
        for module in MODULES
        if module != "pawl"
        for imported in imports(tree_of(module))
        if imported.split(".")[0] == "pawl" and (said := complaint(module, imported))
    ]
    assert not wrong, "\n".join(wrong)


def test_no_import_is_relative() -> None:
    assert not [(module, name) for module in MODULES for name in imports(tree_of(module)) if name.startswith(".")]


def test_modules_import_each_other_in_no_circle() -> None:
    graph = {module: set(imports(tree_of(module), typing_only=False)) & MODULES.keys() for module in MODULES}
    graph.pop("pawl")
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(error.args[1]))


def test_torch_is_imported_where_it_is_needed_only() -> None:
    wrong = [
        module
        for module in MODULES
        if module != "pawl" and part_of(module) not in WITH_TORCH
        for imported in imports(tree_of(module), typing_only=False)
        if imported.split(".")[0] == "torch"
    ]
    assert not wrong


def test_the_version_is_all_that_parts_take_from_the_top() -> None:
    wrong = [
        (module, alias.name)
        for module in MODULES
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.ImportFrom) and node.module == "pawl"
        for alias in node.names
        if alias.name != "__version__" and f"pawl.{alias.name}" not in MODULES
    ]
    assert not wrong


def test_contributing_draws_the_same_rows() -> None:
    page = (SOURCE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    drawn = [line.split() for line in page.split("```text\n")[1].split("```")[0].splitlines()]
    built = {part_of(module) for module in MODULES if module != "pawl"}
    assert drawn == [here for row in ROWS if (here := [part for part in row if part in built])]


def test_files_stay_small() -> None:
    lengths = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in MODULES.items()}
    assert not {module: length for module, length in lengths.items() if length > LONGEST_FILE}


def test_a_folders_init_is_its_sentence() -> None:
    folders = {module: path for module, path in MODULES.items() if path.name == "__init__.py" and module != "pawl"}
    assert folders
    for module, path in folders.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert len(tree.body) == 1, module
        assert len((ast.get_docstring(tree) or "\n").splitlines()) == 1, module


def test_every_folder_has_its_init() -> None:
    folders = {path.parent for path in MODULES.values()}
    assert not [str(folder) for folder in folders if not (folder / "__init__.py").is_file()]


def test_every_module_says_what_it_is() -> None:
    assert not [module for module in MODULES if not ast.get_docstring(tree_of(module))]


@pytest.mark.parametrize(
    ("module", "imported", "allowed"),
    [
        ("pawl.recipes.countdown", "pawl.gate.decision", True),
        ("pawl.gate.decision", "pawl.gate.statistics", True),
        ("pawl.ledger", "pawl.ledger_rows", True),
        ("pawl.gate.decision", "pawl.models.policy", False),
        ("pawl.records", "pawl.ledger", False),
        ("pawl.tasks.countdown", "pawl.recipes.countdown", False),
    ],
)
def test_this_test_knows_up_from_down(module: str, imported: str, allowed: bool) -> None:
    assert (complaint(module, imported) is None) is allowed


def test_this_test_sees_imports_wherever_they_hide() -> None:
    source = (
        "if TYPE_CHECKING:\n    import torch\nelse:\n    import one\n"
        "def f():\n    from pawl import records\n    class A:\n        import two.three\n"
    )
    assert set(imports(ast.parse(source))) == {"torch", "one", "pawl.records", "two.three"}
    assert set(imports(ast.parse(source), typing_only=False)) == {"one", "pawl.records", "two.three"}


def loaded_after(statement: str) -> set[str]:
    """Names of modules in sys.modules of a fresh interpreter after a statement."""
    program = f"{statement}\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_command_starts_light() -> None:
    heavy = {"torch", "scipy", "matplotlib", "numpy", "pydantic", "rich", "rich.markdown", "jinja2", "tokenizers"}
    assert not loaded_after("import pawl, pawl.cli") & heavy


def test_parts_without_weights_load_no_torch() -> None:
    light = [module for module in MODULES if module != "pawl" and part_of(module) not in WITH_TORCH]
    assert "torch" not in loaded_after("\n".join(f"import {module}" for module in light))
