"""Text under judgement as data in a prompt: between lines that it cannot write, short enough, and without marks that a
server would take for its own.

Whoever wrote the text may have written it for the judge. A fence is named after all texts that it holds, and by a name
that occurs in none of them, so that no text can close its own or open another's. Control characters become U+FFFD; the
marks by which chat templates tell who speaks (`<|im_start|>`, `[INST]`, `</s>`), which some servers would read as such,
get a blank behind their first character.

Not covered: marks of other templates than these; a text that persuades. How often it does is for a meter to say that
knows the truth.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence

MARKS = re.compile(r"<(?=[|\uff5c]|/?s>|/?(?:start|end)_of_turn>|(?:bos|eos|pad|unk|mask|sep|cls)>|</?SYS>>)"
                   r"|\[(?=/?INST\])", re.IGNORECASE)
"""The first character of a mark."""
JOINERS = "\u200c\u200d"
"""Invisible, but part of how Persian, Hindi and emoji are written."""


def fenced(parts: Sequence[tuple[str, str]], most: int) -> tuple[str, str]:
    """The name of the fence, and the parts of a prompt, each a label and a text of which at most `most` characters are
    kept, the middle left out; the line above such a text says so."""
    shown = [(label, plain(shortened(text, most)), max(0, len(text) - most)) for label, text in parts]
    name = unused_name([text for _, text, _ in shown])
    blocks = [f"[{name}: {label} begins{_said(left_out)}]\n{text}\n[{name}: {label} ends]"
              for label, text, left_out in shown]
    return name, "\n\n".join(blocks)


def _said(left_out: int) -> str:
    return f"; {left_out} characters of its middle are left out" if left_out else ""


def shortened(text: str, most: int) -> str:
    """The text without its middle, where it has more than `most` characters: so many are left, and an ellipsis."""
    if len(text) <= most:
        return text
    tail = most // 2
    return f"{text[: most - tail]}\n[...]\n{text[len(text) - tail :]}"


def plain(text: str) -> str:
    """The text without control characters and without marks of chat templates; line ends are newlines."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii() or not text.replace("\n", "").replace("\t", "").isprintable():
        text = "".join(map(_visible, text))
    return MARKS.sub(lambda mark: f"{mark[0]} ", text)


def _visible(character: str) -> str:
    if character in "\n\t" or character in JOINERS:
        return character
    match unicodedata.category(character):
        case "Cc" | "Cf" | "Cs":
            return "\ufffd"
        case "Zl" | "Zp":
            return "\n"
    return character


def unused_name(texts: Sequence[str]) -> str:
    """A name that occurs in none of the texts, and is the same for the same texts."""
    whole, turn = "\0".join(texts), 0
    while True:
        name = hashlib.blake2b(f"{turn}\0{whole}".encode(), digest_size=3).hexdigest()
        if name not in whole:
            return name
        turn += 1
