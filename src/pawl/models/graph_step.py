"""A decoding step on buffers that stay where they are, so that a GPU can record it once and replay it for every token.

Launching a few hundred small kernels one by one takes the processor longer than they take a GPU. A CUDA graph launches
them all at once, but always the same ones at the same addresses: so the cache has all of its room from the beginning,
what is not written yet is masked instead of left out, and the step's number is a tensor. The same step unrecorded is
what a CPU does where no compiled loops fit. Letters as in `decode.py`.

Not covered: drawing tokens, which the processor must see after each step in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pawl.models.rope import rotate
from pawl.models.transformer import Transformer

Caches = Sequence[tuple[Tensor, Tensor, Tensor, Tensor]]
"""Of each layer: prompt keys and values [P, G, S, D], keys and values [P, G, T, K, D] with room for T tokens."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What a GPU was seen to do."""

    graph: torch.cuda.CUDAGraph
    result: Tensor
    """Where each replay writes what came of it."""


def records(device: torch.device) -> bool:
    """Whether steps can be recorded on a device."""
    return device.type == "cuda"


def record(work: Callable[[], Tensor], earlier: Recording | None) -> Recording:
    """Work as a recording, which has not been done yet; in the memory of an earlier one, which is not replayed again.

    The work must have been done once before: libraries make what they need on their first call, and cannot while they
    are recorded.
    """
    graph = torch.cuda.CUDAGraph()
    # An error for what this thread does alone: another one, a profile's say, may ask the GPU for memory meanwhile.
    with torch.cuda.graph(graph, pool=earlier.graph.pool() if earlier else None, capture_error_mode="thread_local"):
        result = work()
    return Recording(graph, result)


class GraphStep:
    """Advances R rows by a token, again and again: the first time as it is, then, on a GPU, by a recording of it."""

    def __init__(self, model: Transformer, lengths: Tensor, rotations: Tensor, caches: Caches,
                 before: GraphStep | None = None) -> None:
        """lengths [P] of the prompts; rotations [positions, D/2] of all positions that there is room for; caches, which
        are written to. `before` is the step of the grid that this one came from, if there was one."""
        prompts, _, room, count, _ = caches[0][2].shape
        device = lengths.device
        self.model, self.lengths, self.rotations, self.caches = model, lengths, rotations, caches
        self.tokens = torch.zeros(prompts * count, dtype=torch.long, device=device)
        self.position = torch.zeros(1, dtype=torch.long, device=device)
        self.places = torch.arange(room, device=device)
        width = caches[0][1].shape[2]
        self.padding = (torch.arange(width, device=device) >= lengths[:, None])[:, None, None]
        self.recording: Recording | None = None
        # Memory is given on from recording to recording; it is gone as soon as none is left that holds it.
        self.earlier: Recording | None = (before.recording or before.earlier) if before else None
        self.begun = False

    def advance(self, tokens: Tensor, step: int) -> Tensor:
        """Logits [R, V] after each row's newest token [R], which is the `step`-th of its completion; the next call may
        write over them."""
        self.tokens.copy_(tokens)
        self.position.fill_(step)
        if self.recording is None:
            if not self.begun or not records(self.lengths.device):
                self.begun = True
                return self.logits(self.tokens, self.position)
            self.recording = record(lambda: self.logits(self.tokens, self.position), self.earlier)
            self.earlier = None
        self.recording.graph.replay()
        return self.recording.result

    def logits(self, tokens: Tensor, position: Tensor) -> Tensor:
        """[R, V], from tokens [R] and a position [1]: nothing in it depends on a number that Python would have to
        know."""
        model, unseen = self.model, self.places > position
        turns = self.rotations[self.lengths + position]
        x = model.embed(tokens)
        for block, cache in zip(model.layers(), self.caches, strict=True):
            heads = block.attention.heads(block.attention_norm(x))
            x = x + block.attention.out(self._mix(heads, turns, position, unseen, cache))
            x = x + block.mlp(block.mlp_norm(x))
        return model.unembed(model.norm(x))

    def _mix(self, heads: Tensor, turns: Tensor, position: Tensor, unseen: Tensor,
             cache: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
        """What the newest tokens gather [R, H * D]; their keys and values enter the cache.

        heads [R, H + 2 * G, D]; complex turns [P, D/2]; unseen [T].
        """
        prompt_keys, prompt_values, keys, values = cache
        prompts, groups, _, count, dim = keys.shape
        number, width = heads.shape[1] // groups - 2, prompt_values.shape[2]
        turned, new_values = heads.unflatten(0, (prompts, count)).split((groups * number + groups, groups), dim=2)
        q, k = rotate(turned, turns[:, None]).split((groups * number, groups), dim=2)
        keys.index_copy_(2, position, k.transpose(1, 2).unsqueeze(2))
        values.index_copy_(2, position, new_values.transpose(1, 2).unsqueeze(2))
        # From [P, K, G * N, D] to [P, G, K, N, D]: what a key/value head needs lies together.
        q = (q * dim**-0.5).unflatten(2, (groups, number)).transpose(1, 2).contiguous()

        to_prompt = (q.flatten(2, 3) @ prompt_keys.mT).masked_fill(self.padding, float("-inf"))
        to_own = (q @ keys.transpose(2, 3).mT).masked_fill(unseen, float("-inf"))
        weights = torch.cat((to_prompt.unflatten(2, (count, number)), to_own), dim=-1).softmax(-1)
        mixed = (weights[..., :width].flatten(2, 3) @ prompt_values).view_as(q)
        mixed = mixed + weights[..., width:] @ values.transpose(2, 3)
        return mixed.transpose(1, 2).reshape(prompts * count, -1)
