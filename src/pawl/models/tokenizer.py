"""Text to tokens and back: a checkpoint's own tokenizer, or one trained on the spot.

Text is data. A special token's name inside a text, such as "<|endoftext|>", is encoded as the characters it is
made of, unless the caller says that the text was written by a chat template (`special=True`).

Not covered: tokenizers without a `tokenizer.json` (SentencePiece models, `vocab.json` with `merges.txt`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers, trainers
from tokenizers import Tokenizer as RustTokenizer

from pawl.errors import CheckpointError, ConfigError
from pawl.records import IntArray

PAD, END, UNKNOWN = "<|pad|>", "<|endoftext|>", "\ufffd"
"""Tokens of a trained tokenizer; a character outside the alphabet reads as U+FFFD, which decodes to itself."""

PIECES = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|[^\r\n\p{L}\p{N}]?\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""Pre-tokenizer after GPT-4's (tiktoken's cl100k_base), where a word takes the one mark or blank in front of it. Here a
number of up to three digits does too, so that `=21` can be one token: sums come a third shorter."""


class Tokenizer:
    """A `tokenizers.Tokenizer` with the few things that a policy asks of it."""

    def __init__(
        self, inner: RustTokenizer, *, end_ids: tuple[int, ...], pad_id: int | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        """Tokens `end_ids` end a completion, the one to write first; `config` is tokenizer_config.json."""
        # A length limit left in a tokenizer.json would cut prompts without a word.
        inner.no_truncation()
        inner.no_padding()
        self._inner = inner
        self.config = dict(config or {})
        self.end_ids = end_ids
        self.eos_id = end_ids[0]
        self.pad_id = self.eos_id if pad_id is None else pad_id
        self.vocab_size = max(inner.get_vocab(with_added_tokens=True).values()) + 1
        self._start = self._start_tokens()

    def _start_tokens(self) -> list[int]:
        """[BOS] when the checkpoint puts it before every text, else nothing."""
        # The post-processor decides, as in transformers 5, which does not read add_bos_token beside a tokenizer.json.
        start = self._inner.token_to_id(_content(self.config.get("bos_token")))
        return [start] if start in self._inner.encode("").ids else []

    def specials(self) -> dict[str, str]:
        """Named special tokens, as chat templates want them: bos_token, eos_token, ..."""
        return {key: _content(value) for key, value in self.config.items()
                if key.endswith("_token") and isinstance(value, str | Mapping)}

    def special_texts(self) -> list[str]:
        """The text of every special token."""
        return [token.content for token in self._inner.get_added_tokens_decoder().values() if token.special]

    def encode(self, text: str, *, continues: bool = False, special: bool = False) -> IntArray:
        """[T] tokens of a text; no end token is added.

        A text that starts a sequence gets the checkpoint's BOS where it has one; one that `continues` another
        does not. With `special`, names of special tokens become those tokens.
        """
        self._inner.encode_special_tokens = not special
        ids = self._inner.encode(_well_formed(text), add_special_tokens=False).ids
        return np.array(ids if continues else self._start + ids, dtype=np.int32)

    def decode(self, tokens: IntArray) -> str:
        """The text of tokens [T], special tokens left out."""
        return str(self._inner.decode(tokens.tolist(), skip_special_tokens=True))

    def save(self, directory: Path) -> None:
        """Write tokenizer.json and tokenizer_config.json, as transformers' AutoTokenizer reads them."""
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "tokenizer.json").write_text(self._inner.to_str(pretty=True) + "\n", encoding="utf-8")
        text = json.dumps(self.config, indent=2, sort_keys=True, ensure_ascii=False)
        (directory / "tokenizer_config.json").write_text(text + "\n", encoding="utf-8")


