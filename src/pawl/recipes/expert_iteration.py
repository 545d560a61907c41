"""Expert iteration: sample, keep what truth says is right, learn it, promote what is better on held-out problems.

Anthony, Tian and Barber 2017; for language models STaR (Zelikman et al. 2022) and ReST-EM (Singh et al. 2023). Two
anchors are on by default: a KL term to the frozen base in the loss, and a floor of real data in every batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pawl import measure
from pawl.errors import ConfigError
from pawl.evaluate import SearchAtLast, final_result
from pawl.gate.decision import always_promote, exact_gate
from pawl.gate.power import power_sentence
from pawl.interfaces import Hindsight, Judge, Task, Trainable
from pawl.judges.truth import truth
from pawl.keys import stream
from pawl.ledger import Ledger
from pawl.loop import Turn, improve
from pawl.meters.alarms.alarm import Alarm
from pawl.meters.truth_bits import label_bits
from pawl.models.checkpoint import fingerprint
from pawl.models.opening import open_policy
from pawl.models.pair import critic_of
from pawl.play import Contest, contest, play, why_unfit
from pawl.recipes.alarm_meters import gold_sample, known_alarms, look
from pawl.recipes.base_model import RealData, encoded, make_base, real_data
from pawl.recipes.lessons import learn_policy, learn_value
from pawl.recipes.settings import Settings
from pawl.records import Attempt, Event, Problem, Sampling, TokenExample, Verdict
from pawl.run_directory import RunDirectory
from pawl.selection.contest import Drawn, contest_size, next_contest
from pawl.selection.curriculum import draw
from pawl.selection.examples import chosen_examples
from pawl.selection.hindsight import relabelled
from pawl.selection.replay import replay
from pawl.selection.select import select
from pawl.stages import stage

TASK: str | None = None
"""No task of its own: the user names one."""
EVERYTHING = 10**9
"""As a count of problems: all there are."""
MOST_EXAMPLES = 100_000
"""Right attempts, at most, that a generation adds to what is learnt from; those at the hardest problems come first."""
PASS_AT_K_PROBLEMS = 128

__all__ = ["TASK", "Settings", "run"]


def run(settings: Settings, task: Task, directory: RunDirectory, ledger: Ledger, notify: Callable[[Event], None],
        judge: Judge | None = None) -> dict[str, Any]:
    """The whole experiment, from wherever the ledger says that it stopped. Returns what `pawl run --json` prints.

    What is learnt is what `judge` says, the truth where there is none; the gate and the meters ask the truth.
    """
    return carry_out(ExpertIteration, settings, task, directory, ledger, notify, judge)


def carry_out(kind: type[ExpertIteration], settings: Settings, task: Task, directory: RunDirectory, ledger: Ledger,
              notify: Callable[[Event], None], judge: Judge | None = None) -> dict[str, Any]:
    """`run`, with parts of a kind. Raises ConfigError where they and the task do not go together."""
    if settings.failures == "relabel" and not isinstance(task, Hindsight):
        raise ConfigError(f"failures = 'relabel' must have a task with `solved_by`, got {task.name!r}",
                          hint="use failures = 'discard', or give the task a `solved_by`")
    with stage("setup"):
        real = real_data(task, settings)
    base = _base(settings, task, real, directory, ledger, notify)
    with stage("setup"):
        parts = kind(settings, task, real, directory, ledger, base)
        parts.judge = judge or parts.gold
        parts.check_room()
    parts.tidy()  # a kill may have come between a commit and this
    assert ledger.champion is not None
    champion = _open(directory.verify(ledger.champion, fingerprint), settings)
    champion = improve(parts, champion, ledger, settings.generations, notify)
    return final_result(base, champion, task, parts.gold, ledger, settings, notify, search=parts.search_at_last)


def _base(settings: Settings, task: Task, real: RealData, directory: RunDirectory, ledger: Ledger,
          notify: Callable[[Event], None]) -> Trainable:
    if (row := ledger.base) is not None:
        return _open(directory.verify(row.checkpoint, fingerprint), settings)
    turn = Turn(0, settings.generations, notify)
    with turn.stage("base") as watch:
        base, metrics = make_base(task, real, settings, watch)
        metrics |= measure.real_loss(base, encoded(base, real.held_out))
    stored = directory.store(base.save, fingerprint)
    ledger.set_base(metrics, turn.seconds, stored)
    return base


def _open(path: Any, settings: Settings) -> Trainable:
    return open_policy(path, device=settings.device, dtype=settings.dtype, adapts=settings.lora > 0)


class ExpertIteration:
    """The parts of the loop, made from settings."""

    def __init__(self, settings: Settings, task: Task, real: RealData, directory: RunDirectory, ledger: Ledger,
                 base: Trainable) -> None:
        self.settings, self.task, self.directory, self.ledger, self.base = settings, task, directory, ledger, base
        self.gold = truth(task)
        self.judge: Judge = self.gold
        self.gate = always_promote if settings.alpha == 1 else exact_gate(settings.alpha)
        self.sampling = Sampling(settings.max_tokens, settings.temperature, stop=settings.stop)
        self.train_problems = task.problems("train", EVERYTHING, settings.seed)
        self.gate_problems = task.problems("gate", EVERYTHING, settings.seed)
        self.contest_size = contest_size(len(self.gate_problems), settings.generations,
                                         largest=settings.gate_problems)
        self.real, self.held_out = encoded(base, real.pool), encoded(base, real.held_out)

    def check_room(self) -> None:
        """Raises ConfigError where the base can attempt no train problem."""
        reason: str | None = None
        for problem in self.train_problems:
            reason = why_unfit(self.base.encode(problem.prompt), self.base.context, self.settings.max_tokens)
            if reason is None:
                return
        if reason is not None:
            raise ConfigError(f"a policy must be able to attempt a train problem, it could attempt none: {reason}",
                              hint="lower max_tokens, or name a model with a longer context")

    def key(self, stage: str, turn: Turn) -> int:
        return stream(self.settings.seed, stage, turn.generation)

    def exhausted(self, turn: Turn) -> str | None:
        drawn = self._contest_problems()
        if drawn.problems:
            return None
        self.ledger.amend_header({"notes": [f"stopped before generation {turn.generation}: {drawn.shortage}"]})
        return drawn.shortage

    def draw(self, turn: Turn) -> list[Problem]:
        self.begin(turn)
        known = self.ledger.solved_problem_ids()
        solved = {place for place, problem in enumerate(self.train_problems) if problem.id in known}
        places = draw(len(self.train_problems), self.settings.problems, turn.generation,
                      key=stream(self.settings.seed, "draw"), solved=solved)
        return [self.train_problems[place] for place in places]

    def begin(self, turn: Turn) -> None:
        """Said once, before the first generation: what gain the gate will see, and what is wrong with the judge."""
        if turn.generation > 1:
            return
        if self.settings.alpha < 1:
            turn.say("sample", power_sentence(self.contest_size, generations=turn.generations,
                                              alpha=self.settings.alpha))
        with turn.stage("score"):
            for alarm in known_alarms(self.judge, self.train_problems, key=self.settings.seed):
                turn.warn(alarm)

    def play(self, champion: Trainable, problems: Sequence[Problem], turn: Turn) -> list[Attempt]:
        with turn.stage("sample") as watch:
            attempts = play(champion, problems, self.settings.attempts, sampling=self.sampling,
                            key=self.key("sample", turn), judge=self.judge, watch=watch)
            turn.metrics |= measure.sampler_gap(champion, attempts, self.key("measure", turn))
        return attempts

    def select(self, attempts: Sequence[Attempt], verdicts: Sequence[Verdict], turn: Turn) -> list[TokenExample]:
        key = self.key("measure", turn)
        drawn = [(attempt, verdict) for attempt, verdict in zip(attempts, verdicts, strict=True)
                 if attempt.source == "self"]
        samples = [attempt for attempt, _ in drawn]
        turn.metrics |= self.readings(samples, [verdict for _, verdict in drawn], key)
        turn.metrics |= measure.distance(self.base, samples, key)
        if self.settings.failures == "relabel":
            assert isinstance(self.task, Hindsight)
            moved, reasons = relabelled(attempts, verdicts, self.task, self.base.encode)
            turn.notes += [f"{reason} ({times} attempts)" for reason, times in reasons.most_common(3)]
            turn.metrics["truth_bits_hindsight"] = label_bits([attempt.problem.id for attempt in moved])
            attempts, verdicts = [*attempts, *moved], [*verdicts, *self.gold(moved)]
        chosen = select(attempts, verdicts, keep=self.settings.keep, limit=MOST_EXAMPLES)
        if not chosen:
            turn.notes.append(f"none of {len(attempts)} attempts was right")
        return chosen_examples(attempts, chosen)

    def readings(self, attempts: Sequence[Attempt], verdicts: Sequence[Verdict], key: int) -> measure.Metrics:
        """What a generation's samples say, by the truth. Of another judge nothing true was learnt."""
        if self.judge is self.gold:
            return measure.sampled(attempts, verdicts, key)
        return measure.sampled(attempts, self.gold(attempts), key) | {"truth_bits_self": 0.0}

    def learn(self, champion: Trainable, attempts: Sequence[Attempt], verdicts: Sequence[Verdict],
              examples: Sequence[TokenExample], turn: Turn) -> Trainable | None:
        settings = self.settings
        first = max(1, turn.generation - settings.replay + 1)
        earlier = self.ledger.examples(range(first, turn.generation))
        own = replay([earlier, examples], window=2)
        if not own:
            return None
        candidate = self.candidate(champion)
        with turn.stage("train") as watch:
            shown, course = self.lessons(own, turn)
            turn.metrics |= learn_policy(candidate, self.base, shown, self.real, course, self.key("learn", turn), watch)
            turn.metrics |= measure.parameter_change(candidate, self.beginning(champion))
            turn.metrics |= self.learn_value(candidate, attempts, verdicts, turn)
        turn.metrics |= measure.real_loss(candidate, self.held_out) | {
            "distinct_right": len(examples), "replay": len(own), "truth_bits_real": 0.0}
        return candidate

    def candidate(self, champion: Trainable) -> Trainable:
        """What a generation's training starts from."""
        return self.beginning(champion).clone()

    def beginning(self, champion: Trainable) -> Trainable:
        """Whose weights those are."""
        return champion if self.settings.start == "champion" else self.base

    def lessons(self, own: Sequence[TokenExample], turn: Turn) -> tuple[Sequence[TokenExample], Settings]:
        """What a generation's training is shown in an epoch, and its settings."""
        return own, self.settings

    @property
    def foresees(self) -> bool:
        """Whether a value is learnt, and worth measuring."""
        return True

    def learn_value(self, candidate: Trainable, attempts: Sequence[Attempt], verdicts: Sequence[Verdict],
                    turn: Turn) -> measure.Metrics:
        return learn_value(candidate, attempts, verdicts, self.settings, self.key("value", turn))

    def contest(self, candidate: Trainable, champion: Trainable, turn: Turn) -> Contest:
        chosen = self._contest_problems()
        if chosen.shortage:
            turn.notes.append(chosen.shortage)
        with turn.stage("gate") as watch:
            result = contest(candidate, champion, chosen.problems, self.gold, max_tokens=self.settings.max_tokens,
                             stop=self.settings.stop, generation=turn.generation, generations=turn.generations,
                             watch=watch)
            tried = play(champion, chosen.problems[:PASS_AT_K_PROBLEMS], self.settings.attempts,
                         sampling=self.sampling, key=self.key("pass@k", turn), judge=self.gold)
            verdicts = self.gold(tried)
            turn.metrics |= measure.pass_at(tried, verdicts, k=self.settings.attempts)
            if self.foresees:
                # The candidate's value learnt from attempts by the champion; these are such, at problems of which it
                # saw none.
                turn.metrics |= measure.value(critic_of(candidate), tried, verdicts, self.key("measure value", turn))
        if len(result.problem_ids):
            turn.metrics |= {"gate_candidate": float(result.evidence.candidate.mean()),
                             "gate_champion": float(result.evidence.champion.mean())}
        return result

    def alarms(self, turn: Turn, attempts: Sequence[Attempt], verdicts: Sequence[Verdict]) -> list[Alarm]:
        """What is wrong with the generation. A judge that is not gold is compared with it on some of the attempts."""
        gold: list[Verdict] = []
        if self.judge is not self.gold:
            with turn.stage("score"):
                gold = gold_sample(self.gold, attempts, key=self.key("measure", turn))
        return look(turn, attempts, verdicts, [row.metrics for row in self.ledger.generations()], gold=gold)

    search_at_last: SearchAtLast | None = None
    """How the champion does on the test split when it thinks longer; none when the loop knows no search."""

    def store(self, candidate: Trainable) -> str:
        return self.directory.store(candidate.save, fingerprint)

    def committed(self, turn: Turn) -> None:
        self.tidy()

    def tidy(self) -> None:
        """Keep the weights that anything may still ask for; a refused candidate lives on as its hash."""
        assert self.ledger.base is not None and self.ledger.champion is not None
        self.directory.prune({self.ledger.base.checkpoint, self.ledger.champion})

    def _contest_problems(self) -> Drawn:
        used = {name for row in self.ledger.generations() for name in row.contest_ids}
        return next_contest(self.gate_problems, used, size=self.contest_size)
