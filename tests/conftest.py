"""A run of six generations as a ledger, invented but shaped like a real one: what the report's tests read. And pages
in headless Chromium."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest

from pawl.gate.decision import exact_gate
from pawl.gate.statistics import wilson_interval
from pawl.ledger import GenerationRecord, Ledger
from pawl.records import Attempt, Completion, Decision, Evidence, Problem, Verdict
from pawl.stages import Work, listening
from pawl.tasks.countdown import Countdown

sys.path.insert(0, str(Path(__file__).parent))  # what tests of several folders share, as modules

hypothesis.settings.register_profile("no clock", deadline=None)  # a busy machine is not a failure
hypothesis.settings.load_profile("no clock")

PROBLEMS, TRIES, CONTEST, TEST = 24, 4, 400, 1000
SKILL = [0.13, 0.24, 0.35, 0.44, 0.445, 0.52, 0.58]
"""What base and candidates solve, in order; the fifth is no better than the fourth, the sixth is never finished."""

HEADER = {
    "recipe": "countdown",
    "task": "countdown",
    "seed": 0,
    "pawl": "0.1.0",
    "torch": "2.13.0",
    "python": "3.11.7",
    "threads": 2,
    "settings": {
        "generations": 6,
        "problems": PROBLEMS,
        "attempts": TRIES,
        "temperature": 1.0,
        "learning_rate": 3e-4,
        "kl": 0.01,
        "real_floor": 0.25,
        "model": "",
        "stop": [],
        "alpha": 0.05,
        "start": "champion",
        "depth": 4,
    },
    "task_settings": {"numbers": 3, "max_number": 20, "min_target": 1, "max_target": 99},
    "notes": [],
}


@pytest.fixture(autouse=True)
def _straight_to_local_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever proxy the environment names."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


def attempt(problem: Problem, index: int, text: str, *, error: str | None = None) -> Attempt:
    tokens = np.arange(3, dtype=np.int32)
    completion = Completion(text, tokens, np.full(3, -0.1, np.float32), "stop")
    return Attempt(problem, index, tokens, completion, "self", error)


def evidence(skills: tuple[float, float], random: np.random.Generator, generation: int) -> Evidence:
    """A paired contest in which both sides find the same problems hard."""
    luck = random.random(CONTEST) * 0.8 + random.random((2, CONTEST)) * 0.2
    candidate, champion = ((luck[i] < skill).astype(np.float32) for i, skill in enumerate(skills))
    return Evidence(candidate, champion, generation, 6)


def metrics(index: int, skill: float, right: int) -> dict[str, float]:
    reach = 0.34 + 0.5 * skill + 0.02 * index
    return {
        "sampled_accuracy": right / (PROBLEMS * TRIES),
        "pass@k": reach,
        "pass@k_low": reach - 0.08,
        "pass@k_high": reach + 0.07,
        "k": 8.0,
        "kl": 0.012 * index**1.4,
        "entropy": 0.92 - 0.07 * index,
        "distinct_2": 0.41 - 0.015 * index,
        "distinct_4": 0.83 - 0.03 * index,
        "real_loss": 1.12 + 0.006 * index,
        "train_loss": 0.9 - 0.05 * index,
        "value_auroc": min(0.93, 0.58 + 0.06 * index),
        "value_ece": 0.12 - 0.01 * index,
        "value_loss": 0.62 - 0.04 * index,
        "examples_self": 6.0 * right,
        "examples_real": 2.0 * right,
        "tokens_self": 160.0 * right,
        "tokens_real": 41.0 * right,
        "truth_bits_self": 2.1 * right,
        "truth_bits_real": 0.0,
        "attempts": float(PROBLEMS * TRIES),
        "right": float(right),
        "distinct_right": 0.8 * right,
        "tokens_sampled": 2100.0,
        "tokens_trained": 1200.0 * right,
    }


def generation(task: Countdown, index: int, random: np.random.Generator) -> GenerationRecord:
    """One generation; its candidate's skill is SKILL[index]."""
    champion = max(SKILL[:index]) if index != 6 else SKILL[4]
    problems = task.problems("train", PROBLEMS * 6, seed=0)[PROBLEMS * (index - 1) :][:PROBLEMS]
    attempts, verdicts = [], []
    for problem in problems:
        for place in range(TRIES):
            solves = random.random() < champion
            text = next(task.solutions(problem)) if solves else task.answer(task.random_play(problem, random))
            attempts.append(attempt(problem, place, text))
            verdicts.append(Verdict(task.score(problem, text), "truth"))
    right = sum(verdict.score == 1.0 for verdict in verdicts)
    shown = metrics(index, champion, right)
    seconds = {"sample": 14.0 + index, "score": 1.2, "train": 17.0 + 2 * index, "gate": 6.5}
    if index == 5:
        lost = "The loss was not finite at step 212, so nothing was learnt"
        return GenerationRecord(index, attempts, verdicts, [], None, [], None, lost, "c4", None, shown, seconds, [])
    contest = evidence((SKILL[index], champion), random, index)
    decision = exact_gate()(contest)
    ids = [f"gate {index}.{place}" for place in range(CONTEST)]
    shown["gate_candidate"], shown["gate_champion"] = float(contest.candidate.mean()), float(contest.champion.mean())
    best = f"c{index}" if decision.promote else f"c{index - 1}"
    return GenerationRecord(
        index, attempts, verdicts, [], contest, ids, decision, None, best, f"c{index}", shown, seconds, []
    )


