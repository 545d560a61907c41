"""The board network: what plays is what learns, a fresh one knows nothing, and what is saved comes back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from pawl.errors import CheckpointError
from pawl.models.board_net import BoardArchitecture, BoardNet, Player, initialise
from pawl.models.board_policy import BoardPolicy, load_board_policy, probabilities
from pawl.models.checkpoint import fingerprint
from pawl.records import Views

ARCH = BoardArchitecture(planes=3, rows=5, columns=4, moves=20, depth=2)


def trained(arch: BoardArchitecture = ARCH, seed: int = 0) -> BoardNet:
    """A network whose blocks and heads are not as they were made."""
    net = BoardNet(arch)
    initialise(net, seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in net.parameters():
            tensor.add_((torch.rand(tensor.shape, generator=generator) - 0.5) * 0.2)
    return net.eval()


def boards(count: int, seed: int = 0) -> torch.Tensor:
    return (torch.rand(count, 3, 5, 4, generator=torch.Generator().manual_seed(seed)) < 0.4).float()


def views(count: int) -> Views:
    legal = np.random.default_rng(0).random((count, 20)) < 0.5
    legal[:, 0] = True
    nobody = np.zeros(count, np.int32)
    return Views(boards(count).numpy(), legal, nobody, nobody.astype(bool), nobody.astype(np.float32))


def test_what_plays_is_what_learns() -> None:
    net = trained()
    with torch.no_grad():
        moves, values, _ = net(boards(9))
    played_moves, played_values = Player(net, torch.float32)(boards(9))
    torch.testing.assert_close(played_moves, moves, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(played_values, values, rtol=1e-4, atol=1e-4)


def test_in_bfloat16_it_is_nearly_the_same() -> None:
    net = trained()
    exact, rounded = (probabilities(Player(net, dtype)(boards(50))[0], torch.ones(50, 20, dtype=torch.bool))
                      for dtype in (torch.float32, torch.bfloat16))
    assert float((exact - rounded).abs().max()) < 0.05


def test_without_a_tower_it_sees_patterns_and_is_cheap(tmp_path: Path) -> None:
    cheap = BoardArchitecture(planes=3, rows=5, columns=4, moves=20, depth=0)
    net = trained(cheap)
    assert len(net.blocks) == 0 and cheap.width == 16
    with torch.no_grad():
        torch.testing.assert_close(Player(net, torch.float32)(boards(9))[0], net(boards(9))[0], rtol=1e-4, atol=1e-4)
    BoardPolicy(net, "toy").save(tmp_path)
    assert load_board_policy(tmp_path).net.arch == cheap


@pytest.mark.parametrize("depth", [0, 2])
def test_operations_are_two_for_each_product(depth: int) -> None:
    """Counted by torch; a bias is added for each output of a layer, which is no product."""
    net = trained(BoardArchitecture(planes=3, rows=5, columns=4, moves=20, depth=depth))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(boards(1))
    assert counter.get_total_flops() == net.arch.flops


def test_a_fresh_one_knows_nothing() -> None:
    policy = BoardPolicy.fresh(ARCH, "toy", seed=3)
    seen = views(6)
    priors, values = policy(np.zeros(6), seen)
    assert (values == 0).all()
    assert np.allclose(priors, seen.legal / seen.legal.sum(axis=1, keepdims=True))


def test_priors_are_those_of_legal_moves_and_values_what_a_player_gets() -> None:
    policy = BoardPolicy(trained(), "toy")
    priors, values = policy(np.zeros(8), views(8))
    assert np.allclose(priors.sum(axis=1), 1, atol=1e-5) and (priors[~views(8).legal] == 0).all()
    _, logits, _ = policy.net(boards(8))
    expected = 2 * torch.sigmoid(logits) - 1
    assert np.allclose(values, expected.detach().numpy(), atol=1e-4) and (abs(values) <= 1).all()


def test_weights_that_change_are_played_with() -> None:
    policy = BoardPolicy(trained(), "toy")
    before = policy(np.zeros(4), views(4))[0]
    with torch.no_grad():
        policy.net.stem.weight.mul_(-1)
    assert not np.allclose(policy(np.zeros(4), views(4))[0], before)


def test_a_clone_is_its_own() -> None:
    policy = BoardPolicy(trained(), "toy")
    copy = policy.clone()
    assert all(torch.equal(a, b) for a, b in zip(policy.net.state_dict().values(), copy.net.state_dict().values(),
                                                 strict=True))
    with torch.no_grad():
        copy.net.value_head.bias.add_(1)
    assert not torch.equal(policy.net.value_head.bias, copy.net.value_head.bias)


@pytest.mark.parametrize("reply", [False, True])
def test_what_is_saved_comes_back_and_has_one_name(tmp_path: Path, reply: bool) -> None:
    arch = BoardArchitecture(3, 5, 4, 20, 2, reply)
    policy = BoardPolicy(trained(arch), "toy")
    policy.save(tmp_path / "one")
    loaded = load_board_policy(tmp_path / "one")
    assert loaded.net.arch == arch and loaded.game == "toy"
    assert np.array_equal(loaded(np.zeros(4), views(4))[0], policy(np.zeros(4), views(4))[0])
    loaded.save(tmp_path / "two")
    assert fingerprint(tmp_path / "one") == fingerprint(tmp_path / "two")


def test_what_is_no_board_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"config\.json"):
        load_board_policy(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(CheckpointError, match="pawl_board"):
        load_board_policy(tmp_path)
    BoardPolicy(trained(), "toy").save(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="damaged"):
        load_board_policy(tmp_path)
