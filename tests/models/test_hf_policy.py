"""Other architectures through transformers: GPT-2 (learned positions) and Gemma 2 (sliding windows, capped logits)."""

import errno
import json
import resource
import sys
import threading
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.utils._python_dispatch import TorchDispatchMode

from pawl.errors import CheckpointError, MissingExtraError
from pawl.interfaces import Trainable
from pawl.keys import row_keys
from pawl.learning.batch import collate
from pawl.learning.gradient import leave_gradient
from pawl.learning.objective import Objective
from pawl.learning.train import planned, train
from pawl.models.architecture import small
from pawl.models.hf_policy import HFPolicy, load_hf_policy
from pawl.models.policy import TransformerPolicy
from pawl.models.tokenizer import train_tokenizer
from pawl.models.transformer import Transformer
from pawl.records import Demonstration, IntArray, Sampling, TokenExample

transformers = pytest.importorskip("transformers", reason="the policy under test needs the extra `hf`")
torch.set_num_threads(1)

TOKENIZER = train_tokenizer("char", ["0123456789+-*/=\n"])
TEXTS = ["1+2=", "7", "12*3+4/2-1=", "9-9"]
KEYS = row_keys(5, TEXTS, 3)


def _config(family: str) -> Any:
    if family == "gpt2":
        return transformers.GPT2Config(vocab_size=24, n_positions=64, n_embd=32, n_layer=2, n_head=2, attn_pdrop=0.1)
    return transformers.Gemma2Config(
        vocab_size=24, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, head_dim=16,
        num_key_value_heads=1, sliding_window=6, final_logit_softcapping=3.0, max_position_embeddings=64)


