"""A network that plays a board game: what it proposes and what it expects, many positions at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pawl.errors import CheckpointError
from pawl.models.board_net import BoardArchitecture, BoardNet, Player, initialise
from pawl.models.checkpoint import WEIGHTS, disk_errors
from pawl.models.precision import written
from pawl.models.tokenizer import read_json
from pawl.records import FloatArray, Views

KIND = "pawl_board"
"""What config.json calls such a network."""


class BoardPolicy:
    """A board network as a policy with a value. See `pawl.search.boards.Evaluate` for what it is called with."""

    def __init__(self, net: BoardNet, game: str, *, precision: torch.dtype = torch.float32) -> None:
        self.net, self.game, self.precision = net.eval(), game, precision
        self._player: tuple[list[tuple[int, int]], Player] | None = None

    @classmethod
    def fresh(cls, arch: BoardArchitecture, game: str, *, seed: int, device: torch.device | str = "cpu",
              precision: torch.dtype = torch.float32) -> BoardPolicy:
        """One that knows nothing."""
        net = BoardNet(arch)
        initialise(net, seed)
        return cls(net.to(device), game, precision=precision)

    @property
    def device(self) -> torch.device:
        return self.net.policy_head.weight.device

    @property
    def threads(self) -> int:
        """That may ask it side by side."""
        return torch.get_num_threads() if self.device.type == "cpu" else 1

    def __call__(self, states: NDArray[Any], views: Views) -> tuple[FloatArray, FloatArray]:
        """Priors [L, A] over legal moves and values [L] in [-1, 1] for whoever moves."""
        logits, values = self.player()(torch.from_numpy(views.boards).to(self.device))
        chances = probabilities(logits, torch.from_numpy(views.legal).to(self.device))
        return chances.cpu().numpy(), torch.tanh(values / 2).cpu().numpy()  # 2 sigmoid(x) - 1

    def player(self) -> Player:
        """The network as it plays; made anew when weights have changed."""
        state = [written(tensor) for tensor in (*self.net.parameters(), *self.net.buffers())]
        if self._player is None or self._player[0] != state:
            self._player = state, Player(self.net, self.precision)
        return self._player[1]

    def learns(self, boards: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """As `BoardNet.forward`, in the policy's precision, for a loss."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16):
            logits, values, reply = self.net(boards.contiguous(memory_format=torch.channels_last))
        return logits, values, reply

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        return self.net.named_parameters()

    def clone(self) -> BoardPolicy:
        """Its weights may change without these."""
        copy = BoardNet(self.net.arch).to(self.device)
        copy.load_state_dict(self.net.state_dict())
        return BoardPolicy(copy, self.game, precision=self.precision)

    def save(self, directory: Path) -> None:
        """config.json and model.safetensors."""
        directory.mkdir(parents=True, exist_ok=True)
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in self.net.state_dict().items()}
        with disk_errors():
            save_file(tensors, directory / WEIGHTS, metadata={"format": "pt"})
        config = {"model_type": KIND, "game": self.game, **self.net.arch.to_json()}
        (directory / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def load_board_policy(directory: Path, *, device: torch.device | str = "cpu",
                      precision: torch.dtype = torch.float32) -> BoardPolicy:
    """What `BoardPolicy.save` wrote. Raises CheckpointError when it is something else, or damaged."""
    if not (directory / "config.json").is_file():
        raise CheckpointError(f"a checkpoint must have a config.json, {directory} has none")
    config = read_json(directory / "config.json")
    kind, game = config.pop("model_type", None), config.pop("game", None)
    if kind != KIND or not isinstance(game, str):
        raise CheckpointError(f"a network for a board game must be of the type {KIND}, got {kind!r} in {directory}")
    try:
        net = BoardNet(BoardArchitecture(**config))
        net.load_state_dict(load_file(directory / WEIGHTS))
    except (TypeError, RuntimeError, OSError, SafetensorError) as error:
        raise CheckpointError(f"checkpoint {directory} is damaged: {str(error).splitlines()[0]}") from error
    return BoardPolicy(net.to(device), game, precision=precision)


def probabilities(logits: Tensor, legal: Tensor) -> Tensor:
    """[L, A] of legal moves, summing to 1."""
    return F.softmax(logits.masked_fill(~legal, -torch.inf), dim=-1)


