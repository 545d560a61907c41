"""A model on a task, by itself and with search: what `pawl eval` does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pawl import plugins
from pawl.config import build
from pawl.errors import ConfigError, RunError
from pawl.evaluate import TEST_ATTEMPTS, Score, score
from pawl.evaluate_baselines import Unsearched
from pawl.evaluate_search import Compared, budgets_up_to, compare, trace_curve
from pawl.evaluate_trees import Show, Shown, kind_of, search_again
from pawl.gate.statistics import wilson_interval
from pawl.interfaces import Judge, Search, StepTask, Task, Trainable
from pawl.judges.truth import truth
from pawl.keys import stream
from pawl.ledger import Ledger
from pawl.models.opening import open_policy
from pawl.models.pair import critic_of
from pawl.records import Event, Problem, Sampling, Split
from pawl.run_directory import RunDirectory
from pawl.search.mcts import TreeSearch
from pawl.search.named import Prior, named, seen_by
from pawl.search.steps import Valued
from pawl.search.whole import canonical_of

Notify = Callable[[Event], None]
NOTHING: Mapping[str, Any] = {}


def evaluate_model(model: str | Path, task: str | None = None, values: Mapping[str, Any] = NOTHING, *,
                   split: Split = "test", problems: int = 1000, attempts: int = TEST_ATTEMPTS,
                   max_tokens: int | None = None, stop: tuple[str, ...] | None = None, search: str | None = None,
                   budget: int = 16, prior: Prior = "policy", curve: bool = False, seed: int = 0, device: str = "auto",
                   notify: Notify = lambda event: None, show: Show | None = None) -> dict[str, Any]:
    """What `pawl eval --json` prints: a model on a task, greedy, by majority of `attempts`, and pass@attempts.

    With a `search`, by that too; what `budget` counts, `pawl.search.named.SEARCHES` says. The baselines then spend the
    tokens that it spent. With `curve` the same at budgets of 1, 2, 4 and so on up to `budget`.

    `model` is a run directory, a checkpoint directory or a Hugging Face name; `values` are the task's settings. What is
    left out is as the run had it: the task; the settings, if it is that task; `max_tokens` and `stop`, which are 256
    and none where there is no run.
    Majority forwards several times the tokens of greedy; both counts are given. `show` is handed the trees of a few
    problems.
    """
    checkpoint, run = _champion_of(Path(model))
    task, values = _asked_of(run, task, values)
    [found] = build([plugins.find("tasks", task)], values)
    if curve and search is None:
        raise ConfigError("a curve must have a search to follow, got none", hint="name one with --search")
    seen = None if search is None else seen_by(search, found)  # a mistake is told before the work begins
    policy = open_policy(checkpoint or str(model), device=device)
    own = run.get("settings", {})
    max_tokens = own.get("max_tokens", 256) if max_tokens is None else max_tokens
    stop = tuple(own.get("stop", ())) if stop is None else stop
    asked = None if search is None or seen is None else _Asked(search, budget, prior, policy, seen, max_tokens, stop)
    if show is not None and (asked is None or not isinstance(asked.made(prior, budget), TreeSearch)):
        raise ConfigError(f"a tree must come from a search that grows one, got {search or 'no search'}",
                          hint="name one with --search: mcts, gumbel, puct or uct")
    chosen, judge = found.problems(split, problems, seed), truth(found)
    if not chosen:
        raise ConfigError(f"split {split!r} of task {task!r} must have a problem, it has none")
    result = score(policy, chosen, judge, max_tokens=max_tokens, stop=stop, count=attempts, key=stream(seed, "eval"),
                   watch=lambda done, total: notify(Event("test", 0, 0, done, total)), canonical=canonical_of(found))
    head = {"task": task, "split": split, "problems": len(chosen), "policy": result.summary()}
    if asked is None:
        return head | _without_search(result)
    both, words = asked.compared(found, chosen, judge, curve=curve, key=stream(seed, "search"), notify=notify)
    head |= words
    if show is not None:
        show(asked.shown(head, list(map(kind_of, result.greedy, both.scores)), found, chosen, judge,
                         key=stream(seed, "search")))
    return head


@dataclass(frozen=True, slots=True)
class _Asked:
    """A search that was asked for, with all that it works on."""

    name: str
    budget: int
    prior: Prior
    policy: Trainable
    seen: StepTask
    """The task as the search sees it."""
    max_tokens: int
    stop: tuple[str, ...]

    def __post_init__(self) -> None:
        self.made(self.prior, self.budget)  # a mistake is told before the work begins

    def made(self, prior: Prior, budget: int) -> Search:
        return named(self.name, critic_of(self.policy), budget=budget, prior=prior, max_tokens=self.max_tokens,
                     stop=self.stop)

    def compared(self, task: Task, problems: Sequence[Problem], judge: Judge, *, curve: bool, key: int,
                 notify: Notify) -> tuple[Compared, dict[str, Any]]:
        """The search beside its baselines, and what `pawl eval` says of both."""
        unsearched = Unsearched(self.policy, task, Valued(critic_of(self.policy)).attempts, problems, judge,
                                self.max_tokens, self.stop, stream(key, "play"))
        more: dict[str, Any] = {}

        def watch(done: int, total: int) -> None:
            notify(Event("search", 0, 0, done, total))

        if curve:
            traced = trace_curve(unsearched, self.seen, self.name, self._by_prior(problems[0]),
                                 budgets_up_to(self.budget), key=key, watch=watch)
            both, more = traced.last, {"curve": traced.rows, "curve_sentence": traced.sentence}
            if traced.worth:
                more["prior_sentence"] = traced.worth
        else:
            both = compare(unsearched, self.seen, self.made(self.prior, self.budget), key=key, watch=watch)
        about = {"name": self.name, "budget": self.budget, "prior": self.prior}
        return both, {"search": about | both.search, "baselines": both.baselines, "sentence": both.sentence} | more

    def _by_prior(self, problem: Problem) -> dict[str, Callable[[int], Search]]:
        """The search by its budget, with the prior asked for and, where the rules name the steps, without one."""
        lists_steps = self.seen.actions(self.seen.start(problem)) is not None
        priors: list[Prior] = ["policy", "uniform"] if self.prior == "policy" and lists_steps else [self.prior]
        return {prior: partial(self.made, prior) for prior in priors}

    def shown(self, result: Mapping[str, Any], kinds: Sequence[str], task: Task, problems: Sequence[Problem],
              judge: Judge, *, key: int) -> Shown:
        """A few of the problems with their trees."""
        search = self.made(self.prior, self.budget)
        assert isinstance(search, TreeSearch)
        return search_again(result, kinds, policy=self.policy, task=task, search=search, problems=problems,
                            judge=judge, sampling=Sampling(self.max_tokens, stop=self.stop), key=key)


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


def _asked_of(run: Mapping[str, Any], task: str | None, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The task and its settings. Where the task is the run's, so are the settings: others may split the problems in
    another way, and what was trained on would be a test."""
    own = run.get("task")
    if task is None and own is None:
        raise ConfigError("a model that is no run directory must be given a task, got none",
                          hint="--task NAME; pawl tasks lists them")
    if task is not None and task != own:
        return task, dict(values)
    given = {key.replace("-", "_") for key in values}
    kept = {key: value for key, value in run.get("task_settings", {}).items() if key not in given}
    return str(own), kept | dict(values)


def _champion_of(path: Path) -> tuple[Path | None, dict[str, Any]]:
    """The champion's checkpoint and the header of a run directory's ledger; None and nothing when it is none."""
    if not (path / "run.db").is_file():
        return None, {}
    with RunDirectory.open(path, read_only=True) as directory, Ledger.open(directory.ledger_path,
                                                                           read_only=True) as ledger:
        if ledger.champion is None:
            raise RunError(f"run {path} must have a base before it can be evaluated", hint=f"pawl resume {path}")
        return directory.checkpoint(ledger.champion), ledger.header
