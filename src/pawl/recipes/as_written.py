"""Lessons that a policy writes while it learns them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from pawl.records import TokenExample

BATCH = 64
"""Documents in a training batch."""


class AsWritten(Sequence[TokenExample]):
    """Lessons that are written when the training comes to them, a batch after the other."""

    def __init__(self, batch: Callable[[int], list[TokenExample]], batches: int) -> None:
        self._batch, self._batches = batch, batches
        self._number, self._now = -1, list[TokenExample]()

    def __len__(self) -> int:
        return self._batches * BATCH

    def plan(self) -> list[NDArray[np.int64]]:
        """The batches in their order."""
        return list(np.arange(len(self)).reshape(-1, BATCH))

    @overload
    def __getitem__(self, place: int) -> TokenExample: ...
    @overload
    def __getitem__(self, place: slice) -> list[TokenExample]: ...
    def __getitem__(self, place: int | slice) -> TokenExample | list[TokenExample]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        number, within = divmod(int(place), BATCH)
        if number != self._number:
            # By length, so that less is padded.
            self._number, self._now = number, sorted(self._batch(number), key=lambda each: len(each.tokens))
        return self._now[within]
