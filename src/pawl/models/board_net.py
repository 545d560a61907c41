"""A residual network that sees a board: a policy over the game's moves, and a value.

The tower of AlphaGo Zero (Silver et al. 2017, "Methods: neural network architecture"), smaller: convolutions of 3 by 3
with batch norm. `depth` is the one dial of size: that many blocks of two convolutions, 16 times as wide.

When it plays, norms are folded into the convolutions before them, and products may be computed in bfloat16; when it
learns, the same under autocast.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 16
"""Channels for each block."""
POLICY_CHANNELS, VALUE_CHANNELS, HIDDEN = 8, 8, 64
"""Of the heads."""


@dataclass(frozen=True, slots=True)
class BoardArchitecture:
    """The shape of a network."""

    planes: int
    rows: int
    columns: int
    moves: int
    depth: int
    reply: bool = False
    """Whether it also says what the other will answer: a target beside the others (KataGo, Wu 2019, section 3.4)."""

    @property
    def width(self) -> int:
        return WIDTH * self.depth

    def to_json(self) -> dict[str, int | bool]:
        return asdict(self)


class Normed(nn.Module):
    """A convolution and its norm."""

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs, H, W] -> [B, outputs, H, W]"""
        out: Tensor = self.norm(self.convolution(x))
        return out

    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of the convolution that does both, with the norm's running mean and variance."""
        assert self.norm.running_mean is not None and self.norm.running_var is not None
        scale = self.norm.weight / torch.sqrt(self.norm.running_var + self.norm.eps)
        return self.convolution.weight * scale[:, None, None, None], self.norm.bias - self.norm.running_mean * scale


class Block(nn.Module):
    """x + two convolutions of it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = Normed(width, width, 3), Normed(width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        """[B, width, H, W]"""
        return F.relu(x + self.second(F.relu(self.first(x))))


class BoardNet(nn.Module):
    """Logits of moves and of a win."""

    def __init__(self, arch: BoardArchitecture) -> None:
        super().__init__()
        self.arch = arch
        cells = arch.rows * arch.columns
        self.stem = Normed(arch.planes, arch.width, 3)
        self.blocks = nn.ModuleList(Block(arch.width) for _ in range(arch.depth))
        self.policy_features = Normed(arch.width, POLICY_CHANNELS, 1)
        self.value_features = Normed(arch.width, VALUE_CHANNELS, 1)
        self.policy_head = nn.Linear(POLICY_CHANNELS * cells, arch.moves)
        self.reply_head = nn.Linear(POLICY_CHANNELS * cells, arch.moves) if arch.reply else None
        self.value_hidden = nn.Linear(VALUE_CHANNELS * cells, HIDDEN)
        self.value_head = nn.Linear(HIDDEN, 1)

    def forward(self, boards: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Boards [B, C, H, W] -> logits of moves [B, A], logits of a win [B], and where it has them logits of the
        reply [B, A]; float32."""
        x = F.relu(self.stem(boards))
        for block in self.blocks:
            x = block(x)
        moves = F.relu(self.policy_features(x)).flatten(1)
        value = F.relu(self.value_hidden(F.relu(self.value_features(x)).flatten(1)))
        reply = self.reply_head(moves).float() if self.reply_head is not None else None
        return self.policy_head(moves).float(), self.value_head(value).float()[:, 0], reply


class Player:
    """The same network when nothing is learnt: norms folded, weights in a precision, channels last."""

    def __init__(self, net: BoardNet, precision: torch.dtype) -> None:
        self.precision = precision
        self.stem, self.blocks = self._fold(net.stem), list[tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]]()
        for block in net.blocks:
            assert isinstance(block, Block)
            self.blocks.append((self._fold(block.first), self._fold(block.second)))
        # Both heads look at the board with one convolution.
        parts = [self._fold(part) for part in (net.policy_features, net.value_features)]
        self.features = torch.cat([weight for weight, _ in parts]), torch.cat([bias for _, bias in parts])
        self.policy_head, self.value_hidden, self.value_head = (
            (layer.weight.detach().to(precision), layer.bias.detach().to(precision))
            for layer in (net.policy_head, net.value_hidden, net.value_head))

    def _fold(self, part: Normed) -> tuple[Tensor, Tensor]:
        weight, bias = (tensor.detach().to(self.precision) for tensor in part.folded())
        return weight.contiguous(memory_format=torch.channels_last), bias

    @torch.inference_mode()
    def __call__(self, boards: Tensor) -> tuple[Tensor, Tensor]:
        """Boards [B, C, H, W] -> logits of moves [B, A] and of a win [B]; float32."""
        x = boards.to(self.precision).contiguous(memory_format=torch.channels_last)
        x = F.conv2d(x, *self.stem, padding=1).relu_()
        for first, second in self.blocks:
            inner = F.conv2d(x, *first, padding=1).relu_()
            x = F.conv2d(inner, *second, padding=1).add_(x).relu_()
        seen = F.conv2d(x, *self.features).relu_().contiguous()
        moves = F.linear(seen[:, :POLICY_CHANNELS].flatten(1), *self.policy_head)
        value = F.linear(F.linear(seen[:, POLICY_CHANNELS:].flatten(1), *self.value_hidden).relu_(), *self.value_head)
        return moves.float(), value.float()[:, 0]


def initialise(net: BoardNet, seed: int) -> None:
    """Weights from a seed: He's (2015) in the tower; heads at 0, so that a fresh network knows nothing and says so."""
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
        elif isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(module.bias)
    for head in (net.policy_head, net.value_head, net.reply_head):
        if head is not None:
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)
