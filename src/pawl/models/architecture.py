"""The shape of a transformer, as one frozen record, and its two-way map to Hugging Face's `config.json`.

Not covered, and refused by name: other model types, rope scalings other than linear and llama3, rotation of a
part of the head, sliding windows, activations other than SiLU, quantised weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from pawl.errors import CheckpointError

Family = Literal["llama", "qwen2", "qwen3"]


@dataclass(frozen=True, slots=True)
class RopeScaling:
    """How rotary frequencies are stretched beyond the trained length."""

    kind: Literal["linear", "llama3"]
    factor: float
    low_frequency_factor: float = 1.0
    high_frequency_factor: float = 4.0
    original_positions: int = 8192


@dataclass(frozen=True, slots=True)
class Architecture:
    """Everything that fixes the shapes and the arithmetic of a `Transformer`."""

    family: Family
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    max_positions: int
    rope_theta: float = 10_000.0
    rope_scaling: RopeScaling | None = None
    norm_epsilon: float = 1e-6
    tie_embeddings: bool = True
    qkv_bias: bool = False
    out_bias: bool = False
    mlp_bias: bool = False
    qk_norm: bool = False


def small(vocab_size: int, *, depth: int, width: int, max_positions: int) -> Architecture:
    """A Llama architecture for training from scratch: heads of 32, SwiGLU of 8/3 the width."""
    return Architecture(
        family="llama",
        vocab_size=vocab_size,
        hidden_size=width,
        intermediate_size=-(-width * 8 // 3 // 32) * 32,
        num_layers=depth,
        num_heads=max(1, width // 32),
        num_kv_heads=max(1, width // 32),
        head_dim=32,
        max_positions=max_positions,
    )


def from_hf_config(config: Mapping[str, Any]) -> Architecture:
    """The architecture that a `config.json` describes, in the layouts of transformers 4 and 5.

    Raises CheckpointError, with the key and its value, for whatever `Transformer` cannot compute.
    """
    family = config.get("model_type")
    if family not in get_args(Family):
        raise _refusal("model_type", "llama, qwen2 or qwen3", family)
    _refuse_variants(config)
    hidden_size, num_heads = _count(config, "hidden_size"), _count(config, "num_attention_heads")
    num_kv_heads = _count(config, "num_key_value_heads", num_heads)
    if num_heads % num_kv_heads:
        raise _refusal("num_key_value_heads", f"a divisor of num_attention_heads ({num_heads})", num_kv_heads)
    # transformers derives a missing head_dim from the width, except in Qwen3, whose class says 128.
    derived = 128 if family == "qwen3" and "head_dim" not in config else hidden_size // num_heads
    head_dim = _count(config, "head_dim", derived)
    if head_dim % 2:
        raise _refusal("head_dim", "even, since rotary positions turn pairs", head_dim)
    biased = bool(config.get("attention_bias", False))
    theta, scaling = _rope(config)
    return Architecture(
        family=cast(Family, family),
        vocab_size=_count(config, "vocab_size"),
        hidden_size=hidden_size,
        intermediate_size=_count(config, "intermediate_size"),
        num_layers=_count(config, "num_hidden_layers"),
        num_heads=num_heads,
        num_kv_heads=num_kv_heads,
        head_dim=head_dim,
        max_positions=_max_positions(config),
        rope_theta=theta,
        rope_scaling=scaling,
        norm_epsilon=_number(config, "rms_norm_eps", 1e-6),
        tie_embeddings=bool(config.get("tie_word_embeddings", False)),
        qkv_bias=True if family == "qwen2" else biased,
        out_bias=False if family == "qwen2" else biased,
        mlp_bias=family == "llama" and bool(config.get("mlp_bias", False)),
        qk_norm=family == "qwen3",
    )


def to_hf_config(arch: Architecture) -> dict[str, Any]:
    """The `config.json` of an architecture, in the layout of transformers 5.

    Raises CheckpointError when the family has no word for it, such as a Llama with q/k norms.
    """
    names = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM"}
    config: dict[str, Any] = {
        "architectures": [names[arch.family]],
        "model_type": arch.family,
        "vocab_size": arch.vocab_size,
        "hidden_size": arch.hidden_size,
        "intermediate_size": arch.intermediate_size,
        "num_hidden_layers": arch.num_layers,
        "num_attention_heads": arch.num_heads,
        "num_key_value_heads": arch.num_kv_heads,
        "head_dim": arch.head_dim,
        "hidden_act": "silu",
        "max_position_embeddings": arch.max_positions,
        "rms_norm_eps": arch.norm_epsilon,
        "rope_parameters": _rope_parameters(arch),
        "tie_word_embeddings": arch.tie_embeddings,
    }
    if arch.family != "qwen2":
        config["attention_bias"] = arch.qkv_bias
    if arch.family == "llama":
        config["mlp_bias"] = arch.mlp_bias
    if from_hf_config(config) != arch:
        raise CheckpointError(f"biases and norms must be those of the family {arch.family}, got {arch}")
    return config


def _refuse_variants(config: Mapping[str, Any]) -> None:
    """Raise for settings under which the three families compute something that `Transformer` does not."""
    if (activation := config.get("hidden_act", "silu")) != "silu":
        raise _refusal("hidden_act", "'silu'", activation)
    if config.get("use_sliding_window"):
        raise _refusal("use_sliding_window", "false, without sliding windows", config["use_sliding_window"])
    for kind in config.get("layer_types") or ():
        if kind != "full_attention":
            raise _refusal("layer_types", "'full_attention' throughout", kind)
    for key in ("quantization_config", "compression_config"):
        if config.get(key):
            raise _refusal(key, "absent, quantised weights are not supported", config[key])


def _rope(config: Mapping[str, Any]) -> tuple[float, RopeScaling | None]:
    """Base and scaling of the rotary frequencies.

    transformers 4 wrote `rope_theta` beside `rope_scaling`, 5 writes both into `rope_parameters`.
    """
    key = "rope_scaling" if config.get("rope_scaling") else "rope_parameters"
    rope = config.get(key) or {}
    if not isinstance(rope, Mapping) or any(isinstance(value, Mapping) for value in rope.values()):
        raise _refusal(key, "one set of rotary parameters for all layers", rope)
    share = rope.get("partial_rotary_factor", config.get("partial_rotary_factor"))
    if share not in (None, 1, 1.0):
        raise _refusal("partial_rotary_factor", "1", share)
    theta = _number({"rope_theta": config.get("rope_theta"), **rope}, "rope_theta", 10_000.0)
    kind = rope.get("rope_type", rope.get("type", "default"))
    match kind:
        case "default":
            return theta, None
        case "linear":
            return theta, RopeScaling("linear", _number(rope, "factor"))
        case "llama3":
            original = rope.get("original_max_position_embeddings") or _max_positions(config)
            return theta, RopeScaling(
                "llama3",
                _number(rope, "factor"),
                _number(rope, "low_freq_factor"),
                _number(rope, "high_freq_factor"),
                _count(config, "original_max_position_embeddings", original),
            )
    raise _refusal(f"{key}.rope_type", "default, linear or llama3", kind)


def _rope_parameters(arch: Architecture) -> dict[str, Any]:
    """What `_rope` reads back."""
    scaling = arch.rope_scaling
    if scaling is None:
        return {"rope_type": "default", "rope_theta": arch.rope_theta}
    rope: dict[str, Any] = {"rope_type": scaling.kind, "rope_theta": arch.rope_theta}
    rope["factor"] = scaling.factor
    if scaling.kind == "llama3":
        rope["low_freq_factor"] = scaling.low_frequency_factor
        rope["high_freq_factor"] = scaling.high_frequency_factor
        rope["original_max_position_embeddings"] = scaling.original_positions
    return rope


def _max_positions(config: Mapping[str, Any]) -> int:
    return _count(config, "max_position_embeddings", 2048 if config.get("model_type") == "llama" else 32768)


def _count(config: Mapping[str, Any], key: str, default: int | None = None) -> int:
    """A positive integer; null counts as absent."""
    value = config.get(key)
    value = default if value is None else value
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _refusal(key, "a positive integer", value)
    return value


def _number(config: Mapping[str, Any], key: str, default: float | None = None) -> float:
    """A positive number; null counts as absent."""
    value = config.get(key)
    value = default if value is None else value
    if not isinstance(value, int | float) or isinstance(value, bool) or not value > 0:
        raise _refusal(key, "a positive number", value)
    return float(value)


def _refusal(key: str, wanted: str, value: object) -> CheckpointError:
    return CheckpointError(
        f"config.json: {key} must be {wanted}, got {value!r}",
        hint="other architectures open through transformers: pip install 'pawl[hf]'",
    )
