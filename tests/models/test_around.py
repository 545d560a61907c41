"""A policy around another: whatever it is asked, the other answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from pawl.interfaces import Remembers
from pawl.keys import row_keys
from pawl.models.architecture import small
from pawl.models.around import Around
from pawl.models.policy import TransformerPolicy
from pawl.models.tokenizer import train_tokenizer
from pawl.models.transformer import Transformer, initialise
from pawl.records import Demonstration, Sampling

torch.set_num_threads(1)


def make() -> TransformerPolicy:
    model = Transformer(small(24, depth=1, width=32, max_positions=64))
    initialise(model, 0)
    return TransformerPolicy(model, train_tokenizer("char", ["0123456789+-*/=\n"]))


def test_what_it_says_is_what_the_other_says() -> None:
    policy = make()
    around, prompts, keys = Around(policy), [policy.encode("1+2="), policy.encode("7")], row_keys(3, ["a", "b"], 2)
    one, other = (each.propose(prompts, 2, sampling=Sampling(5), keys=keys) for each in (around, policy))
    drawn = [group[0].tokens for group in one]
    assert [[row.text for row in group] for group in one] == [[row.text for row in group] for group in other]
    for ours, theirs in ((around.logprobs(prompts, drawn), policy.logprobs(prompts, drawn)),
                         ([found.logprobs for found in around.evaluate(prompts)],
                          [found.logprobs for found in policy.evaluate(prompts)]),
                         (around.encode_demonstration(Demonstration("1", "2")),
                          policy.encode_demonstration(Demonstration("1", "2")))):
        assert all(map(np.array_equal, ours, theirs))
    assert around.context == policy.context and np.array_equal(around.encode("1+2="), prompts[0])


def test_it_learns_and_is_stored_as_the_other(tmp_path: Path) -> None:
    policy = make()
    around, tokens = Around(policy), torch.tensor([[3, 4, 5]])
    chosen = torch.ones_like(tokens, dtype=torch.bool)
    assert dict(around.named_parameters()).keys() == dict(policy.named_parameters()).keys()
    assert all(map(torch.equal, around.forward(tokens, chosen), policy.forward(tokens, chosen)))
    assert torch.equal(around.values(tokens, chosen), policy.values(tokens, chosen))
    around.save(tmp_path)
    assert (tmp_path / "model.safetensors").is_file()


def test_what_the_other_remembers_is_not_read_again() -> None:
    around = Around(make())
    assert isinstance(around, Remembers)
    prefix = around.encode("1+2=")
    assert around.unread([prefix]) == [len(prefix)]
    with around.remembering():
        around.evaluate([prefix])
        assert around.unread([prefix]) == [0]
