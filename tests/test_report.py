"""What the report says, that it says the same each time, and that text from a model stays text."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pawl.ledger import GenerationRecord, Ledger
from pawl.records import Decision
from pawl.report import render_report, write_report

Make = Callable[..., Ledger]
Record = Callable[..., GenerationRecord]

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)> [/b] {{ 7*7 }}"
HOSTILE = f"{MARKUP} \x1b[31mred\x1b[0m \x00\x9b \u202edlrow\u2066 \ud800"
VOID = {"meta", "input", "br", "img"}


class Page(HTMLParser):
    """A strict reader of a page: its tags balance; gathers text and attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.parts: list[str] = []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["style"], ["text"]):
            self.parts.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.parts).split())

    @property
    def labels(self) -> str:
        return " ".join(attributes.get("aria-label") or "" for _, attributes in self.tags)


@pytest.fixture(scope="module")
def demo(demo_path: Path) -> tuple[str, Page]:
    with Ledger.open(demo_path, read_only=True) as ledger:
        html = render_report(ledger)
    return html, Page(html)


def test_the_first_sentence_is_the_measured_result(demo: tuple[str, Page]) -> None:
    text = demo[1].text
    sentence = (
        "the model solves 57.3% [54.2, 60.3] of 1,000 countdown problems that it never trained on; before, it solved "
        "12.4% [10.5, 14.6]."
    )
    assert f"After 6 generations of learning from its own checked answers, {sentence}" in text
    assert "+44.9 points [" in text and "Seed 0." in text
    assert "41.0% [39.0, 43.0] before, 78.0% [76.0, 80.0] after" in text


def test_every_decision_is_told_with_its_reasons(demo: tuple[str, Page], demo_ledger: Ledger) -> None:
    for row in demo_ledger.generations():
        reasons = row.decision.reasons if row.decision else [row.dropped or ""]
        for reason in reasons:
            assert reason.partition(": ")[2].replace("<=", "≤") in demo[1].text
    outcomes = re.findall(r"Generation \d (promoted|refused|dropped)", demo[1].text)
    assert outcomes == ["promoted", "promoted", "promoted", "refused", "dropped", "promoted"]


def test_figures_say_their_numbers_in_words(demo: tuple[str, Page]) -> None:
    for words in (
        "candidate, gate problems, greedy: generation 1 16.0% [12.7, 19.9]",
        "champion, pass@8 on gate problems: generation 1 42.5% [34.5, 49.5]",
        "KL: generation 1 0.012, generation 2",
        "Truth bits by source, over the run: 487 own answers (17.4%) and 2,310 real data (82.6%).",
        "Seconds by stage: base 58.0 s, sample",
    ):
        assert words in demo[1].labels


