"""The page of a profile: what stands in it, that it obeys nobody, and that it fits a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pawl.profile_page import NAMED, NARROWEST, boxed, render_profile
from pawl.profile_tree import grown

HOSTILE = '<script>document.title = "owned"</script>'


def profile(stacks: dict[str, list[float]]) -> dict[str, Any]:
    rows = [{"name": name, "seconds": 10.0, "share": 1.0, "python": 0.5, "sampled": 10, "read": 0, "learnt": 0,
             "operations": 1e9, "gflops": 1.0, "of_float32": 0.1, "of_bfloat16": 0.01} for name in ("sample", "all")]
    return {"machine": "a machine", "peak": {}, "seconds": 10.0, "moments": 500, "stages": rows, "stacks": stacks}


STACKS = {"sample;play (pawl/play.py)": [1.0, 0.9], "sample;play (pawl/play.py);draw (pawl/models/draw.py)": [9.0, 0.0]}


def test_the_page_holds_the_table_the_graph_and_the_functions() -> None:
    page = render_profile(profile(STACKS), {"recipe": "countdown"})
    assert "recipe <b>countdown</b>" in page and "machine <b>a machine</b>" in page
    assert '<th scope="row">sampling</th>' in page
    assert 'title="draw (pawl/models/draw.py)\n9.0 s, 90.0% of the run, Python 0.0%"' in page
    assert re.search(r'<th scope="row">play \(pawl/play.py\)</th><td>1.0 s</td><td>10.0%</td><td>90.0%</td>', page)


def test_a_box_is_as_wide_as_its_share_of_the_box_around_it() -> None:
    whole = boxed(grown({"gate;f (a.py)": [1.0, 0.0], "gate;f (a.py);g (a.py)": [3.0, 3.0], "train": [6.0, 0.0]}),
                  10.0, graph=10.0, run=10.0)
    train, gate = whole.boxes
    assert (whole.width, train.width, gate.width) == (100.0, 60.0, 40.0)
    [f] = gate.boxes
    [g] = f.boxes
    assert (f.width, f.python, g.width, g.python) == (100.0, 75.0, 75.0, 100.0)


def test_what_is_narrow_has_no_name_and_what_is_narrower_no_box() -> None:
    narrow, narrower = 0.9 * NAMED * 100, 0.9 * NARROWEST * 100
    tree = grown({"a": [100 - narrow - narrower, 0.0], "b": [narrow, 0.0], "c": [narrower, 0.0]})
    assert [box.name for box in boxed(tree, 100.0, graph=100.0, run=100.0).boxes] == ["a", ""]


def test_names_are_only_ever_data() -> None:
    page = render_profile(profile({f"sample;{HOSTILE} (a\x1b[2J.py)": [1.0, 0.0]}), {"task": HOSTILE})
    assert "<script" not in page and "\x1b" not in page


def test_a_run_too_short_to_be_seen_has_a_page() -> None:
    assert '<ol class="flame"' in render_profile(profile({}), {})


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_never_scrolls_sideways(visit: Callable[..., Any], tmp_path: Path, width: int, scheme: str) -> None:
    (tmp_path / "profile.html").write_text(render_profile(profile(STACKS), {"recipe": "countdown"}), encoding="utf-8")
    page = visit(tmp_path / "profile.html", width=width, color_scheme=scheme)
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") == width
