"""Checkpoints in the Hugging Face layout: config.json, model.safetensors, the tokenizer, the chat template.

The value head stands in its own file, value_head.safetensors (weight [1, C], bias [1]), which other programs
ignore; a checkpoint without one gets a head of zeros, whose value is 0.5 everywhere. The same weights give the
same bytes.

Not covered: pickled weights, which run code when opened; quantised weights; writing in shards.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pawl.errors import CheckpointError
from pawl.models.architecture import Architecture, from_hf_config, to_hf_config
from pawl.models.chat import ChatTemplate, load_chat
from pawl.models.tokenizer import Tokenizer, load_tokenizer, read_json
from pawl.models.transformer import Transformer

WEIGHTS, INDEX, VALUE_HEAD = "model.safetensors", "model.safetensors.index.json", "value_head.safetensors"
DOWNLOADED = ("model*.safetensors", VALUE_HEAD, "*.json", "*.jinja")
"""What is fetched of a Hugging Face repository: data only, neither code nor pickles."""
_OS_ERROR = re.compile(r"\b(?:os error|code:) (\d+)")
"""How safetensors writes the system's error number, today and in its early versions."""
TURNING = ("self_attn.q_proj", "self_attn.k_proj")
"""What rotary positions turn."""
FLOATS = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def save_checkpoint(
    directory: Path, model: Transformer, tokenizer: Tokenizer, chat: ChatTemplate | None = None
) -> None:
    """Write what transformers opens with the same logits, and `load_checkpoint` with the same values as well."""
    config = to_hf_config(model.arch)
    directory.mkdir(parents=True, exist_ok=True)
    # Copies: safetensors does not write tensors that share memory, as the parts of a fused matrix do.
    tensors = {name: flat(part).detach().cpu().clone() for name, part in hf_views(model).items()}
    with disk_errors():
        save_file(tensors, directory / WEIGHTS, metadata={"format": "pt"})
    save_value_head(directory, model.value_head)
    ends = tokenizer.end_ids[0] if len(tokenizer.end_ids) == 1 else list(tokenizer.end_ids)
    tokens = {"eos_token_id": ends, "pad_token_id": tokenizer.pad_id}
    dtype = str(model.embed.weight.dtype).removeprefix("torch.")
    _write_json(directory / "config.json", {**config, **tokens, "dtype": dtype})
    _write_json(directory / "generation_config.json", tokens)
    tokenizer.save(directory)
    if chat is not None:
        chat.save(directory)


def load_checkpoint(
    source: str | Path, *, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32
) -> tuple[Transformer, Tokenizer, ChatTemplate | None]:
    """Model, tokenizer and chat template of a directory or of a Hugging Face name such as "Qwen/Qwen3-0.6B".

    Raises CheckpointError when it is of another architecture, incomplete, damaged, or not to be found.
    """
    directory = find_checkpoint(source)
    if not (directory / "config.json").is_file():
        raise CheckpointError(f"a checkpoint must have a config.json, {directory} has none")
    arch = from_hf_config(read_json(directory / "config.json"))
    tokenizer = load_tokenizer(directory)
    if tokenizer.vocab_size > arch.vocab_size:
        raise CheckpointError(f"a tokenizer must have at most the model's {arch.vocab_size} tokens, "
                              f"got {tokenizer.vocab_size} in {directory}")
    model = _load_model(directory, arch, torch.device(device), dtype)
    return model, tokenizer, load_chat(directory, tokenizer)


def find_checkpoint(source: str | Path, patterns: Iterable[str] = DOWNLOADED) -> Path:
    """The directory of a checkpoint; a Hugging Face name is downloaded, or found in the cache."""
    path = Path(source)
    if path.is_dir():
        return path
    if isinstance(source, Path) or path.is_absolute() or source.startswith(".") or source.count("/") > 1:
        raise CheckpointError(f"a checkpoint must be a directory or a Hugging Face name, got {str(source)!r}")
    from huggingface_hub import snapshot_download  # brings a web client, for which a run of one's own need not wait
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        return Path(snapshot_download(source, allow_patterns=list(patterns)))
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        reason = str(error).strip().split("\n")[0]
        raise CheckpointError(
            f"checkpoint {source!r} is no directory here, and could not be had from Hugging Face: {reason}",
            hint="check the name and the connection; gated models need `hf auth login`",
        ) from error


