"""Weights as GGUF, which llama.cpp opens.

Not covered: architectures other than Llama, biases, scaled positions; quantised weights; the texts of tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from pawl.models.architecture import Architecture
from pawl.models.transformer import Block, Transformer


def write_gguf(path: Path, model: Transformer, dtype: torch.dtype) -> None:
    """Write the weights: matrices in `dtype`, float32 or bfloat16, and norms in float32, as llama.cpp wants them."""
    import gguf

    arch, kinds = model.arch, gguf.GGMLQuantizationType
    assert arch.family == "llama" and arch.rope_scaling is None
    assert not (arch.qkv_bias or arch.out_bias or arch.mlp_bias)
    writer = gguf.GGUFWriter(path, "llama")
    _describe(writer, arch)
    chosen = {torch.float32: kinds.F32, torch.bfloat16: kinds.BF16}[dtype]
    for name, weight in named_weights(model):
        kind = chosen if weight.dim() > 1 else kinds.F32
        values = weight.detach().float().contiguous().numpy()
        writer.add_tensor(f"{name}.weight", gguf.quants.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: object, arch: Architecture) -> None:
    """Give a GGUFWriter what fixes the shapes and the arithmetic."""
    for key, value in {
        "block_count": arch.num_layers, "context_length": arch.max_positions, "embedding_length": arch.hidden_size,
        "feed_forward_length": arch.intermediate_size, "head_count": arch.num_heads,
        "head_count_kv": arch.num_kv_heads, "key_length": arch.head_dim, "value_length": arch.head_dim,
        "rope_dimension_count": arch.head_dim, "rope_freq_base": arch.rope_theta,
        "layer_norm_rms_eps": arch.norm_epsilon, "vocab_size": arch.vocab_size, "tokenizer_model": "none",
    }.items():
        getattr(writer, f"add_{key}")(value)


def named_weights(model: Transformer) -> Iterator[tuple[str, Tensor]]:
    """Every weight by its name in GGUF."""
    yield "token_embd", model.embed.weight
    yield "output_norm", model.norm.weight
    if model.head is not None:
        yield "output", model.head.weight
    for index, block in enumerate(model.layers()):
        yield from ((f"blk.{index}.{name}", weight) for name, weight in _parts(block, model.arch).items())


def _parts(block: Block, arch: Architecture) -> dict[str, Tensor]:
    """Of one block. Queries and keys stay as they are: llama.cpp too takes neighbours for a complex number."""
    groups = arch.num_heads, arch.num_kv_heads, arch.num_kv_heads
    query, key, value = block.attention.qkv.weight.split([number * arch.head_dim for number in groups])
    gate, up = block.mlp.gate_up.weight.chunk(2)
    return {
        "attn_norm": block.attention_norm.weight, "attn_q": query, "attn_k": key, "attn_v": value,
        "attn_output": block.attention.out.weight, "ffn_norm": block.mlp_norm.weight,
        "ffn_gate": gate, "ffn_up": up, "ffn_down": block.mlp.down.weight,
    }
