"""A policy step against TRL: sample, score and train against `GRPOTrainer`, the training half against `SFTTrainer`.

Both sides begin with the same weights, a small model that read some random play of Countdown; they are given the same
problems and the same truth, and make one optimiser step on all that was sampled. Where lengths are forced, no token
ends a completion and both sides sample and learn the same number of tokens; where they are not, completions end as the
model would have it, and both make as many of them.

A step of Pawl's is a generation of expert iteration in small: play, judge, examples, weighted likelihood with the
distance to a reference, on every sixteenth row, where TRL has its KL term. TRL's advantages, its clipped ratios and its
metrics, and Pawl's log-probabilities of what was sampled and its Muon, are each side's own.

Not covered: how soon either learns; see `time_to_accuracy.py`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pawl.bench.pairs import TurnAbout, Work, precisions
from pawl.bench.trl_peers import can_compile, grpo, need_trl, sft
from pawl.interfaces import Judge
from pawl.judges.truth import truth
from pawl.learning.objective import Objective
from pawl.learning.train import Training, planned, train
from pawl.models.opening import open_policy
from pawl.models.policy import TransformerPolicy
from pawl.play import play
from pawl.recipes.base_model import make_base, real_data
from pawl.recipes.countdown import Settings
from pawl.records import Problem, Sampling, TokenExample
from pawl.selection.examples import chosen_examples
from pawl.tasks.countdown import Countdown

RATE = 1e-6
"""Step size of both: so small that the last turn does what the first did."""
BASE = Settings(base_steps=40)
"""The model: Countdown's, after a short look at real text."""


@dataclass(frozen=True, slots=True)
class Load:
    """What either side is asked to do in a step."""

    prompts: int = 32
    completions: int = 8
    """Of each prompt."""
    new_tokens: int = 32
    """Of each completion; at most, where lengths are not forced."""
    forced: bool = True
    kl: float = 0.0
    """Weight of the distance to the model at the start."""
    train_steps: int = 4
    """Of the training half, in a turn."""

    @property
    def attempts(self) -> int:
        return self.prompts * self.completions

    @property
    def size(self) -> str:
        return f"{self.prompts}x{self.completions}x{self.new_tokens}{'' if self.forced else ' at most'}"


WHOLE = (Load(), Load(kl=0.01), Load(new_tokens=16, forced=False))
HALF = (Load(),)


def run(repeats: int = 7, dtypes: Sequence[str] = (), whole: Sequence[Load] = WHOLE, half: Sequence[Load] = HALF,
        base: Settings = BASE, compiled: bool | None = None) -> list[dict[str, Any]]:
    """A row for each precision and load: attempts (or, of the training half, tokens) per second over TRL's, median and
    range over the pairs. Raises MissingExtraError where TRL is not installed.

    Without `dtypes`: float32, and bfloat16 where the machine has units for it. `compiled`: whether the peer's model is
    made faster by `torch.compile`; if not said, where that can be.
    """
    need_trl("pawl bench policy-step")
    task = Countdown()
    policy, made = make_base(task, real_data(task, base), base, lambda done, total: None)
    with tempfile.TemporaryDirectory() as directory:
        policy.save(Path(directory))
        side = Sides(Path(directory), task, repeats, can_compile() if compiled is None else compiled)
        return [{"name": "policy-step", "size": f"{load.size} {dtype}", "parameters": made["parameters"]} | row
                for dtype in dtypes or precisions()
                for load, row in [*((load, side.whole(load, dtype)) for load in whole),
                                  *((load, side.half(load, dtype)) for load in half)]]


