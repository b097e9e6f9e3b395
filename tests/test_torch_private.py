"""What PyTorch does not promise: that it is there, and does what this package takes it for."""

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.autograd.graph import saved_tensors_hooks

from sparsegan import torch_private


def test_every_name_is_there():
    assert all(getattr(torch_private, name) is not None for name in torch_private.__all__)


def test_hooks_on_saved_tensors_are_seen_where_gradients_are_recorded():
    assert not torch_private.is_watched()
    with saved_tensors_hooks(lambda x: x, lambda x: x):
        assert torch_private.is_watched()
        with torch.no_grad():
            assert not torch_private.is_watched()


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_traces_transforms_and_tangents_are_seen():
    seen = []

    def look(x):
        seen.append(torch_private.is_transformed())
        return x.sum()

    look(torch.ones(2))
    torch.jit.trace(look, torch.ones(2), check_trace=False)
    torch.func.grad(look)(torch.ones(2))
    with forward_ad.dual_level():
        look(torch.ones(2))
    assert seen == [False, True, True, True]


def test_a_wrapper_has_shape_type_and_device_and_no_memory():
    class Named(Tensor):
        @classmethod
        def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
            raise AssertionError("nothing is computed")

    made = torch_private.wrapper(Named, torch.ones(1, dtype=torch.float64), (2, 3), (1, 2))
    with torch_private.as_plain_tensors():
        assert made.shape == (2, 3)
        assert made.stride() == (1, 2)
        assert made.dtype == torch.float64


def test_classes_are_those_of_the_layers():
    assert isinstance(nn.BatchNorm2d(1), torch_private.BatchNorm)
    assert isinstance(nn.InstanceNorm2d(1), torch_private.NormBase)
    layer = nn.utils.parametrizations.spectral_norm(nn.Linear(2, 2))
    assert isinstance(layer.parametrizations.weight[0], torch_private.SpectralNorm)
    assert callable(torch_private.SpectralNorm._power_method)
    assert callable(torch_private.SpectralNorm._reshape_weight_to_matrix)