def hf_views(model: Transformer) -> dict[str, Tensor]:
    """The parameters under their Hugging Face names. Parts of fused matrices are views: writing fills the model.

    What turns with positions, queries and keys, comes as [heads, 2, D/2, ...]; `flat` makes it the [heads * D, ...] of
    the layout, where the first entries of all pairs precede the second ones. Here the two of a pair are neighbours.
    """
    arch = model.arch
    query, key, inner = arch.num_heads * arch.head_dim, arch.num_kv_heads * arch.head_dim, arch.intermediate_size
    views = {"model.embed_tokens.weight": model.embed.weight, "model.norm.weight": model.norm.weight}
    if model.head is not None:
        views["lm_head.weight"] = model.head.weight
    for index, block in enumerate(model.layers()):
        prefix, attention = f"model.layers.{index}", block.attention
        views[f"{prefix}.input_layernorm.weight"] = block.attention_norm.weight
        views[f"{prefix}.post_attention_layernorm.weight"] = block.mlp_norm.weight
        if attention.q_norm is not None and attention.k_norm is not None:
            views[f"{prefix}.self_attn.q_norm.weight"] = _halves(attention.q_norm.weight, arch)
            views[f"{prefix}.self_attn.k_norm.weight"] = _halves(attention.k_norm.weight, arch)
        for linear, parts in (
            (attention.qkv, {"self_attn.q_proj": query, "self_attn.k_proj": key, "self_attn.v_proj": key}),
            (attention.out, {"self_attn.o_proj": arch.hidden_size}),
            (block.mlp.gate_up, {"mlp.gate_proj": inner, "mlp.up_proj": inner}),
            (block.mlp.down, {"mlp.down_proj": arch.hidden_size}),
        ):
            for kind, parameter in linear.named_parameters():
                pieces = torch.split(parameter, list(parts.values()))
                views |= {f"{prefix}.{part}.{kind}": _halves(piece, arch) if part in TURNING else piece
                          for part, piece in zip(parts, pieces, strict=True)}
    return views