def train_tokenizer(
    kind: Literal["char", "bpe"], texts: Iterable[str], vocab_size: int | None = None
) -> Tokenizer:
    """A tokenizer made from texts, the same for the same texts, of at most `vocab_size` tokens, two of them special.

    "char": every character of the texts is a token, and `vocab_size` may be left out. "bpe": byte-level pairs,
    merged while they occur twice or more (Sennrich, Haddow and Birch 2016); any text can be encoded.
    """
    if kind == "char":
        inner = _train_characters(texts, vocab_size)
    elif kind == "bpe":
        inner = _train_pairs(texts, vocab_size)
    else:
        raise ConfigError(f"tokenizer must be 'char' or 'bpe', got {kind!r}")
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END,
        "pad_token": PAD,
        "clean_up_tokenization_spaces": False,
    }
    end_id = inner.token_to_id(END)
    assert end_id is not None
    return Tokenizer(inner, end_ids=(end_id,), pad_id=inner.token_to_id(PAD), config=config)


def _train_characters(texts: Iterable[str], vocab_size: int | None) -> RustTokenizer:
    alphabet = sorted({character for text in texts for character in _well_formed(text)} - {UNKNOWN})
    tokens = [PAD, END, UNKNOWN, *alphabet]
    if vocab_size is not None and len(tokens) > vocab_size:
        raise ConfigError(
            f"vocab_size must be {len(tokens)} or more for {len(alphabet)} characters, got {vocab_size}",
            hint="a byte-level tokenizer ('bpe') writes any text with 258 tokens or more",
        )
    inner = RustTokenizer(models.WordLevel({token: i for i, token in enumerate(tokens)}, unk_token=UNKNOWN))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    inner.decoder = decoders.Fuse()
    inner.add_special_tokens(_special_tokens())
    return inner


def _train_pairs(texts: Iterable[str], vocab_size: int | None) -> RustTokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    if vocab_size is None or vocab_size < len(alphabet) + 2:
        raise ConfigError(f"vocab_size of 'bpe' must be {len(alphabet) + 2} or more, got {vocab_size}")
    inner = RustTokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PIECES), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, min_frequency=2, show_progress=False,
                                  special_tokens=_special_tokens(), initial_alphabet=alphabet)
    inner.train_from_iterator(map(_well_formed, texts), trainer)
    return inner


def _special_tokens() -> list[AddedToken]:
    return [AddedToken(token, special=True, normalized=False) for token in (PAD, END)]


def load_tokenizer(directory: Path) -> Tokenizer:
    """The tokenizer of a checkpoint directory; its end tokens include those of generation_config.json."""
    path = directory / "tokenizer.json"
    if not path.is_file():
        raise CheckpointError(f"a checkpoint must have a tokenizer.json, {directory} has none",
                              hint="transformers writes one: AutoTokenizer.from_pretrained(A).save_pretrained(B)")
    try:
        inner = RustTokenizer.from_str(path.read_text(encoding="utf-8"))
    except Exception as error:  # tokenizers raises bare Exception for whatever is wrong with the file
        raise CheckpointError(f"{path} must be a tokenizer of the tokenizers library: {error}") from error
    config = read_json(directory / "special_tokens_map.json") | read_json(directory / "tokenizer_config.json")
    config.pop("chat_template", None)
    named: dict[str, int] = {}
    for key in ("eos_token", "pad_token"):
        if text := _content(config.get(key)):
            token = inner.token_to_id(text)
            if token is None:
                raise CheckpointError(f"{key} must be in the vocabulary of {path}, got {text!r}")
            named[key] = token
    ends = [named["eos_token"]] if "eos_token" in named else []
    for name in ("generation_config.json", "config.json"):
        listed = read_json(directory / name).get("eos_token_id")
        ends += listed if isinstance(listed, list) else [] if listed is None else [listed]
    if not ends:
        raise CheckpointError(f"a checkpoint must name its end token, {directory} names none",
                              hint="set eos_token in tokenizer_config.json")
    return Tokenizer(inner, end_ids=tuple(dict.fromkeys(ends)), pad_id=named.get("pad_token"), config=config)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file of a checkpoint; empty when there is no such file."""
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{path} must be JSON: {error}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} must hold a JSON object, got {type(content).__name__}")
    return content


def _content(token: object) -> str:
    """The text of a special token, which tokenizer_config.json writes plain or as an object."""
    return str(token.get("content", "")) if isinstance(token, Mapping) else str(token or "")


def _well_formed(text: str) -> str:
    """The text with lone surrogates, which no encoding can write, as U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
