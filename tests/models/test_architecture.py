"""config.json to `Architecture` and back, and what is refused."""

from dataclasses import replace
from typing import Any

import pytest

from pawl.errors import CheckpointError
from pawl.models.architecture import Architecture, RopeScaling, from_hf_config, small, to_hf_config

LLAMA: dict[str, Any] = {
    "model_type": "llama", "vocab_size": 64, "hidden_size": 32, "intermediate_size": 48,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128,
}


def test_head_dim_is_derived_from_the_width_unless_it_is_given() -> None:
    assert from_hf_config(LLAMA).head_dim == 8
    assert from_hf_config({**LLAMA, "head_dim": None}).head_dim == 8
    assert from_hf_config({**LLAMA, "head_dim": 6}).head_dim == 6


def test_a_qwen3_config_without_head_dim_means_128() -> None:
    assert from_hf_config({**LLAMA, "model_type": "qwen3"}).head_dim == 128


def test_rope_is_read_from_the_layouts_of_transformers_4_and_5() -> None:
    old = {**LLAMA, "rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 2}}
    new = {**LLAMA, "rope_parameters": {"rope_type": "linear", "rope_theta": 5e5, "factor": 2}}
    assert from_hf_config(old) == from_hf_config(new)
    assert from_hf_config(new).rope_theta == 5e5
    assert from_hf_config(new).rope_scaling == RopeScaling("linear", 2.0)


def test_a_llama3_scaling_without_an_original_length_takes_the_maximum() -> None:
    rope = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    assert from_hf_config({**LLAMA, "rope_scaling": rope}).rope_scaling == RopeScaling("llama3", 8.0, 1.0, 4.0, 128)


def test_biases_follow_the_family() -> None:
    llama = from_hf_config({**LLAMA, "attention_bias": True, "mlp_bias": True})
    assert (llama.qkv_bias, llama.out_bias, llama.mlp_bias) == (True, True, True)
    qwen2 = from_hf_config({**LLAMA, "model_type": "qwen2"})
    assert (qwen2.qkv_bias, qwen2.out_bias, qwen2.mlp_bias) == (True, False, False)


@pytest.mark.parametrize("arch", [
    small(50, depth=2, width=64, max_positions=100),
    replace(from_hf_config(LLAMA), mlp_bias=True, rope_scaling=RopeScaling("linear", 4.0)),
    replace(from_hf_config(LLAMA), qkv_bias=True, out_bias=True, rope_scaling=RopeScaling("llama3", 8.0)),
    from_hf_config({**LLAMA, "model_type": "qwen2", "head_dim": 16, "tie_word_embeddings": True}),
])
def test_an_architecture_survives_the_round_trip(arch: Architecture) -> None:
    assert from_hf_config(to_hf_config(arch)) == arch


def test_an_architecture_that_its_family_cannot_state_is_refused() -> None:
    with pytest.raises(CheckpointError, match="family llama"):
        to_hf_config(replace(from_hf_config(LLAMA), qk_norm=True))


@pytest.mark.parametrize(("change", "words"), [
    ({"model_type": "mistral"}, "model_type must be llama, qwen2 or qwen3, got 'mistral'"),
    ({"model_type": None}, "model_type"),
    ({"hidden_act": "gelu"}, "hidden_act must be 'silu', got 'gelu'"),
    ({"use_sliding_window": True}, "use_sliding_window must be false"),
    ({"layer_types": ["full_attention", "sliding_attention"]}, "layer_types .* got 'sliding_attention'"),
    ({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}, "rope_scaling.rope_type .* got 'yarn'"),
    ({"rope_scaling": {"type": "dynamic", "factor": 4.0}}, "got 'dynamic'"),
    ({"rope_parameters": {"rope_type": "longrope"}}, "rope_parameters.rope_type .* got 'longrope'"),
    ({"rope_parameters": {"full_attention": {"rope_type": "default"}}}, "rope_parameters must be one set"),
    ({"rope_scaling": {"rope_type": "linear"}}, "factor must be a positive number, got None"),
    ({"partial_rotary_factor": 0.5}, "partial_rotary_factor must be 1, got 0.5"),
    ({"rope_parameters": {"partial_rotary_factor": 0.25}}, "partial_rotary_factor must be 1, got 0.25"),
    ({"quantization_config": {"bits": 4}}, "quantization_config must be absent"),
    ({"vocab_size": None}, "vocab_size must be a positive integer, got None"),
    ({"hidden_size": "big"}, "hidden_size must be a positive integer, got 'big'"),
    ({"num_key_value_heads": 3}, "num_key_value_heads must be a divisor"),
    ({"head_dim": 7}, "head_dim must be even"),
])
def test_what_cannot_be_computed_is_refused_by_name(change: dict[str, Any], words: str) -> None:
    with pytest.raises(CheckpointError, match=words) as caught:
        from_hf_config({**LLAMA, **change})
    assert caught.value.hint is not None
    assert "pawl[hf]" in caught.value.hint
