"""Two processes that average the gradients of active weights only."""

import os
import tempfile
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as processes
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from sparsegan import sparsity
from sparsegan.sparsity import Masks, SparseNetwork, maskable_layers

STEPS, GROWTH = 8, (3, 6)


def network():
    torch.manual_seed(0)
    norm = nn.utils.parametrizations.spectral_norm
    return nn.Sequential(
        nn.Conv2d(2, 8, 3, padding=1), nn.ReLU(), norm(nn.Conv2d(8, 6, 3)), nn.Flatten()
    )


def trained(rank, hook):
    """Weights after some steps with two rewirings; what travelled at each of them."""
    module = network()
    masks = Masks(module, 0.1, generator=torch.Generator().manual_seed(0))
    optimiser = torch.optim.Adam(module.parameters(), lr=0.01)
    sparse = SparseNetwork(module, optimiser, masks, kernels="masked")
    sparse.growth_gradient_due = lambda: sparse.steps + 1 in GROWTH
    wrapped = DistributedDataParallel(module, broadcast_buffers=False)
    state = sparsity.average_active_gradients(wrapped, sparse) if hook else None
    travelled = []
    data = torch.Generator().manual_seed(1 + rank)
    for step in range(1, STEPS + 1):
        before = 0 if state is None else state.sent
        optimiser.zero_grad()
        wrapped(torch.randn(4, 2, 6, 6, generator=data)).square().mean().backward()
        inactive = [
            bool((layer.parameter.grad[~masks[layer.name]] != 0).any()) for layer in masks.layers
        ]
        optimiser.step()
        if state is not None:
            travelled.append((state.sent - before, any(inactive)))
        if step in GROWTH:
            sparse.rewire(0.3, growth="gradient", scope="network", rounding="floor")
    return [p.detach().clone() for p in module.parameters()], travelled, masks.checksum()


def process(rank, folder):
    store = dist.FileStore(str(Path(folder) / "store"), 2)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=2)
    torch.save([trained(rank, hook=False), trained(rank, hook=True)], Path(folder) / f"{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()
    os._exit(0)  # the backend's threads may abort in the interpreter's own end


@pytest.fixture(scope="module")
def both():
    """What each of two processes has, without and with the hook."""
    if not dist.is_available():
        pytest.skip("this PyTorch has no torch.distributed")
    with tempfile.TemporaryDirectory() as folder:
        processes.spawn(process, (folder,), nprocs=2)
        return [torch.load(Path(folder) / f"{rank}.pt") for rank in range(2)]


def test_weights_and_masks_are_those_of_whole_gradients_to_the_bit(both):
    for (whole, _, masks), (active, _, masks_too) in both:
        assert all(torch.equal(a, b) for a, b in zip(whole, active, strict=True))
        assert masks == masks_too
    assert all(torch.equal(a, b) for a, b in zip(both[0][1][0], both[1][1][0], strict=True))


def test_only_what_is_active_travels_but_for_steps_to_grow_by(both):
    module = network()
    everything = sum(p.numel() for p in module.parameters())
    weights = sum(layer.parameter.numel() for layer in maskable_layers(module))
    active = everything - weights + round(0.1 * weights)
    for _, (_, travelled, _) in both:
        for step, (sent, inactive) in enumerate(travelled, 1):
            assert sent == (everything if step in GROWTH else active)
            assert inactive == (step in GROWTH)


def test_a_module_that_is_alone_exchanges_nothing():
    module = network()
    masks = Masks(module, 0.5)
    sparse = SparseNetwork(module, torch.optim.Adam(module.parameters()), masks)
    assert sparsity.average_active_gradients(module, sparse) is None
