"""A policy on held-out problems: the final report's test, and `pawl eval`.

The test split is touched here and nowhere else in a run, once, after the last generation.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pawl import plugins
from pawl.config import build
from pawl.errors import ConfigError, RunError
from pawl.evaluate_baselines import Unsearched
from pawl.evaluate_search import budgets_up_to, compare_with, trace_curve
from pawl.evaluate_trees import Show, kind_of, search_again
from pawl.gate.statistics import wilson_interval
from pawl.interfaces import Judge, Policy, Search, StepTask, Task, Trainable
from pawl.judges.truth import truth
from pawl.keys import stream
from pawl.ledger import Ledger
from pawl.meters.passk import mean_pass_at_k
from pawl.models.opening import open_policy
from pawl.models.pair import critic_of
from pawl.play import Watch, play
from pawl.records import Event, Problem, Sampling, Split
from pawl.run_directory import RunDirectory
from pawl.search.best_of_n import elect, weigh
from pawl.search.mcts import TreeSearch
from pawl.search.named import Prior, named, seen_by
from pawl.search.steps import Valued
from pawl.search.whole import canonical_of

TEST_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class Score:
    """A policy on N problems: one greedy answer, and K sampled ones."""

    greedy: list[float]
    """[N]; an answer that the judge could not decide counts 0."""
    right: list[int]
    """[N] right ones among the K sampled answers."""
    majority: list[float]
    """[N] score of what most sampled answers say."""
    count: int
    """K."""
    tokens: dict[str, int]
    """Tokens forwarded by `greedy` and by `sampled`, a prompt once."""

    def summary(self) -> dict[str, Any]:
        """pass@1 (greedy) and, for a K above 1, pass@K with their 95% intervals."""
        pass_1 = float(np.mean(self.greedy)) if self.greedy else 0.0
        result: dict[str, Any] = {"pass@1": pass_1, "ci": list(wilson_interval(pass_1, len(self.greedy)))}
        if self.right and self.count > 1:  # one sampled answer is no pass@1: that name is the greedy one's
            rate, interval = mean_pass_at_k(self.right, self.count, self.count)
            result |= {f"pass@{self.count}": rate, f"pass@{self.count}_ci": list(interval)}
        return result


def score(policy: Policy, problems: Sequence[Problem], judge: Judge, *, max_tokens: int, stop: tuple[str, ...],
          count: int, key: int, watch: Watch, canonical: Callable[[str], Hashable] = str.strip) -> Score:
    """Greedy and sampled answers to each problem, judged. `key` names the random streams, `canonical` what an answer
    says, for the majority."""
    work = len(problems) * (1 + count)
    greedy = play(policy, problems, 1, sampling=Sampling(max_tokens, 0.0, stop=stop), key=key,
                  watch=lambda done, _: watch(done, work))
    sampled = play(policy, problems, count, sampling=Sampling(max_tokens, 1.0, stop=stop), key=key,
                   watch=lambda done, _: watch(len(problems) + done, work))
    scores = [verdict.score or 0.0 for verdict in judge(sampled)]
    if greedy and all(attempt.error for attempt in greedy):
        raise ConfigError(f"a policy must be able to attempt a problem, it could attempt none: {greedy[0].error}",
                          hint="lower max_tokens")
    right, majority = [], []
    for start in range(0, len(sampled), count):
        group = range(start, start + count)
        says = [canonical(sampled[i].completion.text) for i in group]
        majority.append(scores[start + elect(says, weigh(says, np.ones(count, np.float32), "majority"))])
        right.append(sum(scores[i] >= 1 for i in group))
    prompts = sum(len(attempt.prompt_tokens) for attempt in greedy)
    tokens = {name: prompts + sum(len(attempt.completion.tokens) for attempt in attempts)
              for name, attempts in (("greedy", greedy), ("sampled", sampled))}
    return Score([verdict.score or 0.0 for verdict in judge(greedy)], right, majority, count, tokens)


SearchAtLast = Callable[[Trainable, Sequence[Problem], Watch], dict[str, Any]]
"""(champion, test problems, watch) -> what search adds to it."""


def final_result(base: Policy, champion: Trainable, task: Task, judge: Judge, ledger: Ledger, settings: Any,
                 notify: Callable[[Event], None], search: SearchAtLast | None = None) -> dict[str, Any]:
    """Base and champion on the test split, with what the whole run cost; read from the ledger if it is there."""
    if (known := ledger.final) is not None:
        return known
    started = time.perf_counter()
    problems = task.problems("test", settings.test_problems, settings.seed)
    rows = ledger.generations()
    scores = []
    for turn, policy in enumerate((base, champion)):
        scores.append(score(
            policy, problems, judge, max_tokens=settings.max_tokens, stop=settings.stop, count=TEST_ATTEMPTS,
            key=stream(settings.seed, "test"),
            watch=lambda done, total, turn=turn: notify(  # type: ignore[misc]
                Event("test", len(rows), settings.generations, turn * total + done, 2 * total))))
    before, after = scores
    searched = search and search(champion, problems, lambda done, total: notify(
        Event("search", len(rows), settings.generations, done, total)))
    decisions = [row.decision for row in rows if row.decision is not None]
    assert ledger.base is not None
    result = {
        "recipe": ledger.header["recipe"], "task": ledger.header["task"], "seed": settings.seed,
        "base": before.summary(), "final": after.summary() | {"search": searched},
        "generations": len(rows), "promoted": sum(decision.promote for decision in decisions),
        "refused": sum(not decision.promote for decision in decisions),
        "dropped": sum(row.dropped is not None for row in rows),
        "truth_bits": {"self": sum(row.metrics.get("truth_bits_self", 0.0) for row in rows),
                       "hindsight": sum(row.metrics.get("truth_bits_hindsight", 0.0) for row in rows),
                       "real": ledger.base.metrics.get("truth_bits_real", 0.0)},
        "test": {"problem_ids": [problem.id for problem in problems],
                 "base_scores": before.greedy, "final_scores": after.greedy,
                 "base_right": before.right, "final_right": after.right},
    }
    seconds = _seconds(ledger, time.perf_counter() - started)
    ledger.set_final(result, seconds)
    return {**result, "seconds": seconds}


def evaluate_model(model: str | Path, task: str, values: Mapping[str, Any], *, split: Split = "test",
                   problems: int = 1000, attempts: int = TEST_ATTEMPTS, max_tokens: int | None = None,
                   stop: tuple[str, ...] | None = None, search: str | None = None, budget: int = 16,
                   prior: Prior = "policy", curve: bool = False, seed: int = 0, device: str = "auto",
                   notify: Callable[[Event], None] = lambda event: None, show: Show | None = None) -> dict[str, Any]:
    """What `pawl eval --json` prints: a model on a task, greedy, by majority of `attempts`, and pass@attempts.

    With a `search`, by that too; what `budget` counts, `pawl.search.named.SEARCHES` says. The baselines then spend the
    tokens that it spent. With `curve` the same at budgets of 1, 2, 4 and so on up to `budget`.

    `model` is a run directory, a checkpoint directory or a Hugging Face name; `values` are the task's settings.
    `max_tokens` and `stop` are the run's own where they are left out, or 256 and none.
    Majority forwards several times the tokens of greedy; both counts are given. `show` is handed the trees of a few
    problems.
    """
    [found] = build([plugins.find("tasks", task)], values)
    if curve and search is None:
        raise ConfigError("a curve must have a search to follow, got none", hint="name one with --search")
    seen = None if search is None else seen_by(search, found)  # a mistake is told before the work begins
    checkpoint, run = _champion_of(Path(model))
    policy = open_policy(checkpoint or str(model), device=device)
    max_tokens = run.get("max_tokens", 256) if max_tokens is None else max_tokens
    stop = tuple(run.get("stop", ())) if stop is None else stop

    def made(prior: Prior, budget: int) -> Search:
        assert search is not None
        return named(search, critic_of(policy), budget=budget, prior=prior, max_tokens=max_tokens, stop=stop)

    growing = None if seen is None else made(prior, budget)
    if show is not None and not isinstance(growing, TreeSearch):
        raise ConfigError(f"a tree must come from a search that grows one, got {search or 'no search'}",
                          hint="name one with --search: mcts, gumbel, puct or uct")
    chosen = found.problems(split, problems, seed)
    if not chosen:
        raise ConfigError(f"split {split!r} of task {task!r} must have a problem, it has none")
    result = score(policy, chosen, truth(found), max_tokens=max_tokens, stop=stop, count=attempts,
                   key=stream(seed, "eval"), watch=lambda done, total: notify(Event("test", 0, 0, done, total)),
                   canonical=canonical_of(found))
    head = {"task": task, "split": split, "problems": len(chosen), "policy": result.summary()}
    if seen is None:
        return head | _without_search(result)
    key = stream(seed, "search")
    unsearched = Unsearched(policy, found, Valued(critic_of(policy)).attempts, chosen, truth(found), max_tokens, stop,
                            stream(key, "play"))

    def watch(done: int, total: int) -> None:
        notify(Event("search", 0, 0, done, total))

    more: dict[str, Any] = {}
    if curve:
        priors: list[Prior] = ["policy", "uniform"] if prior == "policy" and _lists_steps(seen, chosen[0]) else [prior]
        traced = trace_curve(unsearched, seen, str(search), {one: partial(made, one) for one in priors},
                             budgets_up_to(budget), key=key, watch=watch)
        both, more = traced.last, {"curve": traced.rows, "curve_sentence": traced.sentence}
    else:
        both = compare_with(unsearched, seen, made(prior, budget), key=key, watch=watch)
    about = {"name": search, "budget": budget, "prior": prior}
    head |= {"search": about | both.search, "baselines": both.baselines, "sentence": both.sentence} | more
    if show is not None and isinstance(growing, TreeSearch):
        show(search_again(head, list(map(kind_of, result.greedy, both.scores)), policy=policy, task=found,
                          search=growing, problems=chosen, judge=truth(found), sampling=Sampling(max_tokens, stop=stop),
                          key=key))
    return head


def _without_search(result: Score) -> dict[str, Any]:
    """What stands under search and baselines where there is no search."""
    summary, majority = result.summary(), float(np.mean(result.majority))
    return {
        "search": None,
        "baselines": {
            "greedy": {"pass@1": summary["pass@1"], "tokens": result.tokens["greedy"]},
            "majority": {"pass@1": majority, "ci": list(wilson_interval(majority, len(result.majority))),
                         "attempts": result.count, "tokens": result.tokens["sampled"]},
        },
    }


def _lists_steps(task: StepTask, problem: Problem) -> bool:
    """Whether the rules name the steps, so that a search can do without the policy's."""
    return task.actions(task.start(problem)) is not None


def _champion_of(path: Path) -> tuple[Path | None, dict[str, Any]]:
    """The champion's checkpoint and the settings of a run directory; None and nothing when it is none."""
    if not (path / "run.db").is_file():
        return None, {}
    with RunDirectory.open(path, read_only=True) as directory, Ledger.open(directory.ledger_path,
                                                                           read_only=True) as ledger:
        if ledger.champion is None:
            raise RunError(f"run {path} must have a base before it can be evaluated", hint=f"pawl resume {path}")
        return directory.checkpoint(ledger.champion), ledger.header["settings"]


def _seconds(ledger: Ledger, test: float) -> dict[str, float]:
    """Time by stage over the whole run, resumed parts included; `total` is their sum."""
    totals: Counter[str] = Counter({"test": test, "search": 0.0})
    assert ledger.base is not None
    totals.update(ledger.base.seconds)
    for row in ledger.generations():
        totals.update(row.seconds)
    return {**totals, "total": sum(totals.values())}
