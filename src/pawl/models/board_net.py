"""A residual network that sees a board: a policy over the game's moves, and a value.

The tower of AlphaGo Zero (Silver et al. 2017, "Methods: neural network architecture"), smaller and without its norms: a
block begins as the identity instead (Zhang et al. 2019, "Fixup initialization"), and steps of one size in all
directions do the rest. `depth` is the one dial of size: that many blocks of two convolutions, 16 times as wide.

A depth of 0 is no tower: patterns of 3 by 3 cells and the heads, cheap enough to play games out (AlphaGo's rollout
policy is of that kind, Silver et al. 2016).

When it plays, products may be computed in bfloat16; when it learns, the same under autocast.
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
        return WIDTH * max(1, self.depth)

    @property
    def flops(self) -> int:
        """Of one position: two for each product with a weight."""
        cells, products = self.rows * self.columns, 9 * self.planes * self.width + 18 * self.depth * self.width**2
        features = self.width * (POLICY_CHANNELS + VALUE_CHANNELS)
        heads = POLICY_CHANNELS * cells * self.moves + VALUE_CHANNELS * cells * HIDDEN + HIDDEN
        return 2 * (cells * (products + features) + heads)

    def to_json(self) -> dict[str, int | bool]:
        return asdict(self)


class Block(nn.Module):
    """x + two convolutions of it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = _convolution(width, width, 3), _convolution(width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        """[B, width, H, W]"""
        return F.relu(x + self.second(F.relu(self.first(x))))


def _convolution(inputs: int, outputs: int, size: int) -> nn.Conv2d:
    """That keeps the board's size."""
    return nn.Conv2d(inputs, outputs, size, padding=size // 2)


class BoardNet(nn.Module):
    """Logits of moves and of a win."""

    def __init__(self, arch: BoardArchitecture) -> None:
        super().__init__()
        self.arch = arch
        cells = arch.rows * arch.columns
        self.stem = _convolution(arch.planes, arch.width, 3)
        self.blocks = nn.ModuleList(Block(arch.width) for _ in range(arch.depth))
        self.policy_features = _convolution(arch.width, POLICY_CHANNELS, 1)
        self.value_features = _convolution(arch.width, VALUE_CHANNELS, 1)
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
    """The same network when nothing is learnt: weights in a precision, channels last."""

    def __init__(self, net: BoardNet, precision: torch.dtype) -> None:
        self.precision = precision
        self.stem, self.blocks = self._cast(net.stem), list[tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]]()
        for block in net.blocks:
            assert isinstance(block, Block)
            self.blocks.append((self._cast(block.first), self._cast(block.second)))
        # Both heads look at the board with one convolution.
        parts = [self._cast(part) for part in (net.policy_features, net.value_features)]
        self.features = torch.cat([weight for weight, _ in parts]), torch.cat([bias for _, bias in parts])
        self.policy_head, self.value_hidden, self.value_head = (
            self._cast(layer) for layer in (net.policy_head, net.value_hidden, net.value_head))

    def _cast(self, layer: nn.Conv2d | nn.Linear) -> tuple[Tensor, Tensor]:
        """Weight and bias."""
        assert layer.bias is not None
        weight, bias = (tensor.detach().to(self.precision) for tensor in (layer.weight, layer.bias))
        return weight.contiguous(memory_format=torch.channels_last) if weight.dim() == 4 else weight, bias

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
    """Weights from a seed: He's (2015); at 0 the last of each block, which so begins as the identity, and the heads, so
    that a fresh network knows nothing and says so."""
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
            assert module.bias is not None
            nn.init.zeros_(module.bias)
    last = [block.second for block in net.blocks if isinstance(block, Block)]
    for layer in (*last, net.policy_head, net.value_head, net.reply_head):
        if layer is not None:
            nn.init.zeros_(layer.weight)
