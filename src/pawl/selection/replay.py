"""Replay: the examples of the last generations, learnt from together.

What a generation found is true whether or not its candidate was promoted, so decisions play no part here: a
refused candidate's examples stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from pawl.errors import ConfigError
from pawl.records import TokenExample


def replay(generations: Sequence[Sequence[TokenExample]], *, window: int) -> list[TokenExample]:
    """The examples of the last `window` generations, given oldest first; newest last.

    The same tokens at the same problem are kept once, as the newest of them.
    """
    if window < 1:
        raise ConfigError(f"window must be at least 1 generation, got {window}")
    newest: dict[tuple[str, int, bytes], TokenExample] = {}
    for example in chain.from_iterable(generations[-window:]):
        identity = example.problem_id, example.prompt_length, example.tokens.tobytes()
        newest.pop(identity, None)  # so that it moves to the end
        newest[identity] = example
    return list(newest.values())
