"""A model learns from what models wrote, generation after generation: how it collapses, and what holds it.

Shumailov et al. 2023, "The curse of recursion"; Gerstgrasser et al. 2024, "Is model collapse inevitable?"; Herel and
Mikolov 2024. The same model goes three ways, each as long and at the same rate: alone, on its own text; anchored, on
its own text held by real text and by its distance to the first model; and fresh, on new real text each time, so that it
can be seen that the text is to blame and not the training.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pawl.config import settings
from pawl.errors import ConfigError
from pawl.interfaces import Task, Trainable
from pawl.keys import stream
from pawl.learning.objective import Objective
from pawl.learning.train import planned, train
from pawl.ledger import GenerationRow, Ledger
from pawl.loop import Turn
from pawl.models.opening import fresh_policy, open_policy
from pawl.recipes.base_model import BASE_RATE
from pawl.recipes.collapse_meters import PRINTED, in_words, measured, outcome
from pawl.recipes.pipeline import Pipeline
from pawl.recipes.real_text import RealText
from pawl.recipes.settings import Count, Kl, held
from pawl.recipes.written import Document, Manner, Scribe, Watch, Writing
from pawl.records import Event, TokenExample
from pawl.run_directory import RunDirectory
from pawl.selection.anchor import plan_batches
from pawl.selection.mixing import Keeps, mixed, resampled

TASK: str | None = "world"
TOKENIZER = "bpe-512"
"""Of a model from scratch."""
BATCH = 64
"""Documents in a training batch."""
LONGEST = 192
"""Tokens of a document; a longer one is cut."""
Arm = Literal["alone", "anchored", "fresh"]
Portion = Annotated[float, Field(ge=0, le=1)]
Part = Annotated[float, Field(gt=0, le=1)]


@settings
class Settings:
    """Every key of the recipe."""

    seed: int = 0
    """Names every random stream of the run."""
    text: str = ""
    """A file of real text in place of the task's."""
    model: str = ""
    """Checkpoint directory or Hugging Face name of the first model; empty trains one from scratch on the real text."""
    depth: Annotated[int, Field(ge=1, le=64)] = 3
    """Size of a model from scratch: layers, each 32 times as wide."""
    documents: Annotated[int, Field(ge=BATCH)] = 4096
    """Of each training, the first one's included."""
    epochs: tuple[Count, Count] = (8, 1)
    """Times that a model learns from each: one from scratch, and one that goes on."""
    generations: Count = 5
    """Turns of each way."""
    arms: tuple[Arm, ...] = ("alone", "anchored", "fresh")
    """The ways: without an anchor, with those that are set below, and on new real text."""
    start: Literal["continue", "scratch", "dynamic"] = "continue"
    """What a generation's training starts from: the model before, or new weights; dynamic goes on, too, and learns each
    batch as soon as it has written it (dynamic evaluation)."""
    learning_rate: Annotated[float, Field(gt=0)] = 5e-3
    """Peak step size of a generation that goes on."""
    temperature: Annotated[float, Field(gt=0)] = 0.8
    """Of what is written."""
    top_p: Part = 1.0
    """Of what is written."""
    beams: Count = 1
    """With more than one a writer draws nothing: it looks for what it holds likeliest, after words of real text."""
    bias: Part = 1.0
    """Share of what was written that is learnt from, what its writer holds likeliest first."""
    prompted: Portion = 0.0
    """Share of what is written that begins with three words of a real document."""
    revisions: Annotated[int, Field(ge=0)] = 0
    """Times that a writer looks for the unlikeliest place of a document and writes it anew from there."""
    members: Count = 1
    """Models of a generation, each of which learns from a draw with replacement; they write in equal shares."""
    kl: Kl = ("forward", 0.1)
    """Anchor: which distance to the first model, reverse, forward or k3, and its weight in the loss; below 0 it is
    sought."""
    real: Portion = 0.1
    """Anchor: share of real text, of that which was learnt at first, in each training."""
    keeps: Keeps = "subsample"
    """Anchor: what becomes of earlier generations' text."""
    verify: tuple[Part, Portion] = (1.0, 1.0)
    """Anchor: chances that a verifier keeps what is true, and what is not; of a task that knows."""
    stop: Annotated[float, Field(gt=0)] | None = None
    """Anchor: a rise of the loss on real text, in nats, at which no further generation is begun."""
    device: str = "auto"
    """cpu, cuda, auto, or vllm: a GPU on which vLLM writes."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of matrix products; weights are float32. auto is bfloat16 where the machine has units for it."""


