"""A policy on held-out problems: the final report's test, and `pawl eval`.

The test split is touched here and nowhere else in a run, once, after the last generation.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pawl import plugins
from pawl.config import build
from pawl.errors import ConfigError, RunError
from pawl.evaluate_search import compare
from pawl.evaluate_trees import Show, kind_of, search_again
from pawl.gate.statistics import wilson_interval
from pawl.interfaces import Judge, Policy, Task, Trainable
from pawl.judges.truth import truth
from pawl.keys import stream
from pawl.ledger import Ledger
from pawl.meters.passk import mean_pass_at_k
from pawl.models.opening import open_policy
from pawl.models.pair import critic_of
from pawl.play import Watch, play
from pawl.records import Event, Problem, Sampling, Split
from pawl.run_directory import RunDirectory
from pawl.search.mcts import TreeSearch
from pawl.search.named import Prior, named
from pawl.search.steps import Valued

TEST_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class Score:
    """A policy on N problems: one greedy answer, and K sampled ones."""

    greedy: list[float]
    """[N]; an answer that the judge could not decide counts 0."""
    right: list[int]
    """[N] right ones among the K sampled answers."""
    majority: list[float]
    """[N] score of the commonest sampled text."""
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
          count: int, key: int, watch: Watch) -> Score:
    """Greedy and sampled answers to each problem, judged. `key` names the random streams."""
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
        common = Counter(sampled[i].completion.text for i in group).most_common(1)[0][0]
        majority.append(next(scores[i] for i in group if sampled[i].completion.text == common))
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
                   prior: Prior = "policy", seed: int = 0, device: str = "auto",
                   notify: Callable[[Event], None] = lambda event: None, show: Show | None = None) -> dict[str, Any]:
    """What `pawl eval --json` prints: a model on a task, greedy, by majority of `attempts`, and pass@attempts.

    With a `search`, by that too, `budget` simulations for each step; the baselines then spend the tokens that it spent.

    `model` is a run directory, a checkpoint directory or a Hugging Face name; `values` are the task's settings.
    `max_tokens` and `stop` are the run's own where they are left out, or 256 and none.
    Majority forwards several times the tokens of greedy; both counts are given. `show` is handed the trees of a few
    problems.
    """
    [found] = build([plugins.find("tasks", task)], values)
    checkpoint, run = _champion_of(Path(model))
    policy = open_policy(checkpoint or str(model), device=device)
    max_tokens = run.get("max_tokens", 256) if max_tokens is None else max_tokens
    stop = tuple(run.get("stop", ())) if stop is None else stop
    critic = critic_of(policy)
    made = None if search is None else named(search, critic, simulations=budget, prior=prior, max_tokens=max_tokens)
    if show is not None and not isinstance(made, TreeSearch):
        raise ConfigError(f"a tree must come from a search that grows one, got {search or 'no search'}",
                          hint="name one with --search: mcts, gumbel, puct or uct")
    chosen = found.problems(split, problems, seed)
    if not chosen:
        raise ConfigError(f"split {split!r} of task {task!r} must have a problem, it has none")
    result = score(policy, chosen, truth(found), max_tokens=max_tokens, stop=stop, count=attempts,
                   key=stream(seed, "eval"), watch=lambda done, total: notify(Event("test", 0, 0, done, total)))
    head = {"task": task, "split": split, "problems": len(chosen), "policy": result.summary()}
    if made is not None:
        both = compare(policy, found, made, Valued(critic).attempts, chosen, truth(found), max_tokens=max_tokens,
                       stop=stop, key=stream(seed, "search"),
                       watch=lambda done, total: notify(Event("search", 0, 0, done, total)))
        about = {"name": search, "budget": budget, "prior": prior}
        head |= {"search": about | both.search, "baselines": both.baselines, "sentence": both.sentence}
        if show is not None and isinstance(made, TreeSearch):
            show(search_again(head, list(map(kind_of, result.greedy, both.scores)), policy=policy, task=found,
                              search=made, problems=chosen, judge=truth(found),
                              sampling=Sampling(max_tokens, stop=stop), key=stream(seed, "search")))
        return head
    majority = float(np.mean(result.majority))
    return head | {
        "search": None,
        "baselines": {
            "greedy": {"pass@1": result.summary()["pass@1"], "tokens": result.tokens["greedy"]},
            "majority": {"pass@1": majority, "ci": list(wilson_interval(majority, len(chosen))), "attempts": attempts,
                         "tokens": result.tokens["sampled"]},
        },
    }


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
