"""The transformer policy keeps the contract of a policy, and what it is given comes back as it was."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pawl.keys import row_keys
from pawl.learning.objective import Objective
from pawl.learning.train import planned, train
from pawl.models.opening import fresh_policy, open_policy
from pawl.models.policy import TransformerPolicy
from pawl.records import Demonstration, Sampling, TokenExample
from pawl.stages import Work
from pawl.testing import check_policy

torch.set_num_threads(1)

ALPHABET = "0123456789+-*/=\n abc"
PROMPTS = ["1+2=", "7", "12*3+4/2-1=40 and a bit more", "9-9"]


def make(tokenizer: str = "char", seed: int = 0) -> TransformerPolicy:
    """A policy whose weights are random enough to have opinions, on values too."""
    policy = fresh_policy([ALPHABET, *PROMPTS], tokenizer=tokenizer, depth=2, context=96, seed=seed)
    random = torch.Generator().manual_seed(seed)
    for _, parameter in policy.named_parameters():
        parameter.data.add_(torch.randn(parameter.shape, generator=random), alpha=0.15)
    return policy


@pytest.fixture(scope="module")
def policy() -> TransformerPolicy:
    return make()


@pytest.mark.parametrize("tokenizer", ["char", "bpe-300"])
def test_it_keeps_the_contract_of_a_policy(tokenizer: str) -> None:
    assert check_policy(make(tokenizer)) == []


@settings(deadline=None)
@given(st.text(ALPHABET, min_size=1), st.text(ALPHABET))
def test_a_demonstration_comes_back_as_it_was(prompt: str, completion: str) -> None:
    policy = make()
    prompt_tokens, tokens = policy.encode_demonstration(Demonstration(prompt, completion))
    assert policy.tokenizer.decode(prompt_tokens) == prompt
    assert policy.tokenizer.decode(tokens) == completion
    assert tokens.dtype == prompt_tokens.dtype == np.int32
    assert (tokens == policy.tokenizer.eos_id).nonzero()[0].tolist() == [len(tokens) - 1]


def test_a_demonstration_of_messages_has_the_prompt_that_an_attempt_has(policy: TransformerPolicy) -> None:
    messages = ({"role": "user", "content": "1+2="},)
    prompt_tokens, _ = policy.encode_demonstration(Demonstration(messages, "3"))
    assert prompt_tokens.tolist() == policy.encode(messages).tolist()


def test_saving_and_opening_gives_the_same_logits_and_values(policy: TransformerPolicy, tmp_path: Path) -> None:
    policy.save(tmp_path)
    opened = open_policy(tmp_path)
    prefixes = [policy.encode(prompt) for prompt in PROMPTS]
    assert [tokens.tolist() for tokens in map(opened.encode, PROMPTS)] == [tokens.tolist() for tokens in prefixes]
    for ours, theirs in zip(policy.evaluate(prefixes), opened.evaluate(prefixes), strict=True):
        assert ours.logprobs.tobytes() == theirs.logprobs.tobytes()
        assert ours.value == theirs.value != 0.5
    assert opened.context == policy.context


def test_what_a_clone_learns_stays_its_own(policy: TransformerPolicy) -> None:
    before = {name: parameter.clone() for name, parameter in policy.named_parameters()}
    clone = policy.clone()
    for name, parameter in clone.named_parameters():
        assert torch.equal(parameter, before[name])
        parameter.data.add_(1.0)
    for name, parameter in policy.named_parameters():
        assert torch.equal(parameter, before[name])


def test_forward_is_the_model_at_the_chosen_positions(policy: TransformerPolicy) -> None:
    tokens = torch.arange(2 * 9).reshape(2, 9)
    chosen = tokens % 4 == 1
    with torch.no_grad():
        logits, values = policy.forward(tokens, chosen)
        every_logit, every_value = policy.model(tokens)
    torch.testing.assert_close(logits, every_logit[chosen])
    torch.testing.assert_close(values, every_value[chosen])


def test_values_are_those_of_forward_and_teach_the_value_head_alone() -> None:
    policy, tokens = make(), torch.arange(2 * 9).reshape(2, 9)
    chosen = tokens % 3 == 0
    values = policy.values(tokens, chosen)
    torch.testing.assert_close(values, policy.forward(tokens, chosen)[1])
    values.sum().backward()
    moved = {name for name, parameter in policy.named_parameters() if parameter.grad is not None}
    assert moved == {"value_head.weight", "value_head.bias"}


def test_an_evaluation_is_of_the_token_after_the_prefix(policy: TransformerPolicy) -> None:
    prefixes = [policy.encode(prompt) for prompt in PROMPTS]
    for prefix, evaluation in zip(prefixes, policy.evaluate(prefixes), strict=True):
        with torch.no_grad():
            logits, values = policy.model(torch.from_numpy(prefix)[None].long())
        np.testing.assert_allclose(evaluation.logprobs, logits[0, -1].log_softmax(-1).numpy(), atol=1e-5)
        assert evaluation.value == pytest.approx(float(values[0, -1].sigmoid()), abs=1e-6)


def test_logprobs_are_of_each_token_after_those_before_it(policy: TransformerPolicy) -> None:
    prefixes = [policy.encode(prompt) for prompt in PROMPTS]
    completions = [policy.tokenizer.encode(text) for text in ("3", "12=4\n", "", "40+")]
    found = policy.logprobs(prefixes, completions)
    for prefix, completion, logprobs in zip(prefixes, completions, found, strict=True):
        expected = [policy.evaluate([np.concatenate((prefix, completion[:t]))])[0].logprobs[token]
                    for t, token in enumerate(completion)]
        np.testing.assert_allclose(logprobs, expected, atol=1e-5)


def test_greedy_takes_the_likeliest_token_each_time(policy: TransformerPolicy) -> None:
    prefix = policy.encode(PROMPTS[0])
    ((completion,),) = policy.propose([prefix], 1, sampling=Sampling(10, temperature=0), keys=row_keys(0, ["a"], 1))
    for t, token in enumerate(completion.tokens):
        assert policy.evaluate([np.concatenate((prefix, completion.tokens[:t]))])[0].logprobs.argmax() == token


@pytest.mark.parametrize("tokenizer", ["char", "bpe-300"])
def test_a_completion_ends_before_a_stop_string(tokenizer: str) -> None:
    policy, keys = make(tokenizer), row_keys(3, PROMPTS, 16)
    prefixes = [policy.encode(prompt) for prompt in PROMPTS]
    free = policy.propose(prefixes, 16, sampling=Sampling(24), keys=keys)
    # No U+FFFD: half a character reads as one until its other half is written.
    words = [text[i : i + 2] for text in (completion.text for completion in chain(*free)) for i in range(len(text))]
    plain = [word for word in words if len(word) == 2 and word.isascii()]
    stop = (plain[3], plain[-1], plain[5][0], "never said")
    cut = 0
    for whole, stopped in zip(chain(*free), chain(*policy.propose(
            prefixes, 16, sampling=Sampling(24, stop=stop), keys=keys)), strict=True):
        places = [whole.text.find(mark) for mark in stop if mark in whole.text]
        assert stopped.text == whole.text[: min(places, default=len(whole.text))]
        assert stopped.tokens.tolist() == whole.tokens[: len(stopped.tokens)].tolist()
        assert stopped.finish == ("stop" if places else whole.finish)
        cut += len(stopped.tokens) < len(whole.tokens)
    assert cut > 2


def test_the_text_leaves_the_end_token_out_and_the_tokens_keep_it(policy: TransformerPolicy) -> None:
    groups = policy.propose([policy.encode("1")], 64, sampling=Sampling(30), keys=row_keys(1, ["a"], 64))
    ended = [completion for completion in groups[0] if completion.finish == "stop"]
    assert ended
    for completion in ended:
        assert completion.tokens[-1] == policy.tokenizer.eos_id
        assert completion.text == policy.tokenizer.decode(completion.tokens[:-1])


def test_a_token_beyond_the_tokenizer_is_written_as_nothing(policy: TransformerPolicy) -> None:
    """The vocabulary is rounded up, and an untrained policy may draw what no text has."""
    beyond = np.arange(policy.tokenizer.vocab_size, policy.model.arch.vocab_size, dtype=np.int32)
    assert policy.tokenizer.decode(np.concatenate((policy.encode("1+"), beyond))) == "1+"


def test_the_context_is_what_the_model_has(policy: TransformerPolicy) -> None:
    assert policy.context == 96


def test_remembering_changes_nothing_that_is_said(policy: TransformerPolicy) -> None:
    prefixes = [policy.encode(text) for text in (*PROMPTS, "1+2=3", "1+", *PROMPTS)]
    keys, sampling = row_keys(2, [str(i) for i in range(len(prefixes))], 4), Sampling(12, temperature=0.8)
    plain = policy.evaluate(prefixes), policy.propose(prefixes, 4, sampling=sampling, keys=keys)
    with policy.remembering():
        policy.evaluate(prefixes[2:5])
        evaluations, groups = policy.evaluate(prefixes), policy.propose(prefixes, 4, sampling=sampling, keys=keys)
    for ours, theirs in zip(evaluations, plain[0], strict=True):
        np.testing.assert_allclose(ours.logprobs, theirs.logprobs, atol=2e-5)
        assert ours.value == pytest.approx(theirs.value, abs=1e-5)
    for one, other in zip(chain(*groups), chain(*plain[1]), strict=True):
        assert (one.text, one.finish, one.tokens.tolist()) == (other.text, other.finish, other.tokens.tolist())
        np.testing.assert_allclose(one.logprobs, other.logprobs, atol=2e-5)


def test_what_is_learnt_while_it_remembers_is_said_at_once() -> None:
    policy = make()
    prompt, completion = policy.encode_demonstration(Demonstration("1+2=", "3"))
    tokens = np.concatenate((prompt, completion))
    example = TokenExample(tokens, (np.arange(len(tokens)) >= len(prompt)).astype(np.float32), len(prompt), 1.0,
                           "self", "p")
    with policy.remembering():
        (before,) = policy.evaluate([prompt])
        train(policy, planned([example], [np.zeros(1, np.int64)] * 3), learning_rate=1e-2, objective=Objective())
        (after,) = policy.evaluate([prompt])
    (expected,) = policy.evaluate([prompt])
    np.testing.assert_allclose(after.logprobs, expected.logprobs, atol=2e-5)
    assert after.logprobs[completion[0]] > before.logprobs[completion[0]] + 0.1


def test_a_clone_of_one_that_remembers_remembers_nothing(policy: TransformerPolicy) -> None:
    prefixes = [policy.encode(PROMPTS[2])]
    with policy.remembering():
        policy.evaluate(prefixes)
        assert policy.unread(prefixes) == [0]
        assert policy.clone().unread(prefixes) == [len(prefixes[0])]
    assert policy.unread(prefixes) == [len(prefixes[0])]


def test_it_tells_how_many_tokens_it_drew_and_read(policy: TransformerPolicy, work: list[Work]) -> None:
    prefixes = [policy.encode(prompt) for prompt in PROMPTS[:2]]
    keys, size = row_keys(0, PROMPTS[:2], 3), sum(parameter.numel() for _, parameter in policy.named_parameters())
    rows = policy.propose(prefixes, 3, sampling=Sampling(4), keys=keys)
    policy.evaluate(prefixes)
    policy.logprobs(prefixes, prefixes)
    read = sum(map(len, prefixes))
    drawn = sum(len(row.tokens) for group in rows for row in group)
    assert work == [Work(size, sampled=drawn, read=read), Work(size, read=read), Work(size, read=2 * read)]


def test_what_it_remembers_counts_as_read_once(policy: TransformerPolicy, work: list[Work]) -> None:
    prefixes = [policy.encode("1+2="), policy.encode("1+3=")]
    with policy.remembering():
        for _ in range(2):
            policy.evaluate(prefixes)
    assert sum(one.read for one in work) == sum(map(len, prefixes)) - 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_it_says_learns_and_writes_what_it_does_on_a_cpu(tmp_path: Path) -> None:
    """In float32, within rounding; with a cache and without."""
    ours = make()
    ours.save(tmp_path / "before")
    theirs = open_policy(tmp_path / "before", device="cuda")
    assert isinstance(theirs, TransformerPolicy)
    assert check_policy(theirs) == []
    prefixes = [ours.encode(prompt) for prompt in PROMPTS]
    weights = np.concatenate((np.zeros(len(prefixes[0])), np.ones(len(prefixes[1])))).astype(np.float32)
    example = TokenExample(np.concatenate(prefixes[:2]), weights, prompt_length=len(prefixes[0]), value_target=1.0,
                           source="self", problem_id="a")
    with theirs.remembering():
        for _ in range(2):
            for left, right in zip(ours.evaluate(prefixes), theirs.evaluate(prefixes), strict=True):
                np.testing.assert_allclose(left.logprobs, right.logprobs, atol=1e-3)
                assert left.value == pytest.approx(right.value, abs=1e-3)
            for policy in (ours, theirs):
                train(policy, planned([example], [np.zeros(2, np.int64)] * 3), learning_rate=1e-3,
                      objective=Objective(kl=0.1, value=1.0), reference=policy.clone())
    theirs.save(tmp_path / "after")
    again = open_policy(tmp_path / "after", device="cpu")
    np.testing.assert_allclose(again.evaluate(prefixes[:1])[0].logprobs, ours.evaluate(prefixes[:1])[0].logprobs,
                               atol=1e-2)
