"""Tokenizers trained on the spot and those of a checkpoint."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, decoders, models, pre_tokenizers, processors
from tokenizers import Tokenizer as RustTokenizer

from pawl.errors import CheckpointError, ConfigError
from pawl.models.tokenizer import END, UNKNOWN, Tokenizer, load_tokenizer, train_tokenizer

TEXTS = ["3 7 12=21\n7*3=21\n", "the cat sat on the mat, the cat", "price: 12345 or 12 345; it's 7+7=14"]
CHARACTERS = train_tokenizer("char", TEXTS)
PAIRS = train_tokenizer("bpe", TEXTS, 300)


@given(st.text(alphabet=sorted({c for text in TEXTS for c in text})))
def test_characters_of_the_alphabet_come_back(text: str) -> None:
    assert CHARACTERS.decode(CHARACTERS.encode(text)) == text
    assert len(CHARACTERS.encode(text)) == len(text)


@given(st.text())
def test_byte_pairs_bring_any_text_back(text: str) -> None:
    assert PAIRS.decode(PAIRS.encode(text)) == text


def test_an_unknown_character_reads_as_the_replacement_character() -> None:
    assert CHARACTERS.decode(CHARACTERS.encode("caté")) == f"cat{UNKNOWN}"


def test_a_lone_surrogate_reads_as_the_replacement_character() -> None:
    assert PAIRS.decode(PAIRS.encode("a\ud800b")) == "a\ufffdb"


@pytest.mark.parametrize("tokenizer", [CHARACTERS, PAIRS])
def test_the_name_of_a_special_token_in_a_text_is_only_text(tokenizer: Tokenizer) -> None:
    assert tokenizer.eos_id not in tokenizer.encode(f"cat{END}sat")
    assert tokenizer.encode(f"cat{END}", special=True)[-1] == tokenizer.eos_id
    # The flag does not outlive its call.
    assert tokenizer.eos_id not in tokenizer.encode(END)


def test_special_tokens_are_dropped_from_decoded_text() -> None:
    tokens = np.append(PAIRS.encode("cat"), np.array([PAIRS.eos_id, PAIRS.pad_id], dtype=np.int32))
    assert PAIRS.decode(tokens) == "cat"


def test_a_token_beyond_the_vocabulary_decodes_to_nothing() -> None:
    assert PAIRS.decode(np.append(PAIRS.encode("cat"), np.int32(PAIRS.vocab_size + 7))) == "cat"


def test_a_piece_is_a_word_or_up_to_three_digits_with_at_most_one_mark_in_front() -> None:
    crowded = train_tokenizer("bpe", [" 12345 a12 7*3=21 "] * 50, 400)
    pieces = [crowded.decode(np.array([token])) for token in crowded.encode("x 12345 a12 7*3=21")]
    for piece in pieces:
        digits = piece.lstrip(" *=")
        assert len(piece) - len(digits) <= 1
        assert not any(c.isdigit() for c in piece) or (digits.isdigit() and len(digits) <= 3)
    assert {" 123", "*3", "=21"} <= set(pieces)


@pytest.mark.parametrize("kind", ["char", "bpe"])
def test_the_same_texts_make_the_same_files(kind: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        train_tokenizer(kind, iter(TEXTS), 300).save(tmp_path / name)  # type: ignore[arg-type]
    for file in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize("tokenizer", [CHARACTERS, PAIRS])
def test_a_saved_tokenizer_loads_the_same(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    loaded = load_tokenizer(tmp_path)
    assert (loaded.eos_id, loaded.pad_id, loaded.end_ids, loaded.vocab_size) == (
        tokenizer.eos_id, tokenizer.pad_id, tokenizer.end_ids, tokenizer.vocab_size)
    np.testing.assert_array_equal(loaded.encode(TEXTS[0]), tokenizer.encode(TEXTS[0]))


@pytest.mark.parametrize("tokenizer", [CHARACTERS, PAIRS])
def test_transformers_encodes_and_decodes_the_same(tokenizer: Tokenizer, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="the oracle is transformers' tokenizer")
    tokenizer.save(tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert (theirs.eos_token_id, theirs.pad_token_id) == (tokenizer.eos_id, tokenizer.pad_id)
    for text in [*TEXTS, "7\n\n 3\t cat  "]:
        ours = tokenizer.encode(text)
        assert theirs(text).input_ids == ours.tolist()
        assert theirs.decode(ours, skip_special_tokens=True) == tokenizer.decode(ours)


def _checkpoint(directory: Path, config: dict[str, object]) -> None:
    """A Llama-like tokenizer on disk: byte level, a BOS put in front by the post-processor."""
    vocab = {character: i for i, character in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    inner = RustTokenizer(models.BPE(vocab, []))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    inner.decoder = decoders.ByteLevel()
    inner.add_special_tokens([AddedToken(token, special=True) for token in ("<s>", "</s>", "<|eot|>")])
    inner.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 256)])
    inner.enable_truncation(4)
    inner.save(str(directory / "tokenizer.json"))
    (directory / "tokenizer_config.json").write_text(json.dumps(config))


def test_a_text_begins_with_bos_where_the_checkpoint_wants_it(tmp_path: Path) -> None:
    _checkpoint(tmp_path, {"bos_token": {"content": "<s>"}, "eos_token": "</s>"})
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.encode("cat").tolist()[0] == 256
    assert 256 not in tokenizer.encode("cat", continues=True)
    assert tokenizer.decode(tokenizer.encode("cat")) == "cat"


def test_bos_agrees_with_transformers(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="the oracle is transformers' tokenizer")
    for wanted in (True, False):
        config = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"}
        _checkpoint(tmp_path, {**config, "add_bos_token": wanted})
        theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
        assert theirs("cat").input_ids == load_tokenizer(tmp_path).encode("cat").tolist()


def test_a_length_limit_left_in_the_file_cuts_nothing(tmp_path: Path) -> None:
    _checkpoint(tmp_path, {"eos_token": "</s>"})
    assert len(load_tokenizer(tmp_path).encode("a long prompt")) == 13


def test_end_tokens_of_the_generation_config_count_too(tmp_path: Path) -> None:
    _checkpoint(tmp_path, {"eos_token": "</s>"})
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": [258, 257]}')
    tokenizer = load_tokenizer(tmp_path)
    assert (tokenizer.eos_id, tokenizer.end_ids, tokenizer.pad_id) == (257, (257, 258), 257)


def test_a_checkpoint_without_an_end_token_is_refused(tmp_path: Path) -> None:
    _checkpoint(tmp_path, {})
    with pytest.raises(CheckpointError, match="must name its end token"):
        load_tokenizer(tmp_path)


def test_an_end_token_outside_the_vocabulary_is_refused(tmp_path: Path) -> None:
    _checkpoint(tmp_path, {"eos_token": "<nothing>"})
    with pytest.raises(CheckpointError, match=r"eos_token must be in the vocabulary .* '<nothing>'"):
        load_tokenizer(tmp_path)


def test_a_missing_and_a_damaged_tokenizer_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"must have a tokenizer.json"):
        load_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(CheckpointError, match="must be a tokenizer"):
        load_tokenizer(tmp_path)


def test_too_small_a_vocabulary_is_refused() -> None:
    with pytest.raises(ConfigError, match="vocab_size must be 6 or more for 3 characters, got 5"):
        train_tokenizer("char", ["abc"], 5)
    with pytest.raises(ConfigError, match="must be 258 or more, got 100"):
        train_tokenizer("bpe", ["abc"], 100)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="'char' or 'bpe', got 'word'"):
        train_tokenizer("word", ["abc"])  # type: ignore[arg-type]
