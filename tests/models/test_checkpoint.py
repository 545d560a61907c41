"""Checkpoints: the same logits as transformers in both directions, and what is refused."""

import errno
import json
import resource
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from pawl.errors import CheckpointError, RunError
from pawl.models.architecture import Architecture, RopeScaling, small
from pawl.models.chat import ChatTemplate
from pawl.models.checkpoint import disk_errors, find_checkpoint, fingerprint, load_checkpoint, save_checkpoint
from pawl.models.tokenizer import Tokenizer, train_tokenizer
from pawl.models.transformer import Transformer, initialise
from pawl.run_directory import RunDirectory

torch.set_num_threads(1)

WIDTH, VOCAB = 64, 97
TOKENS = torch.arange(3 * 40).reshape(3, 40) * 7 % VOCAB
LLAMA3 = {"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 32}
THEIRS: dict[str, dict[str, Any]] = {
    "llama": {"model_type": "llama"},
    "llama, tied, biased": {
        "model_type": "llama", "tie_word_embeddings": True, "attention_bias": True, "mlp_bias": True},
    "llama, llama3 scaling": {"model_type": "llama", "rope_parameters": LLAMA3},
    "llama, linear scaling, head_dim": {
        "model_type": "llama", "head_dim": 24,
        "rope_parameters": {"rope_type": "linear", "factor": 2.5, "rope_theta": 1e4}},
    "qwen2": {"model_type": "qwen2"},
    "qwen2, tied": {"model_type": "qwen2", "tie_word_embeddings": True, "rms_norm_eps": 1e-3},
    "qwen3, head_dim": {"model_type": "qwen3", "head_dim": 32},
    "qwen3, tied, biased": {
        "model_type": "qwen3", "head_dim": 16, "tie_word_embeddings": True, "attention_bias": True},
}
OURS = [
    small(VOCAB, depth=2, width=WIDTH, max_positions=128),
    Architecture("qwen3", VOCAB, 40, 56, 2, 4, 2, 6, 64, tie_embeddings=False, qkv_bias=True, out_bias=True,
                 qk_norm=True),
    Architecture("qwen2", VOCAB, 40, 56, 2, 4, 1, 10, 64, rope_theta=1e6, norm_epsilon=1e-5, qkv_bias=True),
    Architecture("llama", VOCAB, 40, 56, 2, 4, 2, 12, 64, tie_embeddings=False, qkv_bias=True, out_bias=True,
                 mlp_bias=True, rope_scaling=RopeScaling("llama3", 8.0, 1.0, 4.0, 32)),
    Architecture("llama", VOCAB, 40, 56, 2, 4, 4, 10, 64, rope_scaling=RopeScaling("linear", 4.0)),
]


def _tokenizer() -> Tokenizer:
    return train_tokenizer("char", ["0123456789+-*/=\n"])


def _random(arch: Architecture) -> Transformer:
    """A model in which every parameter matters, norms and biases included."""
    model = Transformer(arch)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(1.0 if parameter.dim() == 1 else 0.0, 0.2, generator=generator)
    return model


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A small checkpoint of ours."""
    save_checkpoint(tmp_path / "saved", _random(OURS[0]), _tokenizer())
    return tmp_path / "saved"


def _edit(directory: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    tensors = load_file(directory / "model.safetensors")
    change(tensors)
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})


def _their_model(changes: dict[str, Any]) -> Any:
    transformers = pytest.importorskip("transformers", reason="the oracle for logits is transformers")
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(
        **{"vocab_size": VOCAB, "hidden_size": WIDTH, "intermediate_size": 72, "num_hidden_layers": 2,
           "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64, **changes})
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    for parameter in model.parameters():
        parameter.data.add_(torch.randn_like(parameter), alpha=0.1)
    return model


@pytest.mark.parametrize("shard", ["5GB", "40KB"])
@pytest.mark.parametrize("name", THEIRS)
def test_a_checkpoint_of_transformers_gives_the_same_logits_here(name: str, shard: str, tmp_path: Path) -> None:
    theirs = _their_model(THEIRS[name])
    theirs.save_pretrained(tmp_path, max_shard_size=shard)
    assert (tmp_path / "model.safetensors.index.json").exists() == (shard == "40KB")
    _tokenizer().save(tmp_path)
    model, _, _ = load_checkpoint(tmp_path)
    with torch.no_grad():
        logits, values = model(TOKENS)
        torch.testing.assert_close(logits, theirs(TOKENS).logits, atol=3e-5, rtol=1e-5)
    assert values.sigmoid().eq(0.5).all()


@pytest.mark.parametrize("arch", OURS, ids=lambda arch: arch.family)
def test_a_checkpoint_of_ours_gives_the_same_logits_in_transformers(arch: Architecture, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="the oracle for logits is transformers")
    model = _random(arch)
    save_checkpoint(tmp_path, model, _tokenizer())
    theirs, report = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    with torch.no_grad():
        torch.testing.assert_close(model(TOKENS)[0], theirs(TOKENS).logits, atol=3e-5, rtol=1e-5)
    assert theirs.generation_config.eos_token_id == _tokenizer().eos_id


@pytest.mark.parametrize("arch", OURS, ids=lambda arch: arch.family)
def test_weights_and_value_head_come_back_exactly(arch: Architecture, tmp_path: Path) -> None:
    model, chat = _random(arch), ChatTemplate("{{ messages[0].content }}")
    save_checkpoint(tmp_path, model, _tokenizer(), chat)
    loaded, tokenizer, loaded_chat = load_checkpoint(str(tmp_path))
    assert loaded.arch == arch
    expected = dict(model.named_parameters())
    for name, parameter in loaded.named_parameters():
        assert torch.equal(parameter, expected.pop(name))
        assert parameter.requires_grad
    assert not expected
    assert tokenizer.eos_id == _tokenizer().eos_id
    assert loaded_chat is not None
    assert loaded_chat.source == chat.source


def test_a_loaded_checkpoint_learns(saved: Path) -> None:
    model, _, _ = load_checkpoint(saved)
    logits, values = model(TOKENS)
    (logits.logsumexp(-1).sum() + values.sum()).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_the_dtype_is_what_was_asked_for(saved: Path) -> None:
    model, _, _ = load_checkpoint(saved, dtype=torch.bfloat16)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}


def test_the_same_weights_are_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "again", *load_checkpoint(saved))
    assert fingerprint(tmp_path / "again") == fingerprint(saved)


def test_a_long_context_costs_nothing_until_it_is_used(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, Transformer(replace(OURS[0], max_positions=10**9)), _tokenizer())
    model, _, _ = load_checkpoint(tmp_path)
    assert model(TOKENS)[0].shape == (3, 40, VOCAB)


def test_rotary_tables_made_while_sampling_serve_training(saved: Path) -> None:
    model, _, _ = load_checkpoint(saved)
    with torch.inference_mode():
        model(TOKENS)
    model(TOKENS)[0].sum().backward()


def test_a_tied_matrix_written_out_twice_is_accepted_only_when_equal(saved: Path) -> None:
    _edit(saved, lambda tensors: tensors.update({"lm_head.weight": tensors["model.embed_tokens.weight"].clone()}))
    load_checkpoint(saved)
    _edit(saved, lambda tensors: tensors["lm_head.weight"].add_(1))
    with pytest.raises(CheckpointError, match=r"does not call for \(1\): lm_head.weight"):
        load_checkpoint(saved)


def test_old_rotary_buffers_are_ignored(saved: Path) -> None:
    name = "model.layers.0.self_attn.rotary_emb.inv_freq"
    _edit(saved, lambda tensors: tensors.update({name: torch.ones(16)}))
    load_checkpoint(saved)


def test_missing_tensors_are_counted_and_the_first_named(saved: Path) -> None:
    _edit(saved, lambda tensors: [tensors.pop(name) for name in list(tensors) if "mlp" in name])
    with pytest.raises(CheckpointError, match=r"lacks tensors \(6\): model.layers.0.mlp.down_proj.weight, .*, \.\.\."):
        load_checkpoint(saved)


def test_tensors_of_the_wrong_shape_are_named(saved: Path) -> None:
    _edit(saved, lambda tensors: tensors.update({"model.norm.weight": torch.ones(3)}))
    with pytest.raises(CheckpointError, match=r"wrong shape \(1\): model.norm.weight \[3\] for \[64\]"):
        load_checkpoint(saved)


def test_tensors_that_nobody_asked_for_are_named(saved: Path) -> None:
    _edit(saved, lambda tensors: tensors.update({"model.layers.0.self_attn.q_proj.bias": torch.ones(64)}))
    with pytest.raises(CheckpointError, match=r"does not call for \(1\): model.layers.0.self_attn.q_proj.bias"):
        load_checkpoint(saved)


def test_integer_weights_are_refused(saved: Path) -> None:
    _edit(saved, lambda tensors: tensors.update({"model.norm.weight": torch.ones(64, dtype=torch.int8)}))
    with pytest.raises(CheckpointError, match=r"not floating point \(1\): model.norm.weight I8"):
        load_checkpoint(saved)


def test_a_truncated_file_is_refused(saved: Path) -> None:
    content = (saved / "model.safetensors").read_bytes()
    (saved / "model.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError, match=r"model.safetensors must be a whole safetensors file"):
        load_checkpoint(saved)


def test_a_value_head_of_another_width_is_refused(saved: Path) -> None:
    save_file({"weight": torch.zeros(1, 3), "bias": torch.zeros(1)}, saved / "value_head.safetensors")
    with pytest.raises(CheckpointError, match=r"value_head.safetensors must hold"):
        load_checkpoint(saved)


def test_a_missing_value_head_is_zero(saved: Path) -> None:
    (saved / "value_head.safetensors").unlink()
    model, _, _ = load_checkpoint(saved)
    assert not model.value_head.weight.any()
    assert not model.value_head.bias.any()


def test_pickled_weights_are_refused(saved: Path) -> None:
    (saved / "model.safetensors").rename(saved / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"must be safetensors, got .*pytorch_model.bin") as caught:
        load_checkpoint(saved)
    assert "convert" in str(caught.value.hint)


def test_an_index_may_not_point_outside_its_directory(saved: Path) -> None:
    (saved / "model.safetensors").rename(saved.parent / "model.safetensors")
    index = {"weight_map": {"model.norm.weight": "../model.safetensors"}}
    (saved / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match="must name files beside it"):
        load_checkpoint(saved)


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "model.safetensors"])
def test_an_incomplete_directory_is_refused(missing: str, saved: Path) -> None:
    (saved / missing).unlink()
    with pytest.raises(CheckpointError, match=f"must have a? ?{missing}"):
        load_checkpoint(saved)


def test_a_config_that_is_not_json_is_refused(saved: Path) -> None:
    (saved / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"config.json must be JSON"):
        load_checkpoint(saved)


def test_a_tokenizer_larger_than_the_model_is_refused(saved: Path) -> None:
    train_tokenizer("bpe", ["a"], 258).save(saved)
    with pytest.raises(CheckpointError, match="at most the model's 97 tokens, got 258"):
        load_checkpoint(saved)


@pytest.mark.parametrize("source", ["/no/such/directory", "./none", Path("none")])
def test_a_directory_that_is_not_there_is_refused(source: str | Path) -> None:
    with pytest.raises(CheckpointError, match="must be a directory or a Hugging Face name"):
        find_checkpoint(source)


def test_a_name_that_cannot_be_downloaded_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match=r"'pawl-tests/not-there' .* could not be had from Hugging Face"):
        find_checkpoint("pawl-tests/not-there")


def test_a_fingerprint_is_that_of_names_and_bytes(saved: Path, tmp_path: Path) -> None:
    first = fingerprint(saved)
    assert len(first) == 16
    # Written in another order, the same content has the same name.
    (tmp_path / "copy").mkdir()
    for path in sorted(saved.iterdir(), reverse=True):
        shutil.copy(path, tmp_path / "copy")
    assert fingerprint(tmp_path / "copy") == first
    (tmp_path / "copy" / "config.json").rename(tmp_path / "copy" / "other.json")
    renamed = fingerprint(tmp_path / "copy")
    (tmp_path / "copy" / "other.json").write_text("{}")
    assert len({first, renamed, fingerprint(tmp_path / "copy")}) == 3


def test_weights_that_the_disk_does_not_take_are_told_in_words(saved: Path, tmp_path: Path) -> None:
    model, tokenizer, _ = load_checkpoint(saved)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with RunDirectory.create(tmp_path / "run") as run:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
        try:
            with pytest.raises(RunError, match=r"could not be read or written: .*File too large"):
                run.store(lambda directory: save_checkpoint(directory, model, tokenizer), fingerprint)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert not any((tmp_path / "run" / "checkpoints").iterdir())


@pytest.mark.parametrize("said", [
    "Error while serializing: I/O error: No space left on device (os error 28)",
    'Error while serializing: IoError(Os { code: 28, kind: StorageFull, message: "No space left on device" })',
])
def test_a_full_disk_is_known_as_one_in_any_version_of_safetensors(said: str) -> None:
    with pytest.raises(OSError, match="No space left") as caught, disk_errors():
        raise SafetensorError(said)
    assert caught.value.errno == errno.ENOSPC


def test_what_is_not_the_disks_fault_stays_what_it_is() -> None:
    with pytest.raises(SafetensorError, match="InvalidHeader"), disk_errors():
        raise SafetensorError("Error while serializing: InvalidHeader")


def test_fresh_weights_are_a_function_of_the_seed() -> None:
    models = [Transformer(OURS[0]) for _ in range(2)]
    for model in models:
        initialise(model, 3)
    assert torch.equal(models[0].blocks[1].attention.qkv.weight, models[1].blocks[1].attention.qkv.weight)  # type: ignore[union-attr,arg-type]