def _halves(piece: Tensor, arch: Architecture) -> Tensor:
    """[heads * D, ...], pairs side by side, as [heads, 2, D/2, ...]."""
    halves: Tensor = piece.unflatten(0, (-1, arch.head_dim // 2, 2)).transpose(1, 2)
    return halves


def flat(view: Tensor) -> Tensor:
    """A tensor of `hf_views` in the shape that the layout gives it."""
    return view.flatten(0, 2) if view.dim() > 2 else view


def _load_model(directory: Path, arch: Architecture, device: torch.device, dtype: torch.dtype) -> Transformer:
    """The transformer with its weights. Nothing is allocated before the names and shapes are known to fit."""
    with torch.device("meta"):
        model = Transformer(arch).to(dtype)
    files = _weight_files(directory)
    shapes = {name: tuple(flat(view).shape) for name, view in hf_views(model).items()}
    with torch.no_grad():
        places = _check_weights(files, shapes, directory)
        model.to_empty(device=device)
        views = hf_views(model)
        for path, names in places.items():
            with safe_open(path, "pt") as file:
                for name in names:
                    views[name].copy_(file.get_tensor(name).view(views[name].shape))
        load_value_head(directory, model.value_head)
    return model


def _weight_files(directory: Path) -> list[Path]:
    """The safetensors files of a checkpoint: one, or the shards of its index."""
    if (directory / WEIGHTS).is_file():
        return [directory / WEIGHTS]
    weight_map = read_json(directory / INDEX).get("weight_map", {})
    names = sorted({str(name) for name in weight_map.values()}) if isinstance(weight_map, dict) else []
    for name in names:
        if Path(name).name != name or not (directory / name).is_file():
            raise CheckpointError(f"{INDEX} must name files beside it, got {name!r}")
    if names:
        return [directory / name for name in names]
    pickles = sorted(path.name for pattern in ("*.bin", "*.pt", "*.pth") for path in directory.glob(pattern))
    if pickles:
        raise CheckpointError(
            f"weights must be safetensors, got {directory / pickles[0]}: a pickle runs code when it is opened",
            hint="convert where you trust it: AutoModelForCausalLM.from_pretrained(...).save_pretrained(...)",
        )
    raise CheckpointError(f"a checkpoint must have {WEIGHTS} or {INDEX}, {directory} has neither")


def _check_weights(
    files: list[Path], shapes: Mapping[str, tuple[int, ...]], directory: Path
) -> dict[Path, list[str]]:
    """Which tensors to read from which file, after every name, shape and type has been compared."""
    places: dict[Path, list[str]] = {}
    found: set[str] = set()
    unexpected, misshapen, odd = [], [], []
    for path, name, shape, kind in _listed(files):
        if name not in shapes:
            if not _redundant(name, path, shapes):
                unexpected.append(name)
            continue
        found.add(name)
        places.setdefault(path, []).append(name)
        if shape != shapes[name]:
            misshapen.append(f"{name} {list(shape)} for {list(shapes[name])}")
        if kind not in FLOATS:
            odd.append(f"{name} {kind}")
    for complaint, names in (
        ("lacks tensors", sorted(shapes.keys() - found)),
        ("has tensors that its config.json does not call for", sorted(unexpected)),
        ("has tensors of the wrong shape", sorted(misshapen)),
        ("has tensors that are not floating point", sorted(odd)),
    ):
        if names:
            listed = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
            raise CheckpointError(f"checkpoint {directory} {complaint} ({len(names)}): {listed}")
    return places


def _listed(files: list[Path]) -> Iterator[tuple[Path, str, tuple[int, ...], str]]:
    """(file, tensor, shape, type) of all tensors, from the headers alone."""
    for path in files:
        try:
            with safe_open(path, "pt") as file:
                for name in file.keys():  # noqa: SIM118 -- safe_open is no mapping
                    part = file.get_slice(name)
                    yield path, name, tuple(part.get_shape()), str(part.get_dtype())
        except SafetensorError as error:
            raise CheckpointError(f"{path} must be a whole safetensors file: {error}") from error


def _redundant(name: str, path: Path, shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether a tensor says nothing new: rotary frequencies, or a tied output matrix written out again."""
    if name.endswith("rotary_emb.inv_freq"):
        return True
    if name != "lm_head.weight":
        return False
    with safe_open(path, "pt") as file:
        tied = "model.embed_tokens.weight"
        return tied in set(file.keys()) and torch.equal(file.get_tensor(name), file.get_tensor(tied))


def save_value_head(directory: Path, head: nn.Linear) -> None:
    """Write value_head.safetensors."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in head.state_dict().items()}
    with disk_errors():
        save_file(tensors, directory / VALUE_HEAD, metadata={"format": "pt"})


@contextmanager
def disk_errors() -> Iterator[None]:
    """Raises what the disk says to safetensors as the OSError that it is, so that a full disk is known as one."""
    try:
        yield
    except SafetensorError as error:
        if (found := _OS_ERROR.search(str(error))) is None:
            raise
        raise OSError(int(found[1]), os.strerror(int(found[1]))) from error


def load_value_head(directory: Path, head: nn.Linear) -> None:
    """Fill a head [1, C] from value_head.safetensors, or with zeros when there is none."""
    path = directory / VALUE_HEAD
    if not path.is_file():
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        return
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise CheckpointError(f"{path} must be a whole safetensors file: {error}") from error
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    wanted = {name: tuple(value.shape) for name, value in head.state_dict().items()}
    if shapes != wanted:
        raise CheckpointError(f"{path} must hold {wanted}, got {shapes}")
    head.load_state_dict(tensors)


def fingerprint(directory: Path) -> str:
    """16 hex digits that name the content of a directory: sha256 over its files' names and bytes."""
    total = hashlib.sha256()
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{path.relative_to(directory).as_posix()}\0{content}\n".encode())
    return total.hexdigest()[:16]


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
