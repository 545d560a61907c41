"""Any causal language model of transformers as a policy (extra `hf`), for architectures that Pawl's own cannot be.

Slower than `TransformerPolicy`: a prompt is computed once and its cache copied to each completion. Rows of a batch
are left-padded, so a draw may differ between batches where two tokens are a rounding error apart. Weights are float32;
products are computed in the model's precision by torch's autocast, the output logits in float32 (`precision.py` says
why). Remote code runs only when the caller says so; pickled weights never load.

Not covered: encoder-decoder models, images and sound, adapters.
"""

from __future__ import annotations

import copy
import importlib
import inspect
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from pawl.errors import CheckpointError, MissingExtraError
from pawl.keys import uniforms
from pawl.models.chat import ChatTemplate, encode_prompt, load_chat
from pawl.models.checkpoint import DOWNLOADED, disk_errors, find_checkpoint, load_value_head, save_value_head
from pawl.models.draw import draw
from pawl.models.precision import in_float32
from pawl.models.scoring import before_stop, evaluate, score, stops_now
from pawl.models.tokenizer import Tokenizer, load_tokenizer
from pawl.records import (
    Completion,
    Demonstration,
    Evaluation,
    FloatArray,
    IntArray,
    KeyArray,
    Prompt,
    Sampling,
)
from pawl.stages import count as count_tokens

ROWS = 128
"""Completions drawn together."""
UNLIMITED = 2**31 - 1
"""Tokens that a model without a longest sequence can take."""