def run(settings: Settings, task: Task, directory: RunDirectory, ledger: Ledger,
        notify: Callable[[Event], None]) -> dict[str, Any]:
    """The whole experiment, from wherever the ledger says that it stopped. Returns what `pawl run --json` prints."""
    parts = SelfConsume(settings, task, ledger)
    line: Pipeline[Trainable] = Pipeline(
        directory, ledger, notify, stages=len(settings.arms) * settings.generations * settings.members,
        load=partial(open_policy, device=settings.device, dtype=settings.dtype))
    parts.base = line.base(parts.begin)
    for arm in settings.arms:
        members = [parts.base] * settings.members
        for generation in range(1, settings.generations + 1):
            if parts.must_stop(arm, generation):
                break
            members = [line.stage(name, partial(parts.generation, arm, generation, name, before))
                       for name, before in zip(parts.names(arm, generation), members, strict=True)]
    return line.finish(parts.result, task.name, settings.seed)


class SelfConsume:
    """What is done in a generation, made from settings."""

    base: Trainable
    """The first model, as soon as it is there."""

    def __init__(self, settings: Settings, task: Task, ledger: Ledger) -> None:
        self.settings, self.ledger = settings, ledger
        self._first: dict[Arm, list[TokenExample]] = {}
        """What the first model wrote, by arm."""
        self.text = RealText(task, settings.text, settings.documents, settings.seed)
        if min(settings.verify) < 1 and self.text.known is None:
            raise ConfigError(f"verify must have a task that knows what is true, got {settings.text or task.name!r}",
                              hint="leave verify out, or --task world")
        if settings.beams > 1 and settings.prompted < 1:
            raise ConfigError(f"beams must go on after words of real documents, got beams={settings.beams} with "
                              f"prompted={settings.prompted:g}: after none all documents would be the same",
                              hint="--prompted 1")

    def key(self, *path: int | str) -> int:
        return stream(self.settings.seed, "self-consume", *path)

    @cached_property
    def scribe(self) -> Scribe:
        return Scribe(self.base)

    @cached_property
    def real(self) -> list[Document]:
        return self.scribe.real(self.text.pool, LONGEST)

    @cached_property
    def held_out(self) -> list[Document]:
        return self.scribe.real(self.text.held_out, LONGEST)

    def names(self, arm: Arm, generation: int) -> list[str]:
        """Of the stages of a generation, a member each."""
        name = f"{arm} {generation}"
        members = self.settings.members
        return [name] if members == 1 else [f"{name}, model {member + 1}" for member in range(members)]

    def begin(self, turn: Turn) -> Trainable:
        """The first model: a checkpoint, or one that learns the real text."""
        settings = self.settings
        if settings.model:
            self.base = open_policy(settings.model, device=settings.device, dtype=settings.dtype)
        else:
            self.base = self._fresh("base")
            turn.metrics["truth_bits_real"] = self._learn(self.base, self._examples(self.real, "real"),
                                                          settings.epochs[0], BASE_RATE, Objective(), "base", turn)
        self._measure(self.base, "alone", "base", turn)
        return self.base

    def generation(self, arm: Arm, generation: int, name: str, before: Trainable, turn: Turn) -> Trainable:
        """The next model of an arm. What it writes is measured and kept: the one after it learns from that."""
        settings = self.settings
        scratch = settings.start == "scratch"
        candidate = self._fresh(name) if scratch else before.clone()
        with turn.stage("sample") as watch:
            lessons: Sequence[TokenExample] = self._lessons(arm, generation, watch)
        if settings.members > 1:
            lessons = resampled(lessons, len(lessons), self.key("bag", name))
        epochs, rate = settings.epochs[0 if scratch else 1], BASE_RATE if scratch else settings.learning_rate
        objective = held(settings.kl) if arm == "anchored" else Objective()
        if settings.start == "dynamic" and arm != "fresh":
            batches = self._as_written(candidate, arm, name, max(1, len(lessons) // BATCH))
            bits = self._train(candidate, batches, max(1, len(lessons) // BATCH), epochs, rate, objective, turn)
        else:
            bits = self._learn(candidate, lessons, epochs, rate, objective, name, turn)
        turn.metrics["truth_bits_real"] = bits if arm == "fresh" else 0.0
        self._measure(candidate, arm, name, turn)
        return candidate

    def must_stop(self, arm: Arm, generation: int) -> bool:
        """Whether an anchored model has moved too far from real text to go on."""
        before = [row.metrics["real_loss"] for row in self._rows(arm, generation - 1)]
        if arm != "anchored" or self.settings.stop is None or not before:
            return False
        assert self.ledger.base is not None
        return float(np.mean(before)) - self.ledger.base.metrics["real_loss"] >= self.settings.stop

    def result(self) -> dict[str, Any]:
        """Every reading of every generation by arm, the first model's first, and what they come to."""
        assert self.ledger.base is not None
        readings: dict[str, list[dict[str, float]]] = {}
        for arm in self.settings.arms:
            readings[arm] = [dict(self.ledger.base.metrics)]
            for generation in range(1, self.settings.generations + 1):
                if rows := [row.metrics for row in self._rows(arm, generation)]:
                    readings[arm].append({name: float(np.mean([row[name] for row in rows])) for name in rows[0]})
        arms = [outcome(arm, found) for arm, found in readings.items()]
        told = [self.ledger.base.metrics, *(row.metrics for row in self.ledger.generations())]
        bits = sum(metrics.get("truth_bits_real", 0.0) for metrics in told)
        return {"arms": arms, "readings": readings, "sentence": in_words(arms),
                "truth_bits": {"real": bits}}

    def _fresh(self, name: str) -> Trainable:
        settings = self.settings
        return fresh_policy(self.text.pool, tokenizer=TOKENIZER, depth=settings.depth, context=2 * LONGEST,
                            seed=self.key("weights", name) % 2**31, device=settings.device, dtype=settings.dtype)

    def _learn(self, policy: Trainable, lessons: Sequence[TokenExample], epochs: int, rate: float,
               objective: Objective, name: str, turn: Turn) -> float:
        """Train a policy; returns the bits that the text told it in the first epoch."""
        batches = planned(lessons, self._plan(lessons, epochs, name))
        return self._train(policy, batches, len(batches), epochs, rate, objective, turn)

    def _train(self, policy: Trainable, batches: Iterable[Sequence[TokenExample]], steps: int, epochs: int, rate: float,
               objective: Objective, turn: Turn) -> float:
        with turn.stage("train") as watch:
            training = train(policy, batches, steps=steps, learning_rate=rate, objective=objective,
                             reference=self.base, watch=watch)
        turn.metrics |= training.losses | {"tokens_trained": float(training.tokens), "steps": float(training.steps)}
        return sum(training.surprise[:max(1, steps // epochs)]) / math.log(2)

    def _plan(self, lessons: Sequence[TokenExample], epochs: int, name: str) -> list[NDArray[np.int64]]:
        """Batches of any documents, not of those that are as long; within one they stand by length, to pad less."""
        batches = plan_batches([BATCH] * len(lessons), [], batch=BATCH, floor=0.0, epochs=epochs,
                               key=self.key("learn", name))
        lengths = np.array([len(lesson.tokens) for lesson in lessons])
        return [batch.own[np.argsort(lengths[batch.own], kind="stable")] for batch in batches]

    def _lessons(self, arm: Arm, generation: int, watch: Watch) -> list[TokenExample]:
        """What a generation of an arm learns from."""
        settings, real = self.settings, self._examples(self.real, "real")
        if arm == "fresh":
            new = self.text.new(len(real), generation - 1)
            return self._examples(self.scribe.real(new, LONGEST), "real")
        if arm not in self._first:
            self._first[arm] = self._examples(self._write(self.base, arm, "base", settings.documents, watch), "self")
        earlier = [self._first[arm], *(self._kept(arm, number) for number in range(1, generation))]
        if not earlier[-1]:
            raise ConfigError(f"something of what is written must be kept, got nothing before {arm} {generation}",
                              hint="raise verify")
        key = self.key("mix", arm, generation)
        if arm == "alone":
            return mixed(earlier[-1:], [], keeps="replace", share=0.0, key=key)
        return mixed([real, *earlier], real, keeps=settings.keeps, share=settings.real, key=key)

    def _kept(self, arm: Arm, generation: int) -> list[TokenExample]:
        """What a generation of an arm wrote."""
        return self.ledger.examples([row.index for row in self._rows(arm, generation)])

    def _rows(self, arm: Arm, generation: int) -> list[GenerationRow]:
        names = self.names(arm, generation)
        return [row for row in self.ledger.generations() if row.notes[0] in names]

    def _examples(self, documents: Sequence[Document], source: str) -> list[TokenExample]:
        return [self.scribe.example(document, source) for document in documents]

    def _as_written(self, policy: Trainable, arm: Arm, name: str, batches: int) -> Iterator[list[TokenExample]]:
        """Batches that the policy writes while it learns them, by length, so that less is padded; anchored, with real
        lessons among them."""
        share = self.settings.real if arm == "anchored" else 0.0
        real = self._examples(self.real, "real")
        for number in range(batches):
            own = self._examples(self._write(policy, arm, f"{name} batch {number}", BATCH), "self")
            lessons = mixed([own], real, keeps="replace", share=share, key=self.key("mix", name, number))
            yield sorted(lessons, key=lambda lesson: len(lesson.tokens))

    def _write(self, policy: Trainable, arm: Arm, name: str, count: int,
               watch: Watch = lambda done, total: None) -> list[Document]:
        """Documents by a policy, as those of the arm are written."""
        settings, known = self.settings, self.text.known
        good, bad = settings.verify if arm == "anchored" else (1.0, 1.0)
        manner = Manner(LONGEST, settings.temperature, settings.top_p, settings.prompted, settings.bias,
                        settings.revisions, good, bad, settings.beams)
        writing = Writing(policy, self.scribe, manner, real=self.text.pool, true=known.true if known else None)
        return writing(count, self.key("write", name), watch)

    def _measure(self, policy: Trainable, arm: Arm, name: str, turn: Turn) -> None:
        """What the policy writes, what is measured of it and of the policy, and a few documents to read."""
        with turn.stage("sample") as watch:
            written = self._write(policy, arm, name, self.settings.documents // self.settings.members, watch)
        with turn.stage("measure"):
            turn.metrics |= measured(policy, self.base, written, self.held_out, self.text.known,
                                     self.key("measure", name))
        turn.examples = self._examples(written, "self")
        turn.notes += [document.text for document in written[:PRINTED]]
        turn.told = f"loss on real text {turn.metrics['real_loss']:.3f}"
        if (distinct := turn.metrics.get("distinct_4")) is not None:
            turn.told += f", {distinct:.0%} of what it writes in four tokens is new"
