"""The settings of expert iteration, shared by the recipes that are this loop with other defaults."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from pawl.config import settings
from pawl.gate.spending import check_alpha
from pawl.learning.objective import Distance, Objective

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Weight = Annotated[float, Field(ge=0)]
Kl = float | tuple[Distance, float]
"""The weight of the distance to a reference, or which distance and its weight; that of the policy from it by itself."""


def held(kl: Kl) -> Objective:
    """The likelihood, held by a distance."""
    distance, weight = kl if isinstance(kl, tuple) else ("reverse", kl)
    return Objective(kl=weight, distance=distance)


@settings
class Settings:
    """Every key of the recipe."""

    seed: int = 0
    """Names every random stream of the run."""
    model: str = ""
    """Checkpoint directory or Hugging Face name of the base; empty trains one from scratch on the task's corpus."""
    tokenizer: str = "bpe-1024"
    """For a model from scratch: `char`, or `bpe-SIZE` for byte-level pairs."""
    depth: Annotated[int, Field(ge=1, le=64)] = 4
    """Size of a model from scratch: layers, each 32 times as wide."""
    base_steps: Count = 200
    """Batches of real text from which a model from scratch becomes the base."""
    generations: Count = 6
    """Turns of the loop."""
    problems: Count = 2000
    """Train problems attempted in a generation, unsolved ones first."""
    attempts: Count = 8
    """Attempts at each of them."""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    """Of the attempts."""
    max_tokens: Count = 256
    """Longest attempt, in tokens."""
    stop: tuple[str, ...] = ()
    """Strings that end an attempt."""
    keep: Count = 4
    """Distinct right attempts learnt from, at most, at a problem."""
    start: Literal["champion", "base"] = "champion"
    """What a candidate's training starts from: continue from the champion or restart from the base."""
    failures: Literal["discard", "relabel"] = "discard"
    """What the policy makes of failed attempts: nothing, or right attempts at the problems that they happen to solve.
    The value learns from them in any case."""
    replay: Count = 8
    """Generations whose examples are learnt from."""
    epochs: Count = 3
    """Times a generation's training sees each example."""
    batch: Count = 128
    """Examples in a training batch."""
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    """Peak step size of a generation; none is 0.005 for a model from scratch and 0.00002 for a checkpoint."""
    kl: Weight | tuple[Distance, Weight] = 0.01
    """Weight of the distance to the frozen base in the loss; forward,0.01 or k3,0.01 for another distance."""
    real_floor: Share = 0.05
    """Least share of real data in every batch."""
    gate_problems: Count = 800
    """Problems of a contest, at most; none is used twice."""
    alpha: Annotated[float, Field(gt=0, le=1)] = 0.05
    """Chance of any false promotion in the whole run, at most; 1 promotes every candidate."""
    test_problems: Count = 1000
    """Held-out problems of the final report, at most."""
    device: str = "auto"
    """cpu, cuda, auto, or vllm: a GPU on which vLLM draws the attempts."""
    dtype: Literal["auto", "float32", "bfloat16"] = "float32"
    """Precision of matrix products; weights are float32. auto is bfloat16 where the machine has units for it."""

    lora: ClassVar[int] = 0
    """Rank of the small matrices that learn in place of all weights; 0 is none."""

    def __post_init__(self) -> None:
        if self.alpha < 1:
            check_alpha(self.alpha)

    @property
    def step_size(self) -> float:
        """The learning rate, settled."""
        return self.learning_rate or (2e-5 if self.model else 5e-3)