def test_every_graphic_has_its_words_and_no_two_elements_share_an_id(demo: tuple[str, Page]) -> None:
    ids = [attributes["id"] for _, attributes in demo[1].tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    pictures = [attributes for _, attributes in demo[1].tags if attributes.get("role") == "img"]
    assert len(pictures) >= 10 and all(attributes.get("aria-label") for attributes in pictures)


def test_plots_take_every_colour_and_font_from_the_page(demo: tuple[str, Page]) -> None:
    plots = re.findall(r"<svg.*?</svg>", demo[0], re.DOTALL)
    for plot in plots:
        assert not re.search(r"#[0-9a-f]{6}\b", plot)
        assert set(re.findall(r"font-family: ([^;\"]*)", plot)) <= {"var(--sans)"}
    used = set(re.findall(r"var\(--(\w+)\)", "".join(plots)))
    assert all(f"--{name}:" in demo[0] for name in used)


def test_the_page_forbids_scripts_and_asks_nothing_of_the_network(demo: tuple[str, Page]) -> None:
    policy = next(
        a["content"] for t, a in demo[1].tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy and policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    assert not {"script", "link", "iframe", "img", "object", "form"} & {tag for tag, _ in demo[1].tags}
    assert not re.search(r"https?:|url\((?!#)|@import", demo[0])


def test_the_same_ledger_gives_the_same_bytes_in_another_process(demo_path: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from pawl.ledger import Ledger; from pawl.report import write_report\n"
        "with Ledger.open(Path(sys.argv[1]), read_only=True) as ledger: write_report(ledger, Path(sys.argv[2]))"
    )
    subprocess.run([sys.executable, "-c", program, demo_path, tmp_path / "one.html"], check=True)
    with Ledger.open(demo_path, read_only=True) as ledger:
        write_report(ledger, tmp_path / "two.html")
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()
    assert sorted(path.name for path in tmp_path.glob("*.html*")) == ["one.html", "two.html"]


def test_importing_the_report_brings_neither_matplotlib_nor_torch() -> None:
    program = "import sys, pawl.report; assert not {'matplotlib', 'torch', 'jinja2'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_first_solved_marks_the_first_right_attempt_of_the_whole_run(new_ledger: Make, record: Record) -> None:
    ledger = new_ledger()
    ledger.commit(record(1, [("p", "one", 0.0), ("p", "two", 1.0), ("p", "three", 1.0), ("q", "four", 0.0)]))
    ledger.commit(record(2, [("p", "five", 1.0), ("q", "six", 1.0), ("r", "seven", None), ("r", "eight", 0.25)]))
    rows = re.findall(r'<tr role="row" class="(\w+)">.*?<pre.*?<pre[^>]*>(\w+)</pre>', render_report(ledger), re.DOTALL)
    kinds = {answer: kind for kind, answer in rows}
    assert kinds == {
        "one": "wrong", "two": "first", "three": "right", "four": "wrong",
        "five": "right", "six": "first", "seven": "undecided", "eight": "wrong",
    }  # fmt: skip


def test_hostile_text_is_escaped_wherever_it_stands(new_ledger: Make, record: Record) -> None:
    ledger = new_ledger(task=HOSTILE, recipe=HOSTILE, notes=[HOSTILE], settings={HOSTILE: HOSTILE, "generations": 2})
    refusal = Decision(False, (HOSTILE,), 0.0, (0.0, 0.0), 1.0, 0.01)
    fields = {"notes": [HOSTILE], "metrics": {HOSTILE: 1.0}, "seconds": {HOSTILE: 1.0, "$x^2$": 1.0}}
    ledger.commit(record(1, [(HOSTILE, HOSTILE, 1.0)], decision=refusal, **fields))
    ledger.commit(record(2, [(HOSTILE, HOSTILE, 0.0)], decision=None, dropped=HOSTILE))
    html = render_report(ledger)
    html.encode()
    page = Page(html)
    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", html)
    assert page.text.count("<script>alert(1)</script>") >= 8
    assert f"{MARKUP} ⟨U+001B⟩[31mred⟨U+001B⟩[0m ⟨U+0000⟩⟨U+009B⟩ ⟨U+202E⟩dlrow⟨U+2066⟩ ⟨U+D800⟩" in page.text


def test_a_megabyte_of_answer_is_cut_and_its_length_said(new_ledger: Make, record: Record) -> None:
    ledger = new_ledger()
    ledger.commit(record(1, [("p", "9" * 1_048_576, 0.0)]))
    html = render_report(ledger)
    assert len(html) < 200_000
    assert "… (1,048,576 characters in all)" in html


def test_a_long_run_shows_a_bounded_number_of_attempts(new_ledger: Make, record: Record) -> None:
    ledger = new_ledger()
    for index in range(1, 31):
        ledger.commit(
            record(index, [(f"{index} {i}", "x", float(i % 2)) for i in range(40)], metrics={"kl": 0.1 * index})
        )
    html = render_report(ledger)
    shown = re.findall(r'<span class="phone">generation </span>(\d+)', html)
    assert len(shown) <= 3 * 36 and {"1", "30"} <= set(shown)
    assert "generation 1 0.1" in html and "24 more" in html


def test_a_run_without_a_generation_says_that_it_is_unfinished(new_ledger: Make) -> None:
    text = Page(render_report(new_ledger())).text
    assert "This run is unfinished: 0 of 6 generations are recorded, and the test split has not been touched." in text
    assert "The ledger holds no generation yet." in text


def test_a_ledger_with_an_empty_header_has_a_report(tmp_path: Path) -> None:
    with Ledger.create(tmp_path / "run.db", {}) as ledger:
        assert "This run is unfinished: 0 generations are recorded" in Page(render_report(ledger)).text


def test_a_run_in_which_nothing_was_right_says_so(new_ledger: Make, record: Record) -> None:
    ledger = new_ledger()
    nothing = {"decision": None, "candidate": None, "dropped": "there was nothing to learn from"}
    told = {"metrics": {"attempts": 2.0, "right": 0.0}, "notes": ["none of 2 attempts was right"]}
    ledger.commit(record(1, [("p", "a", 0.0), ("q", "b", 0.0)], **nothing, **told))
    page = Page(render_report(ledger))
    assert "dropped There was nothing to learn from. The champion stays. None of 2 attempts was right." in page.text
    assert "0 right (0.0%)" in page.text
    assert "train problems, sampled: generation 1 0.0% [0.0, " in page.labels


def result(base: list[float], last: list[float]) -> dict[str, object]:
    rates = [{"pass@1": sum(scores) / len(scores), "ci": [0.0, 1.0]} for scores in (base, last)]
    test = {"problem_ids": [str(i) for i in range(len(base))], "base_scores": base, "final_scores": last}
    return {"base": rates[0], "final": rates[1], "test": test}


@pytest.mark.parametrize(
    ("base", "last", "words"),
    [
        ([0.0] * 40, [1.0] * 20 + [0.0] * 20, "the model solves 50.0%"),
        ([0.0] * 40, [1.0] + [0.0] * 39, "No gain is proved: after 1 generation"),
        ([1.0] * 20 + [0.0] * 20, [0.0] * 40, "the model is worse: it solves 0.0%"),
    ],
)
def test_the_headline_claims_no_more_than_the_paired_interval(
    new_ledger: Make, record: Record, base: list[float], last: list[float], words: str
) -> None:
    ledger = new_ledger()
    ledger.commit(record(1, [], decision=Decision(True, ("promoted: yes",), 0.1, (0.0, 0.2), 0.01, 0.05)))
    ledger.set_final(result(base, last), {})
    heading = re.search(r"<h1>(.*?)</h1>", render_report(ledger))
    assert heading and words in heading[1]


def test_only_refusals_mean_no_gain(new_ledger: Make, record: Record) -> None:
    ledger = new_ledger()
    ledger.commit(record(1, [("p", "a", 1.0)]))
    ledger.set_final(result([1.0, 0.0], [1.0, 0.0]), {})
    text = Page(render_report(ledger)).text
    assert "No gain: no candidate passed the gate, so the model still solves 50.0%" in text
    assert "The run ended after 1 of 6 planned generations." in text


def test_attempts_that_failed_are_counted(new_ledger: Make, record: Record) -> None:
    ledger = new_ledger()
    made = record(1, [("p", "a", None)])
    failed = type(made.attempts[0])(made.attempts[0].problem, 0, made.attempts[0].prompt_tokens,
                                    made.attempts[0].completion, "self", "sample: out of memory")  # fmt: skip
    ledger.commit(record(1, [], attempts=[failed], verdicts=made.verdicts))
    text = Page(render_report(ledger)).text
    assert "Not every attempt could be judged: sample (1)." in text
    assert "undecided sample: out of memory" in text.replace("undecidedsample", "undecided sample")
