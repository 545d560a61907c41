"""Weights as GGUF: which there are, and in what numbers. That llama.cpp computes with them is its peer's test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pawl.bench.gguf_file import named_weights, write_gguf
from pawl.models.architecture import small
from pawl.models.transformer import Transformer, initialise

torch.set_num_threads(1)


@pytest.fixture
def model() -> Transformer:
    model = Transformer(small(48, depth=2, width=32, max_positions=32))
    initialise(model, seed=0)
    return model


def test_every_weight_but_the_value_head_has_a_name(model: Transformer) -> None:
    named = sum(weight.numel() for _, weight in named_weights(model))
    valued = sum(parameter.numel() for parameter in model.value_head.parameters())
    assert named == sum(parameter.numel() for parameter in model.parameters()) - valued


@pytest.mark.parametrize(("dtype", "kind"), [(torch.float32, "F32"), (torch.bfloat16, "BF16")])
def test_matrices_are_in_the_type_asked_for_and_norms_in_float32(
    model: Transformer, tmp_path: Path, dtype: torch.dtype, kind: str
) -> None:
    gguf = pytest.importorskip("gguf", reason="it writes the file")
    write_gguf(tmp_path / "model.gguf", model, dtype)
    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(tmp_path / "model.gguf").tensors}
    assert {name for name, tensor in tensors.items() if tensor.tensor_type.name != kind} <= {
        name for name in tensors if "norm" in name}
    for name, weight in named_weights(model):
        found = tensors[f"{name}.weight"]
        values = gguf.quants.dequantize(found.data, found.tensor_type).reshape(weight.shape)
        wanted = weight.detach().to(dtype).float() if weight.dim() > 1 else weight.detach()
        np.testing.assert_array_equal(values, wanted.numpy())
