"""What a process holds is known."""

from __future__ import annotations

import numpy as np

from pawl.memory import memory


def test_what_is_held_grows_with_what_is_made_and_the_most_stays() -> None:
    before = memory("now")
    held = np.ones(2**25)
    assert memory("most") >= memory("now") >= before + held.nbytes // 2
    del held
    assert memory("most") >= before + 2**27
