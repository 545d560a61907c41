"""The mutual loop: search with policy and value, learn from what it found, and search again with the better two.

Expert iteration (Anthony, Tian and Barber 2017) on problems whose answers are paths of steps. A generation first
samples; where fewest samples were right, search thinks longer over all legal steps, led by the value and told the truth
of the ends that it comes to, as rules tell who won a game. The policy learns what was right; a value network beside it
learns from the searched trees from which states a right end was found, and from the samples which ends are right; the
gate asks whether the policy by itself became better. Where a search is measured, it never asks the truth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, cached_property, partial
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from pawl import measure
from pawl.config import settings
from pawl.errors import ConfigError
from pawl.interfaces import StepTask, Symmetric, Task, Trainable
from pawl.keys import permutation, stream
from pawl.learning.objective import Distance
from pawl.ledger import Ledger
from pawl.loop import Turn
from pawl.models.pair import PolicyWithValue, critic_of
from pawl.play import Contest, Watch
from pawl.recipes import countdown
from pawl.recipes.expert_iteration import ExpertIteration, carry_out
from pawl.recipes.lessons import end_paths, learn_value_network
from pawl.recipes.search_meters import at_last, beside_policy, ranked_states
from pawl.recipes.settings import Count, Share, Weight
from pawl.recipes.told_search import find_right_ends
from pawl.records import Attempt, Event, IntArray, Problem, TokenExample, Verdict
from pawl.run_directory import RunDirectory
from pawl.search.labels import Seen, state_labels
from pawl.search.mcts import TreeSearch
from pawl.search.named import Means, Prior, tree_search
from pawl.selection.examples import path_examples
from pawl.selection.variants import varied

TASK: str | None = "countdown"
VALUE_PATHS, VALUE_ATTEMPTS = 15_000, 5_000
"""Paths of searched trees and samples, at most, that the value network learns from in the first generation; in the
second twice as many, and so on."""
RANKED_PROBLEMS = 100
"""Gate problems of a generation whose unfinished solutions the value is to rank."""


@settings
class Settings(countdown.Settings):
    """Countdown's, with search and a value network."""

    generations: Count = 2
    """Turns of the loop."""
    attempts: Count = 4
    """Samples at each problem."""
    epochs: Count = 16
    """Times that the last generation sees each example; the one before it sees it a quarter as often, and so on."""
    kl: Weight | tuple[Distance, Weight] = 0.001
    """Weight of the distance to the frozen base in the loss; forward,0.001 or k3,0.001 for another distance."""
    depth: Annotated[int, Field(ge=1, le=64)] = 3
    """Size of the model: layers, each 32 times as wide."""
    base_steps: Count = 200
    """Batches of random legal play from which the base is made."""
    simulations: Count = 16
    """Walks of a search at each step, wherever it is measured."""
    searched: Count = 4000
    """Train problems that search thinks about in a generation: half the hardest, half any others. In the first, without
    a value, all."""
    training_simulations: Count = 128
    """Walks at each of them. Truth tells what their ends are worth, as rules tell who won a game."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of matrix products; weights are float32. auto is bfloat16 where the machine has units for it."""
    variants: Share = 0.0
    """Share of what is learnt that is shown in other words, where the task knows some."""
    value_epochs: ClassVar[int] = 2
    """Times that the value network sees each example of a generation."""
    temperature: ClassVar[float] = 1.0  # type: ignore[misc]
    stop: ClassVar[tuple[str, ...]] = ()  # type: ignore[misc]
    tokenizer: ClassVar[str] = "bpe-1024"  # type: ignore[misc]
    start: ClassVar[Literal["champion", "base"]] = "champion"  # type: ignore[misc]


def run(settings: Settings, task: Task, directory: RunDirectory, ledger: Ledger,
        notify: Callable[[Event], None]) -> dict[str, Any]:
    """The whole experiment, from wherever the ledger says that it stopped."""
    if not isinstance(task, StepTask):
        raise ConfigError(f"recipe reason must have a task with steps, got {task.name!r}",
                          hint="`pawl run --task` without a recipe improves a model on whole answers")
    first = task.problems("train", 1, settings.seed)
    if first and task.actions(task.start(first[0])) is None:
        raise ConfigError(f"recipe reason must have a task whose rules list the steps, {task.name!r} leaves them open",
                          hint="`pawl run --task` without a recipe improves a model on whole answers")
    if settings.variants and not isinstance(task, Symmetric):
        raise ConfigError(f"variants above 0 must have a task with `variants`, got {task.name!r}",
                          hint="use variants = 0, or give the task `variants`")
    return carry_out(Reason, settings, task, directory, ledger, notify)


