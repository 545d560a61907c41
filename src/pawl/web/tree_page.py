"""Searched trees as one HTML page that works offline, with no script in it: figure 5 of Silver et al. 2016 to open and
close (`pawl eval --tree`).

What the page shows was chosen for reading, problems of every kind, and is no sample. Text that came from a model or a
task is only ever data: it is escaped, its control characters are spelt out, and a content policy allows the page's own
style sheet, by its hash, and nothing else.

Not covered: rollouts, which Pawl's search does not play; values outside [0, 1].
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from pawl.errors import ConfigError
from pawl.evaluate_trees import KINDS, Searched, Show, Shown, kind_of
from pawl.records import Attempt, Choice
from pawl.report import page_environment, write_whole
from pawl.report_text import count, interval, pair, percent, prompt_text
from pawl.web.tree_rows import Mind, Rest, Row, line_in_words, mind_of, num_rows, num_taken, rows_of

COLOURS = {"search alone": "one", "policy alone": "two", "neither": "six", "both": "three"}
"""Of the kinds, in the page's palette."""


def tree_page(path: Path) -> Show:
    """What writes the page to `path` once it is handed the trees. Raises ConfigError where no page can be written."""
    if path.is_dir() or not path.parent.is_dir():
        raise ConfigError(f"the page of trees must be a file in a folder that is there, got {str(path)!r}")

    def show(shown: Shown) -> None:
        write_whole(render_trees(shown), path)

    return show


def render_trees(shown: Shown) -> str:
    """The page itself."""
    environment = page_environment()
    environment.filters |= {"share": share, "count": count}
    styles = "\n".join(environment.get_template(name).render() for name in ("report.css", "tree.css"))
    return environment.get_template("tree.html.j2").render(
        result=shown.result,
        headline=_headline(shown.result),
        styles=Markup(styles),
        styles_hash=base64.b64encode(hashlib.sha256(styles.encode("utf-8")).digest()).decode("ascii"),
        kinds=_kinds(shown),
        problems=[_problem(searched, f"p{place}") for place, searched in enumerate(shown.searched, start=1)],
    )


def share(part: float) -> str:
    """`0.123` as `12%`; what is more than nothing is not 0%."""
    return "<1%" if 0 < part < 0.01 else f"{100 * part:.0f}%"


def _headline(result: Mapping[str, Any]) -> str:
    """What was measured, in a sentence."""
    search = result["search"]
    return (f"With {count(search['budget'], 'simulation')} a step, search solves {_rate(search)} of "
            f"{result['problems']:,} {result['task']} problems; the policy alone solves {_rate(result['policy'])}.")


def _rate(found: Mapping[str, Any]) -> str:
    return f"{percent(found['pass@1'])} {interval(pair(found['ci']))}"


@dataclass(frozen=True, slots=True)
class Kind:
    """Problems at which the same of the two were right."""

    name: str
    colour: str
    count: int
    start: float
    """Share of the problems of kinds before it."""
    share: float
    shown: tuple[tuple[str, str], ...]
    """Name and prompt of each problem of this kind that is on the page."""


def _kinds(shown: Shown) -> list[Kind]:
    total, start, kinds = max(1, sum(shown.counts.values())), 0, []
    for name in KINDS:
        members = tuple((f"p{place}", prompt_text(one.alone.problem.prompt))
                        for place, one in enumerate(shown.searched, start=1) if _kind(one) == name)
        number = shown.counts.get(name, 0)
        kinds.append(Kind(name, COLOURS[name], number, start / total, number / total, members))
        start += number
    return kinds


def _kind(one: Searched) -> str:
    return kind_of(one.alone_score, one.score)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer and what became of it."""

    text: str
    verdict: str
    """right, wrong, partly right, undecided or failed."""
    remark: str


@dataclass(frozen=True, slots=True)
class Decision:
    """One step of a searched path."""

    name: str
    number: int
    choice: Choice
    mind: Mind | None
    expected: str | None
    """What the step before it expected here, where the search thought otherwise when it came here."""
    rows: tuple[Row, ...]
    rest: Rest | None
    num_states: int
    """That the search came to, the root left out."""
    num_shown: int


@dataclass(frozen=True, slots=True)
class ShownProblem:
    """A problem, both answers to it, and the trees behind the search's."""

    name: str
    prompt: str
    searched: Answer
    alone: Answer
    decisions: tuple[Decision, ...]
    """Those whose trees were kept."""


def _problem(one: Searched, name: str) -> ShownProblem:
    choices = [choice for choice in one.thought.choices if choice.tree is not None]
    expected = [None, *map(_expected, choices, choices[1:])]
    decisions = tuple(_decision(choice, name, number, before)
                      for number, (choice, before) in enumerate(zip(choices, expected, strict=False), start=1))
    return ShownProblem(name, prompt_text(one.alone.problem.prompt), _answer(one.thought.attempt, one.score),
                        _answer(one.alone, one.alone_score), decisions)


def _expected(before: Choice, choice: Choice) -> str | None:
    """The step that the principal variation of the choice before has here, unless it is the one that was chosen."""
    assert before.tree is not None and choice.tree is not None
    expected, chosen = line_in_words(before.tree)[1:2], line_in_words(choice.tree)[:1]
    return expected[0] if expected and expected != chosen else None


def _answer(attempt: Attempt, score: float | None) -> Answer:
    if attempt.error is not None:
        return Answer(attempt.completion.text, "failed", attempt.error)
    if score is None:
        return Answer(attempt.completion.text, "undecided", "")
    verdict = "right" if score == 1 else "wrong" if score == 0 else "partly right"
    return Answer(attempt.completion.text, verdict, f"scored {score:.2f}" if 0 < score < 1 else "")


def _decision(choice: Choice, problem: str, number: int, expected: str | None) -> Decision:
    assert choice.tree is not None
    name = f"{problem}s{number}"
    rows, rest = rows_of(choice, name)
    return Decision(name, number, choice, mind_of(choice.tree), expected, rows, rest, num_taken(choice.tree),
                    num_rows(rows))
