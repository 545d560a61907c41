"""Products in bfloat16: against bfloat16 by hand, with float32 weights, and as near as they should be."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pawl.errors import ConfigError
from pawl.keys import row_keys
from pawl.learning.objective import Objective
from pawl.learning.train import planned, train
from pawl.models.opening import fresh_policy
from pawl.models.policy import TransformerPolicy
from pawl.models.precision import Linear, precision_of
from pawl.records import Sampling, TokenExample

torch.set_num_threads(1)

CPU = torch.device("cpu")
TEXTS = ["1+2=3\n", "40*2=80", "7-5=2"]


def policy(dtype: str) -> TransformerPolicy:
    return fresh_policy(TEXTS, tokenizer="char", depth=2, context=64, seed=0, dtype=dtype)


def layer(bias: bool = True) -> tuple[Linear, Tensor]:
    torch.manual_seed(0)
    return Linear(24, 40, bias=bias), torch.randn(5, 24)


def test_auto_is_what_the_cpu_has_units_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for units, expected in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda units=units: {"amx_bf16": units})
        assert precision_of("auto", CPU) == expected
    assert precision_of("float32", CPU) == torch.float32
    assert precision_of("bfloat16", CPU) == torch.bfloat16


def test_another_precision_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="dtype must be auto, float32 or bfloat16, got 'float16'"):
        precision_of("float16", CPU)


@pytest.mark.parametrize("bias", [True, False])
def test_a_product_in_float32_is_torchs_and_one_in_bfloat16_that_of_rounded_factors(bias: bool) -> None:
    linear, x = layer(bias)
    assert torch.equal(linear(x), F.linear(x, linear.weight, linear.bias))
    linear.precision = torch.bfloat16
    rounded = None if linear.bias is None else linear.bias.bfloat16()
    for _ in range(2):
        assert torch.equal(linear(x), F.linear(x.bfloat16(), linear.weight.bfloat16(), rounded))


def test_a_weight_is_rounded_once_until_it_is_written_to() -> None:
    linear, x = layer()
    linear.precision = torch.bfloat16
    with torch.no_grad():
        linear(x)
        kept = linear.factor()
        assert linear.factor() is kept
        linear.weight.mul_(2)
        assert torch.equal(linear.factor(), 2 * kept)


def test_gradients_arrive_in_float32() -> None:
    linear, x = layer()
    linear.precision = torch.bfloat16
    linear(x).float().square().sum().backward()
    exact = torch.autograd.grad(F.linear(x, linear.weight, linear.bias).square().sum(), linear.weight)[0]
    assert linear.weight.grad is not None and linear.weight.grad.dtype == torch.float32
    torch.testing.assert_close(linear.weight.grad, exact, rtol=0.05, atol=0.05 * float(exact.abs().max()))


def test_what_is_sampled_in_bfloat16_is_near_what_float32_says_of_it() -> None:
    """A network of large weights, whose logits are far apart."""
    narrow = policy("bfloat16")
    with torch.no_grad():
        for _, parameter in narrow.named_parameters():
            parameter.mul_(4 if parameter.dim() == 2 else 1)
    prefix = narrow.encode("1+2=")
    ((*rows,),) = narrow.propose([prefix], 16, sampling=Sampling(12), keys=row_keys(0, ["a"], 16))
    exact = narrow.logprobs([prefix] * 16, [row.tokens for row in rows])
    errors = np.concatenate([row.logprobs - told for row, told in zip(rows, exact, strict=True)])
    assert 0 < np.abs(errors).max() < 0.2


def test_log_probabilities_are_those_of_float32_in_any_precision() -> None:
    wide, narrow = policy("float32"), policy("bfloat16")
    prefix, completion = wide.encode("1+2="), wide.encode("3")
    assert np.array_equal(wide.logprobs([prefix], [completion]), narrow.logprobs([prefix], [completion]))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_policy_learns_in_either_precision(dtype: str) -> None:
    learner = policy(dtype)
    prefix, answer = learner.encode("1+2="), learner.encode("3")
    tokens = np.concatenate((prefix, answer)).astype(np.int32)
    weights = np.concatenate((np.zeros(len(prefix)), np.ones(len(answer)))).astype(np.float32)
    example = TokenExample(tokens, weights, prompt_length=len(prefix), value_target=1.0, source="self", problem_id="a")
    before = learner.logprobs([prefix], [answer])[0].sum()
    train(learner, planned([example], [np.zeros(4, np.int64)] * 20), learning_rate=1e-2, objective=Objective())
    assert learner.logprobs([prefix], [answer])[0].sum() > max(-0.1, before + 1)