def final(base: float, last: float) -> dict[str, object]:
    """The result of the test split, with paired scores that say the same."""
    scores = {name: [float(i < round(rate * TEST)) for i in range(TEST)] for name, rate in (("b", base), ("f", last))}
    rates = {"b": (base, 0.41), "f": (last, 0.78)}
    rows = {
        name: {
            "pass@1": rate,
            "ci": list(wilson_interval(rate, TEST)),
            "pass@8": reach,
            "pass@8_ci": [reach - 0.02, reach + 0.02],
        }
        for name, (rate, reach) in rates.items()
    }
    test = {"problem_ids": [str(i) for i in range(TEST)], "base_scores": scores["b"], "final_scores": scores["f"]}
    return {"recipe": "countdown", "task": "countdown", "seed": 0, "base": rows["b"], "final": rows["f"], "test": test}


def fill(ledger: Ledger, generations: int) -> None:
    """Writes the base and the first generations of the invented run."""
    task, random = Countdown(), np.random.default_rng(7)
    made = {"train_loss": 1.118, "tokens_trained": 410_000.0, "truth_bits_real": 2310.0, "parameters": 823_552.0}
    ledger.set_base(made, {"base": 58.0}, "9f3a61c2")
    for index in range(1, generations + 1):
        ledger.commit(generation(task, index, random))


@pytest.fixture(scope="session")
def demo_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ledger file of the finished run."""
    path = tmp_path_factory.mktemp("demo") / "run.db"
    with Ledger.create(path, HEADER) as ledger:
        fill(ledger, 6)
        ledger.set_final(final(0.124, 0.573), {"total": 381.4, "sample": 105.0, "train": 144.0, "test": 34.2})
    return path


@pytest.fixture
def demo_ledger(demo_path: Path) -> Iterator[Ledger]:
    """The finished run, open for reading."""
    with Ledger.open(demo_path, read_only=True) as ledger:
        yield ledger


@pytest.fixture
def new_ledger(tmp_path: Path) -> Iterator[Callable[..., Ledger]]:
    """Makes ledgers that a test fills itself."""
    made: list[Ledger] = []

    def make(**header: object) -> Ledger:
        made.append(Ledger.create(tmp_path / f"{len(made)}.db", {**HEADER, **header}))
        return made[-1]

    yield make
    for ledger in made:
        ledger.close()


@pytest.fixture
def record() -> Callable[..., GenerationRecord]:
    """Makes a refused generation of (prompt, answer, score) attempts; any field can be replaced."""

    def make(
        index: int = 1, rows: list[tuple[str, str, float | None]] | None = None, **fields: object
    ) -> GenerationRecord:
        pairs = [
            (attempt(Problem(p, p, "train"), i, text), Verdict(s, "truth")) for i, (p, text, s) in enumerate(rows or [])
        ]
        refusal = Decision(
            False, ("refused: 10.0% against 10.0%", "it won no more than it lost"), 0.0, (-0.1, 0.1), 1.0, 0.01
        )
        known = {
            "index": index,
            "attempts": [a for a, _ in pairs],
            "verdicts": [v for _, v in pairs],
            "examples": [],
            "evidence": None,
            "contest_ids": [],
            "decision": refusal,
            "dropped": None,
            "champion": "c0",
            "candidate": "c1",
            "metrics": {},
            "seconds": {},
            "notes": [],
        }
        return GenerationRecord(**{**known, **fields})  # type: ignore[arg-type]

    return make


@pytest.fixture
def work() -> Iterator[list[Work]]:
    """What is said of tokens during a test."""
    said: list[Work] = []

    class Ear:
        def enter(self, stage: str) -> None: ...

        def leave(self) -> None: ...

        def count(self, work: Work) -> None:
            said.append(work)

    with listening(Ear()):
        yield said


@pytest.fixture
def quick_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine is measured in no time, and badly."""
    for name, value in (("CPU_WIDTH", 16), ("COPIED", 2**10), ("SECONDS", 0.0), ("FEWEST", 2)):
        monkeypatch.setattr(f"pawl.peak.{name}", value)


QUIET = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip
"""No background traffic, so that every request seen is the page's own."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium, where it and playwright are installed."""
    playwright_api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install 'pawl[dev]'"
    )
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed")
    sandbox = () if os.geteuid() else ("--no-sandbox",)  # Chromium has no sandbox for root
    with playwright_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=[*QUIET, *sandbox])
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a file and watches it: a console message, an error or a request of its own fails the test."""
    contexts, complaints = [], []

    def open_page(path: Path, *, width: int = 1280, **options: str) -> Any:
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url == path.as_uri() or complaints.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
