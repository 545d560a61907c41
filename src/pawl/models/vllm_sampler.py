"""A policy whose completions vLLM draws (extra `vllm`); everything else is the policy's own.

Weights go to the engine in memory whenever they are not what it was last given; all policies of an architecture share
one engine. That a sampler has other weights than the policy, or computes other numbers from them, shows in no
completion and spoils what is learnt. So it is checked whenever weights went over and after every `CHECKED_EVERY`
completions: what the engine holds is read back and hashed, and some of what it drew is scored again by the policy in
float32. Beside that the distance is a meter of every generation (`sampler_gap`).

Each request has a seed of its own, made from its key. vLLM draws the same again on the same GPU, in the same version,
with the same requests beside it; with others its logits round otherwise, unless the environment has
VLLM_BATCH_INVARIANT=1. So a run is a function of its seed, and a row not one of its key alone, as with Pawl's own.

Not covered: stop strings within vLLM, which decodes no text here: a row goes on to its last token and is cut
afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from weakref import WeakValueDictionary

import numpy as np
import torch
from torch import Tensor

from pawl.errors import SamplerError
from pawl.models.around import Around
from pawl.models.checkpoint import flat, hf_views
from pawl.models.hf_policy import HFPolicy
from pawl.models.policy import TransformerPolicy
from pawl.models.precision import written
from pawl.models.scoring import before_stop, stops_now
from pawl.models.vllm_engine import Drawn, Engine
from pawl.models.weight_hash import weight_hash
from pawl.records import Completion, IntArray, KeyArray, Sampling
from pawl.stages import count as count_tokens

CHECKED_EVERY, CHECKED = 4096, 32
"""Completions from one check to the next, and how many of them are scored again."""
BOUNDS = {torch.float32: 0.02, torch.bfloat16: 0.05}
"""Nats a token that the engine's log-probabilities may lie from the policy's in float32, on average, by the engine's
precision."""


class VLLMSampler(Around):
    """All but `propose`, which is vLLM's, is the policy's."""

    policy: TransformerPolicy | HFPolicy

    def __init__(self, policy: TransformerPolicy | HFPolicy) -> None:
        """With the engine of its architecture and precision. Raises MissingExtraError without vLLM."""
        super().__init__(policy)
        self.engine = engine_of(policy)
        self.unchecked = CHECKED_EVERY
        """Completions drawn since the last check."""

    def propose(
        self, prefixes: Sequence[IntArray], count: int, *, sampling: Sampling, keys: KeyArray
    ) -> list[list[Completion]]:
        """Raises SamplerError when vLLM has other weights or computes other numbers than the policy."""
        self._hand_over()
        whole = [prefix for prefix in prefixes for _ in range(count)]
        seeds = [int(key) for key in (keys >> np.uint64(1)).flatten()]  # 63 bits, as torch's generators take them
        drawn = self.engine.draw(whole, seeds, sampling, self.policy.tokenizer.end_ids) if whole else []
        self._check(whole, drawn)
        count_tokens(self.named_parameters, read=sum(map(len, prefixes)), sampled=sum(len(row.tokens) for row in drawn))
        rows = [self._completion(row, sampling) for row in drawn]
        return [rows[first : first + count] for first in range(0, len(rows), count)]

    def _hand_over(self) -> None:
        """The engine has the policy's weights, and has been seen to."""
        state = [written(parameter) for _, parameter in self.named_parameters()]
        known = self.engine.has(self.policy, state)
        if known and self.unchecked < CHECKED_EVERY:
            return
        if not known:
            self.engine.hand_over(self.policy, state, weights_of(self.policy))
        ours = weight_hash((part for _, part in weights_of(self.policy)), self.engine.dtype)
        theirs = self.engine.held()
        if ours != theirs:
            when = "since when they changed" if known else "just now"
            raise SamplerError(
                f"vLLM must hold the policy's weights, whose hash is {ours}, got {theirs}: they went to it {when}",
                hint="device = 'cuda' samples without vLLM, whose loader may not know this architecture; "
                     "what writes to weights through .data goes unseen")
        self.unchecked = CHECKED_EVERY

    def _check(self, prefixes: Sequence[IntArray], drawn: Sequence[Drawn]) -> None:
        """That the policy says of some of what was drawn what the engine said of it."""
        if self.unchecked >= CHECKED_EVERY:
            chosen = range(0, len(drawn), max(1, len(drawn) // CHECKED))[:CHECKED]
            if not chosen:
                return
            exact = self.policy.logprobs([prefixes[i] for i in chosen], [drawn[i].tokens for i in chosen])
            gap = float(np.abs(np.concatenate([drawn[i].logprobs for i in chosen]) - np.concatenate(exact)).mean())
            bound = BOUNDS[self.engine.dtype]
            if not gap <= bound:
                raise SamplerError(
                    f"vLLM's log-probabilities must lie within {bound} nats a token of the policy's, on average, got "
                    f"{gap:.4f} on {len(chosen)} completions: the weights are the same, so it computes otherwise",
                    hint="device = 'cuda' samples without vLLM; another version of it, or dtype 'float32', may agree")
            self.unchecked = 0
        self.unchecked += len(drawn)

    def _completion(self, row: Drawn, sampling: Sampling) -> Completion:
        """What was drawn, up to the token that completes a stop string."""
        tokens, tokenizer = row.tokens, self.policy.tokenizer
        length = len(tokens)
        if sampling.stop:
            ends = (end for end in range(1, length) if stops_now(tokens[:end], sampling.stop, tokenizer))
            length = next(ends, length)
        kept = tokens[:length]
        ended = length < len(tokens) or int(kept[-1]) in tokenizer.end_ids or stops_now(kept, sampling.stop, tokenizer)
        return Completion(before_stop(tokenizer.decode(kept), sampling.stop), kept, row.logprobs[:length],
                          "stop" if ended else "length")

    def clone(self) -> VLLMSampler:
        return VLLMSampler(self.policy.clone())


_engines: WeakValueDictionary[tuple[str, torch.dtype], Engine] = WeakValueDictionary()
"""A GPU has room for one of an architecture; it goes with the last policy that draws by it."""


def engine_of(policy: TransformerPolicy | HFPolicy) -> Engine:
    """The engine of a policy's architecture, in its precision; a new one where there is none."""
    if isinstance(policy, TransformerPolicy):
        architecture = repr(policy.model.arch)
    else:
        architecture = policy.model.causal.config.to_json_string()
    kind = architecture, policy.model.precision
    engine = _engines.get(kind)
    if engine is None:
        engine = _engines[kind] = Engine(policy.model.precision)
    return engine


def weights_of(policy: TransformerPolicy | HFPolicy) -> Iterator[tuple[str, Tensor]]:
    """What a checkpoint has of a policy but the value head, under its Hugging Face names."""
    if isinstance(policy, TransformerPolicy):
        yield from ((name, flat(view).detach()) for name, view in hf_views(policy.model).items())
    else:
        yield from ((name, weight.detach()) for name, weight in policy.model.causal.named_parameters())
