"""The base: a policy from a checkpoint, or one that learns the task's real text from scratch.

Also the real data that anchors every later batch, and the held-out real text on which its loss is measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from pawl.errors import ConfigError
from pawl.interfaces import Corpus, Task, Trainable
from pawl.keys import stream
from pawl.learning.objective import Objective
from pawl.learning.train import planned, train
from pawl.meters.truth_bits import surprisal_bits
from pawl.models.opening import fresh_policy, open_policy, sampled_by
from pawl.recipes.settings import Settings
from pawl.records import Demonstration, IntArray, TokenExample
from pawl.search.steps import text_of
from pawl.selection.anchor import plan_batches
from pawl.selection.examples import demonstration_examples

BASE_RATE = 1e-2
"""Peak step size of a base from scratch."""
HELD_OUT = 256
"""Texts kept back, a tenth at most, to measure the loss on real text."""


@dataclass(frozen=True, slots=True)
class RealData:
    """Demonstrations of a task, in the order in which the task gave them; no text is in both lists."""

    pool: list[Demonstration]
    held_out: list[Demonstration]


def real_data(task: Task, settings: Settings) -> RealData:
    """What the task has of real text; nothing when it has none.

    Held out are the texts that the task gave last for the first time, once each. A text that came often is learnt.
    """
    if not isinstance(task, Corpus):
        return RealData([], [])
    found = task.corpus(settings.base_steps * settings.batch + HELD_OUT, settings.seed)
    distinct: dict[str, Demonstration] = {}
    for demonstration in found:
        distinct.setdefault(_text(demonstration), demonstration)
    kept = min(HELD_OUT, len(distinct) // 10)
    held_out = dict(list(distinct.items())[len(distinct) - kept :])
    return RealData([each for each in found if _text(each) not in held_out], list(held_out.values()))


def encoded(policy: Trainable, demonstrations: list[Demonstration]) -> list[TokenExample]:
    """Examples of real text, cut where the policy's context ends; those whose prompt alone fills it are left out, and
    of a text without a prompt the first token, which nothing foretells, is the prompt."""
    pairs = (_begun(*policy.encode_demonstration(demonstration)) for demonstration in demonstrations)
    return demonstration_examples((prompt, completion[: policy.context - len(prompt)]) for prompt, completion in pairs
                                  if len(prompt) < policy.context and len(completion))


def _begun(prompt: IntArray, completion: IntArray) -> tuple[IntArray, IntArray]:
    """Prompt and completion, the prompt of a token at least."""
    return (prompt, completion) if len(prompt) else (completion[:1], completion[1:])


def make_base(task: Task, real: RealData, settings: Settings,
              watch: Callable[[int, int], None]) -> tuple[Trainable, dict[str, float]]:
    """The base and what its making measured. Raises ConfigError when there is nothing to make it from."""
    if settings.model:
        base = open_policy(settings.model, device=settings.device, dtype=settings.dtype, adapts=settings.lora > 0)
        bits = _surprisal(base, encoded(base, real.pool)) if real.pool else 0.0
        return base, {"truth_bits_real": bits}
    if not real.pool:
        raise ConfigError(f"task {task.name!r} must have a corpus for a model from scratch to learn from",
                          hint="give the task a corpus, or name a checkpoint with --model")
    texts = [_text(demonstration) for demonstration in real.pool]
    fresh = fresh_policy(texts, tokenizer=settings.tokenizer, depth=settings.depth, context=_context(real, settings),
                         seed=stream(settings.seed, "weights"), device=settings.device, dtype=settings.dtype)
    base = sampled_by(fresh, settings.device)  # as when it is opened again
    examples = encoded(base, real.pool)
    if not examples:
        raise ConfigError(f"a prompt of the corpus must be shorter than {base.context} tokens, all are longer",
                          hint="a tokenizer such as bpe-4096 makes texts shorter; a larger max_tokens makes room")
    lengths = [len(example.tokens) for example in examples]
    epochs = math.ceil(settings.base_steps * settings.batch / len(examples))
    batches = plan_batches(lengths, [], batch=settings.batch, floor=0.0, epochs=epochs,
                           key=stream(settings.seed, "base"))
    plan = [batch.own for batch in batches[: settings.base_steps]]
    training = train(base, planned(examples, plan), learning_rate=BASE_RATE, objective=Objective(), watch=watch)
    # What the text told when it was new: a second epoch tells nothing more.
    nats = sum(training.surprise[: math.ceil(len(examples) / settings.batch)])
    return base, training.losses | {"tokens_trained": training.tokens, "truth_bits_real": nats / math.log(2),
                                    "parameters": sum(p.numel() for _, p in base.named_parameters())}


def _surprisal(policy: Trainable, examples: list[TokenExample]) -> float:
    return surprisal_bits(policy.logprobs([example.tokens[: example.prompt_length] for example in examples],
                                          [example.tokens[example.prompt_length :] for example in examples]))


def _text(demonstration: Demonstration) -> str:
    return text_of(demonstration.prompt) + demonstration.completion


def _context(real: RealData, settings: Settings) -> int:
    """Tokens: room for the longest text at a token a character or, where texts are long, 1,024 in all.

    A character of several bytes may be several tokens; a text that is too long for that is cut.
    """
    longest = max(len(_text(demonstration)) for demonstration in real.pool)
    return max(settings.max_tokens + 64, min(1024, longest + settings.max_tokens))