class HFModel(nn.Module):
    """A transformers model with Pawl's value head: logits and values at chosen positions, and steps with a cache."""

    def __init__(self, causal: Any) -> None:
        """`causal` is what AutoModelForCausalLM opens, its weights in float32; the value head starts at zero."""
        super().__init__()
        output = causal.get_output_embeddings()
        if output is None:
            raise CheckpointError(f"a model must have output embeddings, {type(causal).__name__} has none")
        self.causal = causal
        self.value_head = nn.Linear(output.weight.shape[1], 1, device=output.weight.device, dtype=output.weight.dtype)
        nn.init.zeros_(self.value_head.weight)
        nn.init.zeros_(self.value_head.bias)
        self.precision = torch.float32
        """Of the products inside the network."""
        self._takes_positions = "position_ids" in inspect.signature(causal.forward).parameters

    @property
    def device(self) -> torch.device:
        return self.value_head.weight.device

    def rounding(self) -> torch.autocast:
        """Products inside it are in the model's precision, for which a weight is rounded once as long as it is open."""
        narrow = self.precision != torch.float32
        return torch.autocast(self.device.type, dtype=self.precision if narrow else None, enabled=narrow)

    def forward(self, tokens: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [N, V] and value logits [N] of right-padded tokens [B, T] at the positions of a mask [B, T]."""
        kept, logits = self._chosen(tokens, chosen)
        return logits, self.value_head(kept).squeeze(-1)

    def values(self, tokens: Tensor, chosen: Tensor) -> Tensor:
        """Value logits [N] as in `forward`, but their gradient reaches the value head alone."""
        with torch.no_grad():
            kept, _ = self._chosen(tokens, chosen)
        values: Tensor = self.value_head(kept)
        return values.squeeze(-1)

    def _chosen(self, tokens: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden states [N, C] at the chosen positions, and their logits [N, V]."""
        kept, output = self._run(lambda hidden: hidden[chosen].unsqueeze(0), input_ids=tokens, use_cache=False)
        return kept.squeeze(0), output.logits.squeeze(0)

    def advance(self, tokens: Tensor, mask: Tensor, cache: Any) -> tuple[Tensor, Any]:
        """Logits [B, V] after the newest tokens [B, T], and the cache; the mask [B, S] spans the cached ones too."""
        places = {}
        if self._takes_positions:
            places["position_ids"] = (mask.cumsum(-1) - 1).clamp_(min=0)[:, -tokens.shape[1] :]
        _, output = self._run(lambda hidden: hidden[:, -1:], input_ids=tokens, attention_mask=mask,
                              past_key_values=cache, use_cache=True, **places)
        return output.logits.squeeze(1), output.past_key_values

    def _run(self, pick: Callable[[Tensor], Tensor], **inputs: Any) -> tuple[Tensor, Any]:
        """What `pick` takes of the final hidden states [B, T, C], in float32, and the output, with logits of that."""
        kept: list[Tensor] = []
        with ExitStack() as precision:
            precision.enter_context(self.rounding())
            mine = threading.get_ident()

            def choose(_module: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor] | None:
                if threading.get_ident() != mine:
                    return None  # a pass by another thread, side by side with this one
                # In front of the output embeddings: what a model does to its logits afterwards, it does to these.
                precision.enter_context(torch.autocast(self.device.type, enabled=False))
                kept.append(pick(given[0]).float())
                return (kept[0],)

            with self.causal.get_output_embeddings().register_forward_pre_hook(choose):
                output = self.causal(**inputs)
        return kept[0], output


class HFPolicy:
    """Implements `Trainable` with a transformers model."""

    def __init__(self, model: HFModel, tokenizer: Tokenizer, chat: ChatTemplate | None = None) -> None:
        self.model, self.tokenizer, self.chat = model, tokenizer, chat

    @property
    def context(self) -> int:
        """What the configuration states; recurrent models and those with linear biases state no limit."""
        return int(getattr(self.model.causal.config, "max_position_embeddings", None) or UNLIMITED)

    def encode(self, prompt: Prompt) -> IntArray:
        return encode_prompt(prompt, self.tokenizer, self.chat)

    def encode_demonstration(self, demonstration: Demonstration) -> tuple[IntArray, IntArray]:
        completion = self.tokenizer.encode(demonstration.completion, continues=True)
        return self.encode(demonstration.prompt), np.append(completion, np.int32(self.tokenizer.eos_id))

    def decode(self, tokens: IntArray) -> str:
        return self.tokenizer.decode(tokens)

    # no_grad, not inference_mode: tables that a model grows while sampling must serve training as well.

    @torch.no_grad()
    def propose(
        self, prefixes: Sequence[IntArray], count: int, *, sampling: Sampling, keys: KeyArray
    ) -> list[list[Completion]]:
        results: dict[int, list[Completion]] = {}
        order = sorted(range(len(prefixes)), key=lambda i: len(prefixes[i]))
        size = max(1, ROWS // count)
        with self.model.rounding():
            for start in range(0, len(order), size):
                members = order[start : start + size]
                rows = self._sample([prefixes[i] for i in members], count, sampling, keys[members].reshape(-1))
                results |= {member: rows[i * count : (i + 1) * count] for i, member in enumerate(members)}
        count_tokens(self.named_parameters, read=sum(map(len, prefixes)),
                     sampled=sum(len(one.tokens) for group in results.values() for one in group))
        return [results[i] for i in range(len(prefixes))]

    def _sample(
        self, prefixes: Sequence[IntArray], count: int, sampling: Sampling, keys: KeyArray
    ) -> list[Completion]:
        """Completions of keys [P * count]; a finished row leaves the batch and its cache."""
        tokens, mask = self._left_padded(prefixes)
        logits, cache = self.model.advance(tokens, mask, None)
        if cache is None:
            raise CheckpointError(f"a model must keep a key/value cache, {type(self.model.causal).__name__} has none")
        alive = np.arange(len(keys))
        row = torch.arange(len(prefixes), device=self.model.device).repeat_interleave(count)
        logits = logits[row]
        written = np.zeros((len(keys), sampling.max_tokens), dtype=np.int32)
        logprobs = np.zeros((len(keys), sampling.max_tokens), dtype=np.float32)
        lengths = np.full(len(keys), sampling.max_tokens)
        stopped = np.zeros(len(keys), dtype=bool)
        for position in range(sampling.max_tokens):
            drawn, drawn_logprobs = draw(logits, uniforms(keys[alive], position), sampling)
            written[alive, position] = drawn.cpu().numpy()
            logprobs[alive, position] = drawn_logprobs.float().cpu().numpy()
            done = np.array([self._done(written[i, : position + 1], sampling.stop) for i in alive])
            stopped[alive[done]], lengths[alive[done]] = True, position + 1
            alive, going = alive[~done], torch.from_numpy(np.flatnonzero(~done)).to(self.model.device)
            if not len(alive) or position + 1 == sampling.max_tokens:
                break
            row = row[going] if position == 0 else going
            cache.reorder_cache(row)
            mask = torch.cat((mask[row], mask.new_ones(len(alive), 1)), dim=1)
            logits, cache = self.model.advance(drawn[going, None], mask, cache)
        return [
            self._completion(written[i, :length], logprobs[i, :length], sampling.stop, "stop" if ended else "length")
            for i, (length, ended) in enumerate(zip(lengths, stopped, strict=True))
        ]

    def _left_padded(self, prefixes: Sequence[IntArray]) -> tuple[Tensor, Tensor]:
        """Tokens [P, S] that end together, and their mask [P, S]."""
        width = max(map(len, prefixes))
        tokens = torch.full((len(prefixes), width), self.tokenizer.pad_id)
        mask = torch.zeros_like(tokens)
        for row, prefix in enumerate(prefixes):
            tokens[row, width - len(prefix) :] = torch.from_numpy(prefix)
            mask[row, width - len(prefix) :] = 1
        return tokens.to(self.model.device), mask.to(self.model.device)

    def _done(self, tokens: IntArray, stops: Sequence[str]) -> bool:
        return int(tokens[-1]) in self.tokenizer.end_ids or stops_now(tokens, stops, self.tokenizer)

    def _completion(
        self, tokens: IntArray, logprobs: FloatArray, stops: Sequence[str], finish: Literal["stop", "length"]
    ) -> Completion:
        return Completion(before_stop(self.tokenizer.decode(tokens), stops), tokens, logprobs, finish)

    @torch.no_grad()
    def evaluate(self, prefixes: Sequence[IntArray]) -> list[Evaluation]:
        count_tokens(self.named_parameters, read=sum(map(len, prefixes)))
        return evaluate(self.forward, prefixes, self.model.device)

    @torch.no_grad()
    def logprobs(self, prefixes: Sequence[IntArray], completions: Sequence[IntArray]) -> list[FloatArray]:
        """In float32, whatever the precision: what was sampled in another is set right by them."""
        count_tokens(self.named_parameters, read=sum(map(len, prefixes)) + sum(map(len, completions)))
        with in_float32(self.model):
            return score(self.forward, prefixes, completions, self.model.device)

    def clone(self) -> HFPolicy:
        return HFPolicy(copy.deepcopy(self.model), self.tokenizer, self.chat)

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        return self.model.named_parameters()

    def forward(self, tokens: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
        logits, values = self.model(tokens, chosen)
        return logits, values

    def values(self, tokens: Tensor, chosen: Tensor) -> Tensor:
        return self.model.values(tokens, chosen)

    def save(self, directory: Path) -> None:
        """Write the Hugging Face layout of the model's own architecture."""
        with disk_errors():
            self.model.causal.save_pretrained(directory)
        save_value_head(directory, self.model.value_head)
        self.tokenizer.save(directory)
        if self.chat is not None:
            self.chat.save(directory)


def load_hf_policy(
    source: str | Path, *, device: str | torch.device = "cpu", precision: torch.dtype = torch.float32,
    trust_remote_code: bool = False,
) -> HFPolicy:
    """The policy of a directory or of a Hugging Face name, opened by transformers, with products in a precision.

    `trust_remote_code` runs the Python files of the checkpoint: only for those whose author you trust. Raises
    MissingExtraError without transformers, CheckpointError for a checkpoint that is not whole.
    """
    try:
        transformers = importlib.import_module("transformers")
    except ModuleNotFoundError as error:
        raise MissingExtraError("a checkpoint of this architecture", "hf") from error
    directory = find_checkpoint(source, (*DOWNLOADED, "*.py") if trust_remote_code else DOWNLOADED)
    try:
        causal, report = transformers.AutoModelForCausalLM.from_pretrained(
            directory, dtype=torch.float32, use_safetensors=True, trust_remote_code=trust_remote_code,
            local_files_only=True, output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        raise CheckpointError(f"transformers could not open {directory}: {error}") from error
    # transformers only warns, and goes on with random numbers in their place.
    if missing := sorted(report["missing_keys"]):
        raise CheckpointError(f"checkpoint {directory} lacks tensors ({len(missing)}): {', '.join(missing[:4])}")
    model = HFModel(causal.eval().to(device))
    model.precision = precision
    load_value_head(directory, model.value_head)
    tokenizer = load_tokenizer(directory)
    return HFPolicy(model, tokenizer, load_chat(directory, tokenizer))
