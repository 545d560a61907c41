"""The page of an audit: all findings and numbers, and nothing of a stranger's text that a browser would obey."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from pawl.audit.audit import audit
from pawl.cli import main
from pawl.report_audit import render_audit, write_audit
from pawl.tasks.world import World


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A set that has collapsed, with a script in it, and a reference."""
    folder, world = tmp_path_factory.mktemp("sets"), World().documents(2000, 5)
    data, reference = folder / "data.jsonl", folder / "real.jsonl"
    texts = [*world[:20], *["<script>alert(1)</script>"] * 2] * 80
    data.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    reference.write_text("".join(json.dumps({"text": text}) + "\n" for text in world))
    return data, reference


def test_the_page_says_all_and_obeys_nothing(sets: tuple[Path, Path], tmp_path: Path) -> None:
    record = audit(*sets).record()
    page = render_audit(record)
    assert record["sentence"] in page
    for finding in record["findings"]:
        assert finding["says"] in page.replace("&#39;", "'")
    for reading in record["readings"].values():
        assert reading["says"] in page
    assert "<script>" not in page and "&lt;script&gt;alert(1)" in page
    assert len(re.findall(r'<figure class="plot">', page)) == sum(len(tail["kept"]) > 1 for tail in record["tails"]) > 0
    assert write_audit(record, tmp_path / "page.html").read_text(encoding="utf-8") == page


def test_a_page_without_a_reference_has_no_column_for_it(sets: tuple[Path, Path]) -> None:
    page = render_audit(audit(sets[1]).record())
    assert "reference</th>" not in page and "<h2>The numbers</h2>" in page and "Nothing was found" in page


def test_the_command_fails_where_data_have_collapsed_and_prints_json(sets: tuple[Path, Path], tmp_path: Path) -> None:
    data, reference = sets
    page = tmp_path / "audit.html"
    found = CliRunner().invoke(main, ["audit", str(data), "--reference", str(reference), "--page", str(page), "--json"])
    told = json.loads(found.stdout.splitlines()[-1])
    assert (found.exit_code, told["verdict"], told["page"]) == (1, "collapsed", str(page)) and page.is_file()
    assert {"documents", "seconds", "peak_bytes", "findings", "readings", "tails"} <= told.keys()
    sound = CliRunner().invoke(main, ["audit", str(reference), "--page", str(page)])
    assert sound.exit_code == 0 and sound.stdout.startswith("healthy: ")


def test_the_command_says_what_is_wrong_with_its_input(tmp_path: Path) -> None:
    found = CliRunner().invoke(main, ["audit", str(tmp_path / "none.txt")])
    assert found.exit_code == 2 and found.stderr.splitlines()[-1].startswith("error: data must be a file")
