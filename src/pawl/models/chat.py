"""A checkpoint's chat template, rendered in jinja2's sandbox: messages in, prompt out.

A template is code from a stranger: it sees plain strings only, and reaching for anything else is an error. What
a message says is data: special tokens named inside it stay text. A prompt is a function of its messages, so a
template that asks for today's date is told that there is none, and falls back to its own.

Not covered: tools, documents, images; a template written to loop for hours or to fill memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, LoopControlExtension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from pawl.errors import CheckpointError, DataError
from pawl.models.tokenizer import Tokenizer, read_json
from pawl.records import IntArray, Message, Prompt

_OPEN, _CLOSE = "\ue0a0", "\ue0a1"
"""Private-use characters around a special token's name inside a message, while the template renders."""


_FAILURES = (TemplateError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What code in a template can raise."""


class MessagesRefused(TemplateError):
    """The template called raise_exception."""


class _Sandbox(ImmutableSandboxedEnvironment):
    """Raises where jinja2's sandbox would go on with an undefined value."""

    def unsafe_undefined(self, obj: Any, attribute: str) -> Any:
        raise SecurityError(f"it reaches for {attribute!r} of a {type(obj).__name__}")


class _Namespace(Namespace):
    """jinja2's namespace without private names; its attributes are out of the sandbox's sight."""

    def __init__(*args: Any, **kwargs: Any) -> None:
        Namespace.__init__(*args, **kwargs)
        for name in dict(*args[1:], **kwargs):
            _refuse_private(name)

    def __setitem__(self, name: str, value: Any) -> None:
        _refuse_private(name)
        super().__setitem__(name, value)


class _Generation(Extension):
    """`{% generation %}` marks what an assistant wrote, for training masks; here it is only its body."""

    tags = {"generation"}  # noqa: RUF012 -- jinja2 declares it so

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class ChatTemplate:
    """A compiled chat template."""

    def __init__(self, source: str, specials: dict[str, str] | None = None) -> None:
        """`specials` are the tokens a template may name: bos_token, eos_token, ..."""
        self.source = source
        self._specials = dict(specials or {})
        environment = _Sandbox(
            trim_blocks=True, lstrip_blocks=True, extensions=[LoopControlExtension, _Generation])
        environment.filters["tojson"] = _to_json
        environment.globals |= {"raise_exception": _raise_exception, "namespace": _Namespace}
        try:
            self._template = environment.from_string(source)
        except TemplateError as error:
            raise CheckpointError(f"the checkpoint's chat template must be valid jinja: {error}") from error

    def render(self, messages: Sequence[Message], add_generation_prompt: bool = True) -> str:
        """The prompt of a conversation; with `add_generation_prompt` it ends where the assistant begins.

        Raises DataError for messages without role and content, or of an order that the template refuses, and
        CheckpointError for a template that fails or leaves the sandbox.
        """
        plain = [_validated(message, index) for index, message in enumerate(messages)]
        try:
            return self._template.render(
                messages=plain, tools=None, documents=None, add_generation_prompt=add_generation_prompt,
                **self._specials,
            )
        except MessagesRefused as error:
            raise DataError(f"the checkpoint's chat template refuses the messages: {error}") from error
        except SecurityError as error:
            raise CheckpointError(f"a chat template must stay in its sandbox, but {error}") from error
        except _FAILURES as error:
            raise CheckpointError(f"the checkpoint's chat template fails: {error}") from error

    def encode(
        self, messages: Sequence[Message], tokenizer: Tokenizer, add_generation_prompt: bool = True
    ) -> IntArray:
        """[P] tokens of the prompt: special tokens of the template are tokens, names of them in a message text."""
        texts = tokenizer.special_texts()
        named = "|".join(map(re.escape, sorted(texts, key=len, reverse=True))) or r"(?!)"
        marked = [
            {key: _marked(value, named) for key, value in _validated(message, index).items()}
            for index, message in enumerate(messages)
        ]
        rendered = self.render(marked, add_generation_prompt)
        pieces = re.split(f"{_OPEN}({named}){_CLOSE}|[{_OPEN}{_CLOSE}]", rendered)
        # re.split: the template's text stands at even places, a name from a message (or None) at odd ones.
        parts = [tokenizer.encode(piece, continues=True, special=place % 2 == 0)
                 for place, piece in enumerate(pieces) if piece]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32)

    def save(self, directory: Path) -> None:
        """Write chat_template.jinja."""
        (directory / "chat_template.jinja").write_text(self.source, encoding="utf-8")


def load_chat(directory: Path, tokenizer: Tokenizer) -> ChatTemplate | None:
    """The chat template of a directory, or None: chat_template.jinja, else what tokenizer_config.json has."""
    path = directory / "chat_template.jinja"
    if path.is_file():
        return ChatTemplate(path.read_text(encoding="utf-8"), tokenizer.specials())
    source = read_json(directory / "tokenizer_config.json").get("chat_template")
    if isinstance(source, list):
        named = {entry["name"]: entry["template"] for entry in source if {"name", "template"} <= set(entry)}
        source = named.get("default")
    return ChatTemplate(source, tokenizer.specials()) if isinstance(source, str) else None


def encode_prompt(prompt: Prompt, tokenizer: Tokenizer, chat: ChatTemplate | None) -> IntArray:
    """[P] tokens of a prompt: a chat model reads text as the user's message, a plain model messages as their text."""
    if chat is not None:
        return chat.encode([{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt, tokenizer)
    if isinstance(prompt, str):
        return tokenizer.encode(prompt)
    messages = [_validated(message, index) for index, message in enumerate(prompt)]
    return tokenizer.encode("".join(f"{message['content']}\n" for message in messages))


def _validated(message: Message, index: int) -> dict[str, str]:
    """A plain copy, so that a template never holds an object with methods of its own."""
    for key in ("role", "content"):
        if not isinstance(message.get(key), str):
            raise DataError(f"message {index} must have {key!r}, a string, got {message.get(key)!r}")
    return {str(key): str(value) for key, value in message.items()}


def _marked(text: str, named: str) -> str:
    """The text with names of special tokens between marks; marks already in it go, lest they forge one."""
    clean = text.replace(_OPEN, "").replace(_CLOSE, "")
    return re.sub(named, f"{_OPEN}\\g<0>{_CLOSE}", clean)


def _refuse_private(name: object) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise SecurityError(f"it stores {name!r} on a namespace")


def _raise_exception(message: str) -> None:
    raise MessagesRefused(message)


def _to_json(
    value: Any, ensure_ascii: bool = False, indent: int | None = None,
    separators: tuple[str, str] | None = None, sort_keys: bool = False,
) -> str:
    """JSON without jinja2's HTML escapes, as transformers gives templates."""
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
