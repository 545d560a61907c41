"""TRL's trainers on a checkpoint of Pawl's: unmodified, and as fast on a CPU as was found.

Nothing is saved, reported or logged on the way, activations are kept instead of computed again (TRL's default is to
compute them again), and the optimiser is the fused AdamW. LOG.md has what else was tried: static caches, continuous
batching, sequences without padding, smaller batches that add up, none of which is faster. Whether `torch.compile` pays
is for the benchmark to say: it makes steps up to a fifth faster, after 4 to 25 seconds.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pawl.errors import MissingExtraError
from pawl.interfaces import Task
from pawl.records import Problem, TokenExample

AfterStep = Callable[[], bool | None]
"""Called after each optimiser step; ends the training where it says so."""


def need_trl(what: str) -> None:
    """Makes TRL ready and quiet. Raises MissingExtraError where it is not installed."""
    try:
        import datasets
        import trl  # noqa: F401 - only that it is there
        from transformers.utils import logging
    except ModuleNotFoundError as error:
        raise MissingExtraError(what, "bench") from error
    logging.disable_progress_bar()
    datasets.disable_progress_bars()


def can_compile() -> bool:
    """Whether there is the compiler that `torch.compile` needs on a CPU."""
    return shutil.which(os.environ.get("CXX", "g++")) is not None


def grpo(checkpoint: Path, task: Task, problems: Sequence[Problem], after_step: AfterStep, *, dtype: str,
         **settings: Any) -> Any:
    """A `GRPOTrainer` on problems, whose reward is the truth."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    by_prompt = {problem.prompt: problem for problem in problems}

    def truth(prompts: list[str], completions: list[str], **_: Any) -> list[float]:
        return [task.score(by_prompt[prompt], completion) for prompt, completion in zip(prompts, completions,
                                                                                       strict=True)]

    rows = Dataset.from_dict({"prompt": list(by_prompt)})
    config = GRPOConfig(**_common(checkpoint, dtype) | settings)
    return _quiet(GRPOTrainer(str(checkpoint), truth, config, rows, callbacks=[_callback(after_step)]))


def sft(checkpoint: Path, examples: Sequence[TokenExample], after_step: AfterStep, *, dtype: str,
        **settings: Any) -> Any:
    """An `SFTTrainer` on examples in their order, of whose tokens it learns those that have a weight."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    rows = Dataset.from_list([{
        "input_ids": example.tokens.tolist(),
        "labels": [token if weight else -100 for token, weight in zip(example.tokens.tolist(), example.weights,
                                                                      strict=True)],
    } for example in examples])
    config = SFTConfig(**_common(checkpoint, dtype) | {"max_length": None, "train_sampling_strategy": "sequential"}
                       | settings)
    return _quiet(SFTTrainer(str(checkpoint), config, train_dataset=rows, callbacks=[_callback(after_step)]))


def _common(checkpoint: Path, dtype: str) -> dict[str, Any]:
    """Settings that both trainers share. `bfloat16` is mixed: the weights stay float32, as in TRL's own default."""
    return {
        "output_dir": str(checkpoint / "trl"), "use_cpu": True, "bf16": dtype == "bfloat16",
        "optim": "adamw_torch_fused", "gradient_checkpointing": False, "dataloader_pin_memory": False,
        "report_to": "none", "save_strategy": "no", "logging_strategy": "no", "disable_tqdm": True,
    }


def _callback(after_step: AfterStep) -> Any:
    from transformers import TrainerCallback

    class AfterEachStep(TrainerCallback):  # type: ignore[misc]  # seen as Any: its package may be missing
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if after_step():
                control.should_training_stop = True

    return AfterEachStep()


def _quiet(trainer: Any) -> Any:
    """The trainer without what prints its last log to stdout."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    return trainer