def policy_step(policy: TransformerPolicy, reference: TransformerPolicy, judge: Judge, problems: Sequence[Problem],
                load: Load) -> tuple[int, Training]:
    """Attempts that the policy learnt from, and how: all that could be judged, in one optimiser step."""
    attempts = play(policy, problems, load.completions, sampling=Sampling(load.new_tokens), key=0)
    judged = [place for place, verdict in enumerate(judge(attempts)) if verdict.score is not None]
    examples = chosen_examples(attempts, judged)
    training = train(policy, [examples], learning_rate=RATE,
                     objective=Objective(kl=load.kl), reference=reference)
    return len(examples), training


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides of a comparison, from one checkpoint."""

    checkpoint: Path
    task: Countdown
    repeats: int
    compiled: bool
    """Whether the peer's model is."""

    def whole(self, load: Load, dtype: str) -> dict[str, Any]:
        """Sample, score and train."""
        turns = TurnAbout(self.step(load, dtype), work=load.attempts, repeats=self.repeats)
        trainer = self.grpo(load, dtype, turns)
        trainer.train()
        peer = self.named("TRL GRPOTrainer") + ", both with KL" * (load.kl > 0)
        return {"peer": peer, "unit": "attempts per second, Pawl over peer"} | turns.compared()

    def half(self, load: Load, dtype: str) -> dict[str, Any]:
        """Train alone."""
        examples = self.examples(load)
        work = sum(len(example.tokens) for example in examples)
        turns = TurnAbout(self.training(examples, load, dtype), work=work, repeats=self.repeats, calls=load.train_steps)
        trainer = sft(self.checkpoint, [*examples] * (turns.calls // load.train_steps), turns, dtype=dtype,
                      torch_compile=self.compiled,
                      per_device_train_batch_size=load.attempts, learning_rate=RATE, max_steps=turns.calls)
        trainer.train()
        assert trainer.state.log_history[-1]["num_tokens"] == work * turns.calls // load.train_steps
        return {"peer": self.named("TRL SFTTrainer"), "unit": "tokens per second, Pawl over peer"} | turns.compared()

    def named(self, peer: str) -> str:
        return peer + ", compiled" * self.compiled

    def step(self, load: Load, dtype: str) -> Work:
        """A policy step by Pawl on the next problems, which returns how many attempts it learnt from."""
        policy = self.policy(load, dtype)
        reference, judge, batches = policy.clone(), truth(self.task), iter(self.problems(load))
        return lambda: policy_step(policy, reference, judge, next(batches), load)[0]

    def grpo(self, load: Load, dtype: str, turns: TurnAbout) -> Any:
        """A policy step by TRL on the next problems, turn about."""
        problems = [problem for batch in self.problems(load) for problem in batch]
        return grpo(self.checkpoint, self.task, problems, turns, dtype=dtype, torch_compile=self.compiled,
                    shuffle_dataset=False, beta=load.kl,
                    num_generations=load.completions, per_device_train_batch_size=load.attempts, learning_rate=RATE,
                    max_completion_length=load.new_tokens, max_steps=turns.calls,
                    generation_kwargs={"min_new_tokens": load.new_tokens} if load.forced else None)

    def training(self, examples: Sequence[TokenExample], load: Load, dtype: str) -> Work:
        """Training by Pawl, which returns how many tokens it read."""
        policy = self.policy(load, dtype)
        plan = np.arange(len(examples)).reshape(load.train_steps, -1)
        return lambda: train(policy, planned(examples, plan), learning_rate=RATE, objective=Objective()).tokens

    def examples(self, load: Load) -> list[TokenExample]:
        """What the model samples at the first problems: a turn of the training half."""
        problems = [problem for batch in self.problems(load)[: load.train_steps] for problem in batch]
        attempts = play(self.policy(load, "float32"), problems, load.completions, sampling=Sampling(load.new_tokens),
                        key=0)
        return chosen_examples(attempts, range(len(attempts)))

    def policy(self, load: Load, dtype: str) -> TransformerPolicy:
        """The model at the start."""
        policy = open_policy(self.checkpoint, dtype=dtype)
        assert isinstance(policy, TransformerPolicy)
        if load.forced:
            policy.tokenizer.end_ids = ()
        return policy

    def problems(self, load: Load) -> list[list[Problem]]:
        """Of each turn."""
        turns = max(self.repeats + 2, load.train_steps)
        problems = self.task.problems("train", turns * load.prompts, 0)
        return [problems[turn * load.prompts : (turn + 1) * load.prompts] for turn in range(turns)]