class Reason(ExpertIteration):
    """Expert iteration whose expert is search."""

    settings: Settings
    task: StepTask
    tree: Seen | None = None
    """What search saw in this generation, until the value has learnt it."""

    def search(self, policy: Trainable, prior: Prior = "policy") -> TreeSearch:
        settings = self.settings
        return tree_search("gumbel", Means(critic_of(policy), settings.simulations, prior, settings.max_tokens))

    def play(self, champion: Trainable, problems: Sequence[Problem], turn: Turn) -> list[Attempt]:
        """Samples at every problem, and every right end that search found."""
        attempts = super().play(champion, problems, turn)
        with turn.stage("search") as watch:
            found = find_right_ends(champion, self.task, self.to_search(champion, problems, attempts, turn), self.judge,
                                    simulations=self.settings.training_simulations, first=self.settings.attempts,
                                    key=self.key("search", turn), watch=watch)
        self.tree = found.tree
        turn.metrics |= found.metrics
        return [*attempts, *found.attempts]

    def to_search(self, champion: Trainable, problems: Sequence[Problem], attempts: Sequence[Attempt],
                  turn: Turn) -> list[Problem]:
        """The problems at which fewest samples were right, for the policy to learn; as many others, since a value that
        saw hard problems alone knows no others; all while there is no value to ask, which is what search costs."""
        if not isinstance(champion, PolicyWithValue):
            return list(problems)
        right = Counter(attempt.problem.id for attempt, verdict in zip(attempts, self.judge(attempts), strict=True)
                        if verdict.score == 1)
        count = self.settings.searched
        ordered = sorted(problems, key=lambda problem: right[problem.id])
        hard, others = ordered[: (count + 1) // 2], ordered[(count + 1) // 2 :]
        return hard + [others[i] for i in permutation(self.key("others", turn), len(others))[: count // 2]]

    def lessons(self, own: Sequence[TokenExample], turn: Turn) -> tuple[Sequence[TokenExample], Settings]:
        """Later generations have more and better examples: they are learnt longer. In other words, where the task
        knows some, each epoch anew."""
        epochs = max(1, self.settings.epochs // 4 ** (turn.generations - turn.generation))
        if not self.settings.variants:
            return own, replace(self.settings, epochs=epochs)
        shown = [example for epoch in range(epochs) for example in self.varied(own, turn, epoch)]
        return shown, replace(self.settings, epochs=1)

    def varied(self, examples: Sequence[TokenExample], turn: Turn, epoch: int) -> list[TokenExample]:
        return varied(examples, self.other_prompts, share=self.settings.variants,
                      key=stream(self.key("variants", turn), epoch))

    @cached_property
    def other_prompts(self) -> Callable[[str], Sequence[IntArray]]:
        """The tokens of a train problem's other wordings, by its name."""
        assert isinstance(self.task, Symmetric)
        variants, problems = self.task.variants, {problem.id: problem for problem in self.train_problems}
        return cache(lambda name: [self.base.encode(prompt) for prompt in variants(problems[name])]
                     if name in problems else [])

    def candidate(self, champion: Trainable) -> Trainable:
        """A copy of the champion's policy, which is its own critic until it has learnt."""
        policy = (champion.policy if isinstance(champion, PolicyWithValue) else champion).clone()
        return PolicyWithValue(policy, policy)

    def learn_value(self, candidate: Trainable, attempts: Sequence[Attempt], verdicts: Sequence[Verdict],
                    turn: Turn) -> measure.Metrics:
        assert isinstance(candidate, PolicyWithValue) and self.tree is not None
        # What solves problems knows most of what makes them solvable, and more than the last generation's value knew.
        candidate.value = candidate.policy.clone()
        key = self.key("value", turn)
        own = [i for i in permutation(key, len(attempts)) if attempts[i].source == "self"]
        drawn = own[: VALUE_ATTEMPTS * turn.generation]
        paths = [state_labels(candidate, path) for path in self.tree.paths(VALUE_PATHS * turn.generation, key)]
        self.tree = None
        paths += end_paths(candidate, [attempts[i] for i in drawn], [verdicts[i] for i in drawn])
        lessons = path_examples(paths, kind="hard")
        if self.settings.variants:
            lessons = self.varied(lessons, turn, -1)
        return learn_value_network(candidate.value, lessons, epochs=self.settings.value_epochs, settings=self.settings,
                                   key=key)

    def contest(self, candidate: Trainable, champion: Trainable, turn: Turn) -> Contest:
        """The policies by themselves; beside it, the candidate with search on the same problems, and its value."""
        result = super().contest(candidate, champion, turn)
        with turn.stage("gate"):
            turn.metrics |= beside_policy(candidate, self.task, self.search(candidate), result, self.judge,
                                          self.key("measure search", turn))
            problems = [attempt.problem for attempt in result.attempts[:RANKED_PROBLEMS]]
            turn.metrics |= ranked_states(critic_of(candidate), self.task, problems, self.judge,
                                          simulations=self.settings.training_simulations, key=self.key("rank", turn))
        return result

    def search_at_last(self, champion: Trainable, problems: Sequence[Problem], watch: Watch) -> dict[str, Any]:
        settings = self.settings
        return at_last(champion, self.task, partial(self.search, champion), problems, self.judge,
                       max_tokens=settings.max_tokens, stop=(), seed=settings.seed, watch=watch)
