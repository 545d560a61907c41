"""The page of trees: what it says, that text stays text, and how it behaves in a browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pawl.errors import ConfigError
from pawl.evaluate_trees import Searched, Shown
from pawl.play import Thought
from pawl.records import Attempt, Choice, Completion, Cost, Problem, SearchTree, TreeNode, TreeStep
from pawl.web.tree_page import render_trees, share, tree_page

ATTACK = "document.title = 'owned'"
HOSTILE = f'<script>{ATTACK}</script><img src=x onerror="{ATTACK}"></style>\x1b[31m\u202e'
RESULT: dict[str, Any] = {
    "task": "sums", "split": "gate", "problems": 10, "policy": {"pass@1": 0.4, "ci": [0.2, 0.7]},
    "search": {"name": "mcts", "budget": 8, "prior": "policy", "pass@1": 0.6, "ci": [0.3, 0.8], "tokens": 123.4},
    "baselines": {}, "sentence": "search helps; against greedy at the same tokens: +20.0 points; 2 won, 0 lost",
}


def choice(first: str, second: str, *, line: tuple[int, ...] = (1, 0)) -> Choice:
    """The prior likes `first`, the search `second`, and below it "on"; "never" was never taken."""
    steps = (TreeStep(first, 0.7, 2, 1), TreeStep(second, 0.2, 5, 2), TreeStep("never", 0.1, 0, None))
    nodes = (TreeNode(8, 0.6, 0.5, False, None, steps), TreeNode(2, 0.3, 0.6, True, None, ()),
             TreeNode(5, 0.8, 0.4, False, None, (TreeStep("on", 1.0, 4, 3),)), TreeNode(4, 0.9, 0.9, True, 0.9, ()))
    numbers = np.array([0.1, 0.8, 0.1], np.float32)
    return Choice(second, (first, second, "never"), numbers, np.array([2, 5, 0], np.int32), numbers, 0.6,
                  Cost(100, 20, 4), SearchTree(nodes, line))


def searched(prompt: str, *choices: Choice, score: float | None = 1.0, answer: str = "an answer") -> Searched:
    tokens = np.zeros(1, np.int32)
    attempt = Attempt(Problem(prompt, prompt, "gate"), 0, tokens, Completion(answer, tokens, tokens * 0.0, "stop"))
    return Searched(Thought(attempt, choices, Cost()), score, attempt, 0.0)


def page(*problems: Searched) -> str:
    return render_trees(Shown(RESULT, {"search alone": 2, "neither": 8}, problems))


def words(html: str) -> str:
    """What a reader sees of a page, tags and blanks taken out."""
    return " ".join(re.sub(r"<[^>]*>", "", html.partition("</style>")[2]).split())


def test_the_first_sentence_is_what_was_measured() -> None:
    text = words(page(searched("1+1", choice("2", "3"))))
    assert ("With 8 simulations a step, search solves 60.0% [30.0, 80.0] of 10 sums problems; the policy alone solves "
            "40.0% [20.0, 70.0].") in text
    assert "Search helps; against greedy at the same tokens: +20.0 points" in text
    assert "The search never asked whether an answer was right" in text


def test_why_the_search_changed_its_mind_is_said_in_numbers() -> None:
    text = words(page(searched("1+1", choice("left", "right"))))
    assert "The prior's favourite was left with 70%; in 2 visits its Q came to 0.30." in text
    assert "right had 20% of the prior, and in 5 visits its Q came to 0.80: the search changed its mind." in text
    assert "At first sight it was worth 0.40; what lies below it looked better." in text


def test_a_step_that_the_step_before_did_not_expect_is_said_to_be_one() -> None:
    problem = searched("1+1", choice("a", "b"), choice("c", "d"))
    assert words(page(problem)).count("The step before, it had expected on here.") == 1
    assert "had expected" not in words(page(searched("1+1", choice("a", "b"), choice("c", "on"))))


def test_every_step_stands_on_the_page_and_the_line_is_marked() -> None:
    html = page(searched("1+1", choice("left", "right")))
    for step in ("left", "right", "on", "never"):
        assert f"<code>{step}</code>" in html
    marked = re.findall(r'class="row on-line"[^>]*><span class="step"><code>(.*?)</code>', html)
    assert marked == ["a step", "right", "on"]  # the first is the legend's


@pytest.mark.parametrize(("score", "verdict"), [(1.0, "right"), (0.0, "wrong"), (0.25, "partly right"),
                                                (None, "undecided")])
def test_the_verdict_stands_beside_the_answer(score: float | None, verdict: str) -> None:
    html = page(searched("1+1", choice("a", "b"), score=score, answer="my answer"))
    assert f"With search{verdict} my answer" in words(html)


def test_a_search_that_found_no_step_says_so() -> None:
    empty = Choice(None, (), np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros(0, np.float32), 0.5, Cost(),
                   SearchTree((TreeNode(1, 0.5, 0.5, True, None, ()),), ()))
    failed = searched("1+1", empty, score=0.0)
    failed = replace(failed, thought=replace(failed.thought, attempt=replace(
        failed.thought.attempt, error="search: no legal step was proposed")))
    text = words(page(failed))
    assert "No legal step was proposed here, so there is no answer." in text and "With searchfailed" in text


def test_text_of_models_and_tasks_is_escaped_and_control_characters_are_spelt_out() -> None:
    html = page(searched(HOSTILE, choice(HOSTILE, HOSTILE + "2"), answer=HOSTILE))
    assert "<script" not in html and "<img" not in html and html.count("</style>") == 1
    assert "\x1b" not in html and "\u202e" not in html
    assert html.count("&lt;script&gt;") >= 6 and "⟨U+001B⟩" in html and "⟨U+202E⟩" in html


def test_the_page_loads_nothing_and_styles_nothing_inline() -> None:
    html = page(searched("1+1", choice("a", "b")))
    assert not re.search(r"<script|<link|\ssrc=|\sstyle=|url\(|@import|https?:", html)
    assert "default-src 'none'; style-src 'sha256-" in html


def test_a_share_above_nothing_is_not_0() -> None:
    assert [share(part) for part in (0.0, 0.001, 0.005, 0.126, 1.0)] == ["0%", "<1%", "<1%", "13%", "100%"]


def test_a_place_where_no_page_can_be_written_is_refused_before_anything_is_searched(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere" / "tree.html"):
        with pytest.raises(ConfigError, match="must be a file in a folder that is there"):
            tree_page(path)


# In a browser.


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    def write(*problems: Searched) -> Path:
        tree_page(tmp_path / "tree.html")(Shown(RESULT, {"search alone": 2, "neither": 8}, problems))
        return tmp_path / "tree.html"

    return write


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_never_scrolls_sideways(visit: Callable[..., Any], written: Callable[..., Path], width: int,
                                         scheme: str) -> None:
    opened = visit(written(searched("1+1", choice("x" * 300, "a long step " * 40)), searched("2+2", choice("a", "b"))),
                   width=width, color_scheme=scheme)
    opened.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert opened.evaluate("document.documentElement.scrollWidth") == width
    inside = "one => one.matches('.unseen') || one.getBoundingClientRect().right <= innerWidth + 1"
    assert opened.evaluate(f"[...document.querySelectorAll('main *:not(svg *)')].every({inside})")


def test_its_styles_pass_the_policy(visit: Callable[..., Any], written: Callable[..., Path]) -> None:
    row = visit(written(searched("1+1", choice("a", "b")))).locator("summary.row").first
    assert row.evaluate("one => getComputedStyle(one).display") == "grid"


def test_hostile_text_is_inert(visit: Callable[..., Any], written: Callable[..., Path]) -> None:
    opened = visit(written(searched(HOSTILE, choice(HOSTILE, "b"), answer=HOSTILE)), width=360)
    assert opened.title() == "Pawl search trees: sums"
    assert opened.locator("script, img, body style").count() == 0
    assert opened.evaluate("document.documentElement.scrollWidth") == 360


def test_the_tree_opens_and_closes_by_the_keyboard(visit: Callable[..., Any], written: Callable[..., Path]) -> None:
    opened = visit(written(searched("1+1", choice("a", "b"))))
    below = opened.locator(".tree .tree .row").first
    assert below.is_visible()  # the principal variation is open
    opened.locator("summary.row").first.focus()
    opened.keyboard.press("Enter")
    assert not below.is_visible()
    opened.keyboard.press("Space")
    assert below.is_visible()


def test_a_term_explains_itself_when_it_has_the_focus(visit: Callable[..., Any], written: Callable[..., Path]) -> None:
    opened = visit(written(searched("1+1", choice("a", "b"))))
    term = opened.locator(".tip").first
    shown = "one => getComputedStyle(one, '::after').visibility"
    assert term.evaluate(shown) == "hidden"
    opened.locator("a").last.focus()
    opened.keyboard.press("Tab")
    assert term.evaluate(shown) == "visible"
