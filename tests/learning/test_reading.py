"""Values of prefixes, read without learning."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from lessons import examples, make

import pawl.learning.reading
from pawl.learning.reading import values_before

torch.set_num_threads(1)


def test_values_are_those_of_the_prefixes_before_each_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pawl.learning.reading, "TOGETHER", 3)
    policy, lessons = make(), examples(8)
    found = values_before(policy, lessons)
    for lesson, values in zip(lessons, found, strict=True):
        prefixes = [lesson.tokens[:place] for place in range(lesson.prompt_length, len(lesson.tokens))]
        expected = [evaluation.value for evaluation in policy.evaluate(prefixes)]
        np.testing.assert_allclose(values, expected, atol=1e-5)


def test_of_nothing_there_is_nothing_to_read() -> None:
    assert values_before(make(), []) == []
