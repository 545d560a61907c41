"""Prefixes that were read, found again by their tokens: what they share is computed once.

A token's slot is found by the slot of the token before it and by the token itself, as in a tree of prefixes, so that
the longest known beginning of a prefix is the walk that it allows (RadixAttention, Zheng et al. 2024, with a page for
every token). Slots that were not used for longest are the first to be used anew.

Not covered: what was sampled. Its sums ran in another order, so a prefix that holds it is read, and every result stays
what it would be without the cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from pawl.models.decode import Prompts
from pawl.models.precision import written
from pawl.models.prefix_reading import Piece, SlotArray, Stored, read
from pawl.models.transformer import Transformer
from pawl.records import Evaluation, IntArray
from pawl.stages import count as count_tokens
from pawl.threads import one_thread_each

MOST_BYTES = 2**29
"""Of keys, values and hidden states; what finds them is some 200 bytes a token beside it."""
ROWS = 512
"""Prefixes whose logits are computed together."""
JOB_TOKENS = 128
"""From which new tokens are worth a thread of their own."""
ROOT = -1
"""The slot before a prefix."""


class PrefixCache:
    """What a model computed of prefixes, as long as its weights are what they were.

    Weights are taken as changed when a parameter is another tensor or was written to in place; only what is written
    through `.data` goes unseen.
    """

    def __init__(self, model: Transformer, *, most_bytes: int = MOST_BYTES) -> None:
        """Never fewer slots than the longest prefix needs."""
        self.model = model
        arch, size = model.arch, model.embed.weight.element_size()
        each = size * (2 * arch.num_layers * arch.num_kv_heads * arch.head_dim + arch.hidden_size)
        self.capacity = max(1, most_bytes // each)
        self.forget()

    def forget(self) -> None:
        """Everything."""
        self._weights = _weights(self.model)
        self._stored = Stored(self.model)
        self._slots: dict[tuple[int, int], int] = {}
        self._free: list[int] = []
        self._used = np.zeros(0, np.int64)
        """[slots] the call that last used each; 0 for a free one. No slot was used later than the one before it on
        its path: whatever is older than some call can go, and no path is torn."""
        self._calls = 0

    @property
    def num_bytes(self) -> int:
        return self._stored.num_bytes

    def unread(self, prefixes: Sequence[IntArray]) -> list[int]:
        """[P] tokens of each prefix that reading them all would forward now; what several share counts for the first.

        Where they do not fit together, each counts whole.
        """
        self._check_weights()
        lengths = [len(prefix) for prefix in prefixes]
        if sum(lengths) > self.capacity:
            return lengths
        counts, promised = [], dict[tuple[int, int], int]()
        for prefix in prefixes:
            slot, before = ROOT, len(promised)
            for token in prefix.tolist():
                known = self._slots.get((slot, token))
                slot = promised.setdefault((slot, token), ROOT - 1 - len(promised)) if known is None else known
            counts.append(len(promised) - before)
        return counts

    def parts(self, prefixes: Sequence[IntArray]) -> Iterator[slice]:
        """Prefixes, in their order, that fit together."""
        start, total = 0, 0
        for stop, prefix in enumerate(prefixes):
            if stop > start and total + len(prefix) > self.capacity:
                yield slice(start, stop)
                start, total = stop, 0
            total += len(prefix)
        if prefixes:
            yield slice(start, len(prefixes))

    def read(self, prefixes: Sequence[IntArray]) -> list[SlotArray]:
        """[P] slots of each prefix's tokens, which hold until the next call; what is new is computed now.

        The prefixes fit together.
        """
        self._check_weights()
        self.capacity = max(self.capacity, *map(len, prefixes))
        self._calls += 1
        paths = [np.empty(len(prefix), np.int64) for prefix in prefixes]
        known = [self._walk(prefix, path, 0) for prefix, path in zip(prefixes, paths, strict=True)]
        self._make_room(sum(len(path) - start for path, start in zip(paths, known, strict=True)))
        groups = self._place(prefixes, paths, known)
        try:
            self._compute(groups)
        except BaseException:
            self.forget()  # slots that have a place but no numbers
            raise
        return paths

    @torch.no_grad()
    def evaluate(self, prefixes: Sequence[IntArray]) -> Iterator[Evaluation]:
        """Next-token log-probabilities and value of each prefix, in their order."""
        for part in self.parts(prefixes):
            paths = self.read(prefixes[part])
            for start in range(0, len(paths), ROWS):
                chosen = paths[start : start + ROWS]
                hidden = self._stored.last_hidden(chosen)
                logprobs = self.model.unembed(hidden).float().log_softmax(-1).cpu().numpy()
                # One by one: the ends of a longer array would round otherwise than its middle.
                values = [float(value.sigmoid()) for value in self.model.value(hidden).float().cpu()[: len(chosen)]]
                yield from map(Evaluation, logprobs[: len(chosen)], values)

    def prompts(self, paths: Sequence[SlotArray]) -> Prompts:
        return self._stored.prompts(paths)

    def _check_weights(self) -> None:
        if _weights(self.model) != self._weights:
            self.forget()

    def _walk(self, prefix: IntArray, path: SlotArray, start: int) -> int:
        """How many tokens of a prefix have slots, which are written to its path from `start` on."""
        slot = int(path[start - 1]) if start else ROOT
        for place, token in enumerate(prefix[start:].tolist(), start):
            following = self._slots.get((slot, token))
            if following is None:
                break
            path[place] = slot = following
        else:
            place = len(prefix)
        self._used[path[start:place]] = self._calls
        return place

    def _place(self, prefixes: Sequence[IntArray], paths: Sequence[SlotArray], known: Sequence[int]
               ) -> list[list[Piece]]:
        """Slots for what is new, in groups of pieces of which none continues one of another group."""
        groups: list[list[Piece]] = []
        group_of: dict[int, int] = {}
        for prefix, path, start in zip(prefixes, paths, known, strict=True):
            start = self._walk(prefix, path, start)  # those before it in this call made slots too
            if start == len(prefix):
                continue
            slot = int(path[start - 1]) if start else ROOT
            group = group_of.get(slot, len(groups))
            for place, token in enumerate(prefix[start:].tolist(), start):
                path[place] = self._slots[slot, token] = self._free.pop()
                slot = int(path[place])
                group_of[slot] = group
            self._used[path[start:]] = self._calls
            if group == len(groups):
                groups.append([])
            groups[group].append(Piece(prefix, path, start))
        return groups

    def _compute(self, groups: Sequence[Sequence[Piece]]) -> None:
        threads = torch.get_num_threads() if self.model.device.type == "cpu" else 1
        total = sum(len(piece.slots) - piece.start for group in groups for piece in group)
        jobs, size = list[list[Piece]](), 0
        for group in groups:
            if not jobs or size >= max(JOB_TOKENS, total / threads):
                jobs.append([])
                size = 0
            jobs[-1] += group
            size += sum(len(piece.slots) - piece.start for piece in group)
        one_thread_each(lambda pieces: read(self.model, self._stored, pieces), jobs, threads)
        count_tokens(self.model.named_parameters, read=total)

    def _make_room(self, slots: int) -> None:
        """So many free slots."""
        if slots > len(self._free):
            now = len(self._used)
            more = min(self.capacity, max(2 * now, now + slots - len(self._free)))
            if more > now:
                self._stored.grow(more)
                self._free += range(more - 1, now - 1, -1)
                self._used = np.pad(self._used, (0, more - now))
        if slots > len(self._free):
            self._free_oldest(slots - len(self._free))

    def _free_oldest(self, slots: int) -> None:
        """So many slots and a quarter of all, but none that this call uses."""
        ages = np.sort(self._used[self._used > 0])
        until = min(ages[min(len(ages), max(slots, len(ages) // 4)) - 1], self._calls - 1)
        gone = (self._used > 0) & (self._used <= until)
        self._slots = {place: slot for place, slot in self._slots.items() if not gone[slot]}
        self._free += np.flatnonzero(gone)[::-1].tolist()
        self._used[gone] = 0


def _weights(model: Transformer) -> list[tuple[int, int]]:
    """What tells that weights were written to."""
    return [written(parameter) for parameter in model.parameters()]
