"""What a generation learns from when models learn from models: own text, earlier text, real text.

Replaced text has a fixed size; accumulated text grows, and its training with it; a sample of what has accumulated has
the size of what is replaced (Gerstgrasser et al. 2024; Kazdan et al. 2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from pawl.errors import ConfigError
from pawl.keys import permutation, stream
from pawl.records import TokenExample

Keeps = Literal["replace", "accumulate", "subsample"]
"""What becomes of the text of earlier generations, the first real one included: it is replaced by the last one's, kept
beside it, or kept to draw from."""

Texts = Sequence[TokenExample]


def mixed(generations: Sequence[Texts], real: Texts, *, keeps: Keeps, share: float, key: int) -> list[TokenExample]:
    """The examples of a training: `generations` are what was written, oldest first and the real text of the beginning
    first of all; `share` of what is learnt is `real` instead, from which nothing is drawn again before all was.

    Raises ConfigError where there is no real text for its share.
    """
    size = len(generations[-1])
    pool = [example for texts in (generations[-1:] if keeps == "replace" else generations) for example in texts]
    total = len(pool) if keeps == "accumulate" else size
    wanted = round(share * total)
    if wanted and not real:
        raise ConfigError(f"there must be real text for a share of {share:.0%}, got none", hint="set the share to 0")
    own = [pool[place] for place in permutation(stream(key, "own"), len(pool))[:total - wanted]]
    order = permutation(stream(key, "real"), len(real))
    return own + [real[order[place % len(real)]] for place in range(wanted)]


def resampled(texts: Texts, count: int, key: int) -> list[TokenExample]:
    """`count` texts, drawn with replacement: what a member of a bag learns from (Breiman 1996)."""
    return [texts[place] for place in np.random.default_rng(key).integers(len(texts), size=count)]
