"""Where a policy comes from: a checkpoint, a Hugging Face name, or fresh weights."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import torch

from pawl.errors import CheckpointError, ConfigError
from pawl.interfaces import Trainable
from pawl.models.architecture import from_hf_config, small
from pawl.models.board_policy import BoardPolicy, load_board_policy
from pawl.models.checkpoint import find_checkpoint, load_checkpoint
from pawl.models.hf_policy import HFPolicy, load_hf_policy
from pawl.models.pair import FOLDER, PolicyWithValue
from pawl.models.policy import TransformerPolicy
from pawl.models.precision import precision_of
from pawl.models.tokenizer import read_json, train_tokenizer
from pawl.models.transformer import Transformer, initialise
from pawl.models.vllm_sampler import VLLMSampler

VLLM = "vllm"
"""As a device: a GPU on which vLLM samples."""


def device_of(name: str) -> torch.device:
    """The device that a setting names; `auto` is the first GPU, or the CPU where there is none, and `vllm` a GPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == VLLM:
        name = "cuda"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device must be auto, cpu, cuda or vllm, got {name!r}") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device must be one that is here, got {name!r}", hint="device auto takes what there is")
    return device


def open_policy(source: str | Path, *, device: str = "cpu", dtype: str = "float32", adapts: bool = False) -> Trainable:
    """A policy from a checkpoint directory or a Hugging Face name.

    With a value network beside it where the checkpoint has one. Llama, Qwen2 and Qwen3 run on Pawl's own transformer;
    what that cannot compute goes to transformers (extra `hf`). `dtype` is the precision of matrix products: float32,
    bfloat16, or auto; weights are float32 in any case. One that `adapts`, by LoRA, always goes to transformers. On the
    device `vllm` vLLM draws the completions (extra `vllm`).
    Raises CheckpointError, MissingExtraError, or ConfigError for a device that is not here.
    """
    place = device_of(device)
    precision = precision_of(dtype, place)
    directory = find_checkpoint(source)
    policy: TransformerPolicy | HFPolicy
    if _is_ours(directory) and not adapts:
        model, tokenizer, chat = load_checkpoint(directory, device=place)
        model.precision = precision
        policy = TransformerPolicy(model, tokenizer, chat)
    else:
        policy = load_hf_policy(directory, device=place, precision=precision)
    sampler = sampled_by(policy, device)
    if (directory / FOLDER).is_dir():
        return PolicyWithValue(sampler, open_policy(directory / FOLDER, device=str(place), dtype=dtype))
    return sampler


def open_board_policy(directory: Path, *, device: str, dtype: str) -> BoardPolicy:
    """A network for a board game, on the device and in the precision that settings name. Raises CheckpointError, or
    ConfigError for a device that is not here."""
    place = device_of(device)
    return load_board_policy(directory, device=place, precision=precision_of(dtype, place))


def sampled_by(policy: TransformerPolicy | HFPolicy, device: str) -> Trainable:
    """The policy itself, or with vLLM to draw its completions where a setting names `vllm` as the device."""
    return VLLMSampler(policy) if device == VLLM else policy


def _is_ours(directory: Path) -> bool:
    """Whether Pawl's transformer takes the checkpoint, or transformers is not there to take it instead."""
    if importlib.util.find_spec("transformers") is None or not (directory / "config.json").is_file():
        return True  # and says what is wrong with it
    try:
        from_hf_config(read_json(directory / "config.json"))
    except CheckpointError:
        return False
    return True


def fresh_policy(texts: Sequence[str], *, tokenizer: str, depth: int, context: int, seed: int,
                 device: str = "cpu", dtype: str = "float32") -> TransformerPolicy:
    """A policy that knows nothing, with a tokenizer made from `texts`.

    `tokenizer` is `char`, or `bpe-1024` for byte-level pairs with at most 1,024 tokens. `depth` is the one dial of
    size: that many layers, 32 times as wide.
    """
    kind, _, size = tokenizer.partition("-")
    if kind not in ("char", "bpe") or not (size.isdigit() or (kind == "char" and not size)):
        raise ConfigError(f"tokenizer must be `char` or `bpe-SIZE`, got {tokenizer!r}", hint="for example bpe-1024")
    trained = train_tokenizer("char" if kind == "char" else "bpe", texts, int(size) if size else None)
    vocab_size = -(-trained.vocab_size // 8) * 8
    model = Transformer(small(vocab_size, depth=depth, width=32 * depth, max_positions=context))
    initialise(model, seed)
    model.to(device_of(device)).precision = precision_of(dtype, device_of(device))
    return TransformerPolicy(model, trained)
