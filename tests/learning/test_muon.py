"""The orthogonalised step, against the iteration on the singular values themselves."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pawl.learning.muon import Muon, orthogonalise

torch.set_num_threads(1)

SHAPES = [(8, 8), (8, 24), (24, 8), (24, 24), (1, 5), (5, 1)]


def by_singular_values(matrix: Tensor) -> Tensor:
    """The quintic of Jordan et al. 2024, five times, on each singular value of the matrix over its Frobenius norm."""
    u, s, v = torch.linalg.svd(matrix.double(), full_matrices=False)
    s = s / s.norm()
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return (u * s) @ v


def random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_matrices_of_all_shapes_together_are_each_what_the_iteration_makes_of_them(scale: float) -> None:
    matrices = [scale * random(*shape) for shape in SHAPES]
    for matrix, found in zip(matrices, orthogonalise(matrices), strict=True):
        torch.testing.assert_close(found.double(), by_singular_values(matrix), atol=2e-4, rtol=0)


def test_directions_that_are_a_thousand_times_weaker_are_as_exact() -> None:
    u, _, v = torch.linalg.svd(random(16, 40), full_matrices=False)
    matrix = (u * torch.logspace(-3, 0, 16)) @ v
    (found,) = orthogonalise([matrix])
    torch.testing.assert_close(found.double(), by_singular_values(matrix), atol=5e-3, rtol=0)


def test_a_matrix_of_low_rank_keeps_its_rank() -> None:
    matrix = random(12, 2) @ random(2, 30)
    (found,) = orthogonalise([matrix])
    sizes = torch.linalg.svdvals(found)
    assert 0.6 < float(sizes[1]) <= float(sizes[0]) < 1.25
    assert float(sizes[2:].max()) < 1e-3


def test_no_gradient_is_no_step() -> None:
    assert orthogonalise([torch.zeros(3, 4)])[0].tolist() == torch.zeros(3, 4).tolist()


def test_a_step_has_the_precision_of_its_matrix() -> None:
    matrix = random(4, 6)
    (coarse,), (fine,) = orthogonalise([matrix.bfloat16()]), orthogonalise([matrix.bfloat16().float()])
    assert coarse.dtype == torch.bfloat16
    assert torch.equal(coarse, fine.bfloat16())


def test_a_convolution_moves_as_the_matrix_of_its_outputs_by_all_that_one_of_them_sees() -> None:
    kernels, matrix = nn.Parameter(torch.zeros(4, 3, 3, 3)), nn.Parameter(torch.zeros(4, 27))
    kernels.grad = random(4, 3, 3, 3).contiguous(memory_format=torch.channels_last)
    matrix.grad = kernels.grad.reshape(4, 27)
    Muon([kernels, matrix], lr=0.1).step()
    torch.testing.assert_close(kernels.detach().reshape(4, 27), matrix.detach())
    assert 0.6 < float(torch.linalg.svdvals(matrix.detach()).min()) / (0.1 * 0.2 * 27**0.5) < 1.25
