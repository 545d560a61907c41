"""Documentation that cannot lie: its Python runs, its commands parse, its tree is the folder."""

from __future__ import annotations

import inspect
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from pawl import plugins
from pawl.cli import main
from pawl.config import fields, from_words
from pawl.judges.adapters import Judging

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE_NAME = re.compile(r"# (\w+\.py)\n")
TREE_LINE = re.compile(r"(?P<indent>(?:    )+)(?P<name>\S+)\s+(?P<sentence>\S.*)")
UNSAID = {"__init__.py", "py.typed"}
"""Files of a folder that the tree leaves out."""
CACHES = ("__pycache__", ".")
"""How the names of folders begin that tools leave behind."""


def blocks(page: Path, *languages: str) -> list[str]:
    return [text for language, text in BLOCK.findall(page.read_text(encoding="utf-8")) if language in languages]


def commands(page: Path) -> list[list[str]]:
    """Every `pawl ...` of a page's shell blocks, in words, without `pawl`."""
    text = "\n".join(blocks(page, "bash", "sh", "console", "shell")).replace("\\\n", " ")
    lines = [shlex.split(line.removeprefix("$ "), comments=True) for line in text.splitlines()]
    return [words[1:] for words in lines if words[:1] == ["pawl"]]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_run(page: Path, tmp_path: Path) -> None:
    """A page's blocks run as one script, in an empty folder; a block that begins with `# name.py` is that file."""
    script = []
    for block in blocks(page, "python"):
        if match := FILE_NAME.match(block):
            (tmp_path / match[1]).write_text(block, encoding="utf-8")
        else:
            script.append(block)
    (tmp_path / "page.py").write_text("\n".join(script), encoding="utf-8")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "page.py"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_parse(page: Path) -> None:
    for words in commands(page):
        assert words, "a bare `pawl`"
        if words[0].startswith("--"):
            continue
        assert words[0] in main.commands, words
        command = main.commands[words[0]]
        context = command.make_context(words[0], list(words[1:]))
        if words[0] == "run":
            unknown = unknown_keys(context.params["words"])
            assert not unknown, f"pawl {shlex.join(words)}: no such keys: {unknown}"


def unknown_keys(words: Sequence[str]) -> set[str]:
    """Keys that neither the recipe nor its task nor its judge has; a reader's own task may have any."""
    named = [] if not words or words[0].startswith("--") else [words[0]]
    values = from_words(words[len(named) :])
    module = plugins.find("recipes", named[0] if named else plugins.DEFAULT_RECIPE)
    task = values.pop("task", module.TASK)
    if task is None or ":" in task:
        return set()
    judged = [Judging] if "judge" in inspect.signature(module.run).parameters else []
    known = {field.name for part in (module.Settings, plugins.find("tasks", task), *judged) for field in fields(part)}
    return set(values) - known


def test_the_readme_begins_with_the_two_commands() -> None:
    start = "\n".join(PAGES[0].read_text(encoding="utf-8").splitlines()[:30])
    assert "make demo" in start
    assert "make test" in start


def test_the_readmes_tree_is_the_folder() -> None:
    [tree] = [block for block in blocks(PAGES[0], "text") if block.startswith("src/pawl/")]
    drawn, folders = [], [Path("src/pawl")]
    for line in tree.splitlines()[1:]:
        match = TREE_LINE.fullmatch(line)
        assert match, f"a line of the tree must be indented and have a sentence: {line!r}"
        depth = len(match["indent"]) // 4
        path = folders[depth - 1] / match["name"]
        folders[depth:] = [path]
        if not match["name"].endswith("/"):
            drawn.append(str(path))
    files = [path.relative_to(ROOT) for path in (ROOT / "src" / "pawl").rglob("*") if path.is_file()]
    there = [
        str(path)
        for path in files
        if path.name not in UNSAID and not any(part.startswith(CACHES) for part in path.parts)
    ]
    missing, gone = sorted(set(there) - set(drawn)), sorted(set(drawn) - set(there))
    assert not missing and not gone, f"not in the README's tree: {missing}; in it, but not in the folder: {gone}"
    assert len(drawn) == len(set(drawn))