@pytest.fixture(scope="module", params=["gpt2", "gemma2"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random checkpoint that transformers wrote."""
    directory = tmp_path_factory.mktemp(request.param)
    torch.manual_seed(1)
    model = transformers.AutoModelForCausalLM.from_config(_config(request.param))
    for parameter in model.parameters():
        parameter.data.add_(torch.randn_like(parameter), alpha=0.3)
    model.save_pretrained(directory)
    TOKENIZER.save(directory)
    return directory


@pytest.fixture
def policy(checkpoint: Path) -> HFPolicy:
    return load_hf_policy(checkpoint)


def _prefixes(policy: Trainable) -> list[IntArray]:
    return [policy.encode(text) for text in TEXTS]


def test_chosen_logits_are_those_of_the_model(policy: HFPolicy) -> None:
    tokens = torch.arange(2 * 15).reshape(2, 15) % 17
    chosen = tokens % 3 == 0
    with torch.no_grad():
        logits, values = policy.forward(tokens, chosen)
        torch.testing.assert_close(logits, policy.model.causal(tokens).logits[chosen])
    assert values.shape == (int(chosen.sum()),)


def test_greedy_completions_are_those_of_generate(policy: HFPolicy) -> None:
    prefixes = _prefixes(policy)
    ours = policy.propose(prefixes, 1, sampling=Sampling(12, temperature=0), keys=KEYS[:, :1])
    for prefix, (completion,) in zip(prefixes, ours, strict=True):
        theirs = policy.model.causal.generate(
            torch.from_numpy(prefix)[None].long(), do_sample=False, max_new_tokens=12, eos_token_id=TOKENIZER.eos_id,
            pad_token_id=TOKENIZER.pad_id)
        assert completion.tokens.tolist() == theirs[0, len(prefix) :].tolist()


def test_what_a_row_draws_does_not_depend_on_its_neighbours(policy: HFPolicy) -> None:
    prefixes, sampling = _prefixes(policy), Sampling(10, temperature=1.3)
    together = policy.propose(prefixes, 3, sampling=sampling, keys=KEYS)
    assert len({completion.text for group in together for completion in group}) > 6
    for place, prefix in enumerate(prefixes):
        for attempt in range(3):
            key = KEYS[place : place + 1, attempt : attempt + 1]
            ((alone,),) = policy.propose([prefix], 1, sampling=sampling, keys=key)
            assert alone.tokens.tolist() == together[place][attempt].tokens.tolist()


def test_logprobs_of_a_completion_are_those_of_a_full_pass(policy: HFPolicy) -> None:
    prefixes = _prefixes(policy)
    groups = policy.propose(prefixes, 1, sampling=Sampling(10, top_k=5), keys=KEYS[:, :1])
    full = policy.logprobs(prefixes, [group[0].tokens for group in groups])
    for (completion,), expected in zip(groups, full, strict=True):
        np.testing.assert_allclose(completion.logprobs, expected, atol=1e-5)


def test_an_evaluation_is_the_next_tokens_distribution(policy: HFPolicy) -> None:
    prefixes = _prefixes(policy)
    for prefix, evaluation in zip(prefixes, policy.evaluate(prefixes), strict=True):
        with torch.no_grad():
            expected = policy.model.causal(torch.from_numpy(prefix)[None].long()).logits[0, -1].log_softmax(-1)
        np.testing.assert_allclose(evaluation.logprobs, expected.numpy(), atol=1e-5)
        assert evaluation.value == 0.5


def test_a_completion_ends_before_a_stop_string(policy: HFPolicy) -> None:
    prefixes, eos = _prefixes(policy), TOKENIZER.eos_id
    free = policy.propose(prefixes, 3, sampling=Sampling(10), keys=KEYS)
    stopped = policy.propose(prefixes, 3, sampling=Sampling(10, stop=("1", "2")), keys=KEYS)
    for whole, cut in zip(chain(*free), chain(*stopped), strict=True):
        assert cut.text == whole.text.split("1")[0].split("2")[0]
        assert whole.tokens.tolist()[: len(cut.tokens)] == cut.tokens.tolist()
        assert (cut.finish == "stop") == (cut.tokens[-1] == eos or cut.text != whole.text)


def test_the_end_token_ends_a_completion(policy: HFPolicy) -> None:
    with torch.no_grad():
        groups = policy.propose(_prefixes(policy), 3, sampling=Sampling(40, temperature=2.0), keys=KEYS)
    finished = [completion for group in groups for completion in group if completion.finish == "stop"]
    assert finished
    for completion in finished:
        assert (completion.tokens == TOKENIZER.eos_id).nonzero()[0].tolist() == [len(completion.tokens) - 1]


def test_the_context_is_what_the_configuration_states(policy: HFPolicy) -> None:
    assert policy.context == 64


def test_every_parameter_learns(policy: HFPolicy) -> None:
    tokens = torch.arange(2 * 15).reshape(2, 15) % 17
    policy.propose(_prefixes(policy), 1, sampling=Sampling(3), keys=KEYS[:, :1])
    logits, values = policy.forward(tokens, torch.ones_like(tokens, dtype=torch.bool))
    torch.autograd.backward(logits.log_softmax(-1)[:, 3].sum() + values.sum())
    assert all(parameter.grad is not None for _, parameter in policy.named_parameters())


def test_threads_that_learn_side_by_side_do_not_meddle(policy: HFPolicy) -> None:
    """The barrier brings them together in the middle of a pass."""
    lessons = [TokenExample(policy.encode(text), np.ones(len(text), np.float32), 0, None, "self", text)
               for text in ("1+2=3", "12*3+4", "9-9", "7+7=14")]
    pieces = [collate(lessons[:2], torch.device("cpu")), collate(lessons[2:], torch.device("cpu"))]
    gradients, together = [], threading.Barrier(2, timeout=30)

    def meet(*_: object) -> None:
        together.wait()

    for threads in (1, 2):
        torch.set_num_threads(threads)
        hook = policy.model.causal.get_input_embeddings().register_forward_hook(meet) if threads == 2 else None
        leave_gradient(policy, pieces, Objective())
        gradients.append({name: p.grad for name, p in policy.named_parameters() if p.grad is not None})
    assert hook is not None
    hook.remove()
    torch.set_num_threads(1)
    for name, expected in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], expected, rtol=1e-4, atol=1e-6)


def test_a_clone_learns_alone(policy: HFPolicy) -> None:
    clone = policy.clone()
    with torch.no_grad():
        for _, parameter in clone.named_parameters():
            parameter.add_(1.0)
    assert not any(torch.equal(a, b) for (_, a), (_, b) in zip(
        policy.named_parameters(), clone.named_parameters(), strict=True))


def test_a_saved_policy_is_the_same_policy(policy: HFPolicy, tmp_path: Path) -> None:
    torch.nn.init.normal_(policy.model.value_head.weight)
    policy.save(tmp_path)
    loaded = load_hf_policy(tmp_path)
    prefixes = _prefixes(policy)
    for ours, theirs in zip(policy.evaluate(prefixes), loaded.evaluate(prefixes), strict=True):
        np.testing.assert_array_equal(ours.logprobs, theirs.logprobs)
        assert ours.value == theirs.value != 0.5


@pytest.fixture
def narrow(checkpoint: Path) -> HFPolicy:
    return load_hf_policy(checkpoint, precision=torch.bfloat16)


def test_in_bfloat16_weights_and_logits_are_float32_and_products_are_not(policy: HFPolicy, narrow: HFPolicy) -> None:
    """Within 3% of how far the logits spread."""
    tokens = torch.arange(2 * 15).reshape(2, 15) % 17
    chosen = torch.ones_like(tokens, dtype=torch.bool)
    with torch.no_grad():
        (exact, _), (logits, values) = policy.forward(tokens, chosen), narrow.forward(tokens, chosen)
    assert {logits.dtype, values.dtype, *(each.dtype for _, each in narrow.named_parameters())} == {torch.float32}
    assert 0 < float((logits - exact).abs().max()) < 0.03 * float(exact.max() - exact.min())
    assert not torch.equal(logits, logits.bfloat16().float())


def test_log_probabilities_are_those_of_float32_in_any_precision(policy: HFPolicy, narrow: HFPolicy) -> None:
    prefixes = _prefixes(policy)
    groups = narrow.propose(prefixes, 1, sampling=Sampling(10), keys=KEYS[:, :1])
    written = [group[0].tokens for group in groups]
    exact, told = policy.logprobs(prefixes, written), narrow.logprobs(prefixes, written)
    for ours, theirs in zip(exact, told, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    errors = np.abs(np.concatenate([group[0].logprobs for group in groups]) - np.concatenate(exact))
    assert 0 < errors.max() < 0.2


def test_sampling_rounds_every_weight_once(narrow: HFPolicy) -> None:
    """However many tokens there are."""
    shapes = {tuple(weight.shape) for _, weight in narrow.named_parameters() if weight.dim() == 2}

    class Casts(TorchDispatchMode):
        counted = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            narrowed = (kwargs or {}).get("dtype") == torch.bfloat16
            self.counted += func is torch.ops.aten._to_copy.default and narrowed and tuple(args[0].shape) in shapes
            return func(*args, **(kwargs or {}))

    counts = []
    for length in (2, 12):
        with Casts() as casts:
            narrow.propose(_prefixes(narrow), 1, sampling=Sampling(length), keys=KEYS[:, :1])
        counts.append(casts.counted)
    assert counts[0] == counts[1] > 0


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_steps_too_small_for_bfloat16_add_up(checkpoint: Path, precision: torch.dtype) -> None:
    """Each is a thousandth of a weight, of which bfloat16 keeps eight bits."""
    learner = load_hf_policy(checkpoint, precision=precision)
    prefix, answer = learner.encode("1+2="), learner.encode("3")
    tokens = np.concatenate((prefix, answer)).astype(np.int32)
    weights = np.concatenate((np.zeros(len(prefix)), np.ones(len(answer)))).astype(np.float32)
    example = TokenExample(tokens, weights, prompt_length=len(prefix), value_target=1.0, source="self", problem_id="a")
    before = learner.logprobs([prefix], [answer])[0].sum()
    train(learner, planned([example], [np.zeros(4, np.int64)] * 40), learning_rate=1e-3, objective=Objective())
    assert learner.logprobs([prefix], [answer])[0].sum() > 0.55 * before


def test_a_demonstration_ends_with_the_end_token(policy: HFPolicy) -> None:
    prompt, completion = policy.encode_demonstration(Demonstration("1+1=", "2"))
    assert prompt.tolist() == TOKENIZER.encode("1+1=").tolist()
    assert completion.tolist() == [*TOKENIZER.encode("2").tolist(), TOKENIZER.eos_id]


def test_both_policies_draw_the_same_from_the_same_weights(tmp_path: Path) -> None:
    model = Transformer(small(24, depth=2, width=32, max_positions=64))
    ours = TransformerPolicy(model, TOKENIZER)
    ours.save(tmp_path)
    theirs, sampling = load_hf_policy(tmp_path), Sampling(12, temperature=0.8, top_p=0.9)
    drawn = [policy.propose(_prefixes(theirs), 3, sampling=sampling, keys=KEYS) for policy in (ours, theirs)]
    for left, right in zip(chain(*drawn[0]), chain(*drawn[1]), strict=True):
        assert (left.tokens.tolist(), left.text, left.finish) == (right.tokens.tolist(), right.text, right.finish)
        np.testing.assert_allclose(left.logprobs, right.logprobs, atol=1e-5)


def test_missing_tensors_are_refused(checkpoint: Path, policy: HFPolicy, tmp_path: Path) -> None:
    policy.save(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    name = sorted(tensors)[-1]
    save_file({key: value for key, value in tensors.items() if key != name}, tmp_path / "model.safetensors",
              metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"lacks tensors \(\d\): "):
        load_hf_policy(tmp_path)


def test_remote_code_does_not_run_unasked(tmp_path: Path) -> None:
    tell_tale = tmp_path / "ran"
    (tmp_path / "evil.py").write_text(f"open({str(tell_tale)!r}, 'w')\n")
    config = {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="could not open"):
        load_hf_policy(tmp_path)
    assert not tell_tale.exists()


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    _config("gpt2").save_pretrained(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04")
    with pytest.raises(CheckpointError, match="could not open"):
        load_hf_policy(tmp_path)


def test_without_transformers_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"pawl\[hf\]"):
        load_hf_policy(tmp_path)


def test_weights_that_the_disk_does_not_take_are_an_error_of_the_disk(policy: HFPolicy, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(OSError) as caught:
            policy.save(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.errno == errno.EFBIG
