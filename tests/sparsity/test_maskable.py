"""Which weights are found, under which names, and what is refused."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from sparsegan import SparseganError
from sparsegan.modules import unwrap
from sparsegan.sparsity import maskable_layers

LAYERS = {
    "linear": lambda: nn.Linear(3, 4),
    "conv1d": lambda: nn.Conv1d(3, 4, 2),
    "conv2d": lambda: nn.Conv2d(3, 4, 2),
    "conv3d": lambda: nn.Conv3d(3, 4, 2),
    "transposed1d": lambda: nn.ConvTranspose1d(3, 4, 2),
    "transposed2d": lambda: nn.ConvTranspose2d(3, 4, 2),
    "transposed3d": lambda: nn.ConvTranspose3d(3, 4, 2),
}


def _names(module, include="weights"):
    return [layer.name for layer in maskable_layers(module, include)]


@pytest.mark.parametrize("kind", LAYERS)
def test_every_kind_of_layer_is_found_and_the_parameter_is_the_optimisers(kind):
    plain = LAYERS[kind]()
    legacy = torch.nn.utils.spectral_norm(LAYERS[kind]())
    parametrized = parametrizations.spectral_norm(LAYERS[kind]())
    network = nn.ModuleDict({"a": plain, "b": legacy, "c": parametrized})
    layers = maskable_layers(network)
    assert [layer.name for layer in layers] == ["a", "b", "c"]
    parameters = [layer.parameter for layer in layers]
    assert parameters[0] is plain.weight
    assert parameters[1] is legacy.weight_orig
    assert parameters[2] is parametrized.parametrizations.weight.original
    held = {id(parameter) for parameter in network.parameters()}
    assert all(id(parameter) in held for parameter in parameters)


def test_norms_embeddings_biases_and_scalars_are_never_found():
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.gate = nn.Parameter(torch.zeros(1))
            self.table = nn.Parameter(torch.zeros(3, 3))
            self.embedding = nn.Embedding(5, 4)
            self.norms = nn.ModuleList([nn.BatchNorm2d(4), nn.GroupNorm(2, 4), nn.LayerNorm(4)])
            self.conv = nn.Conv2d(4, 4, 3)

    assert _names(Network()) == ["conv"]


def test_a_module_that_is_itself_a_layer_has_a_name():
    assert _names(nn.Linear(2, 2)) == ["weight"]


def test_rules_of_both_papers():
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(4, 4)
            self.conv = nn.Conv2d(4, 4, 3)
            self.up = nn.ConvTranspose2d(4, 4, 4)
            self.audio = nn.Conv1d(4, 4, 3)
            self.gain1 = nn.Linear(4, 4)
            self.classifier = nn.Linear(4, 1)

    assert _names(Network(), "adapt") == ["linear", "conv", "up", "audio"]
    assert _names(Network(), "stu-gan") == ["conv", "up"]
    assert _names(Network(), lambda name, module: name == "audio") == ["audio"]


def test_a_shared_weight_counts_once_under_the_first_name():
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    second.weight = first.weight
    assert _names(nn.ModuleDict({"first": first, "second": second, "again": first})) == ["first"]


class _FabricLike(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self._forward_module = inner
        self._original_module = inner


def test_wrappers_do_not_show_in_names(without_gpu):
    network = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    wrapped = {
        "data parallel": nn.DataParallel(network),
        "compiled": torch.compile(network),
        "fabric": _FabricLike(network),
        "all": _FabricLike(nn.DataParallel(torch.compile(network))),
    }
    for wrapper in wrapped.values():
        assert unwrap(wrapper) is network
        assert _names(wrapper) == ["0", "2"]


def test_nothing_to_mask_is_refused():
    with pytest.raises(SparseganError, match="Sequential has nothing to mask"):
        maskable_layers(nn.Sequential(nn.BatchNorm2d(3), nn.ReLU()))
    with pytest.raises(SparseganError, match="nothing to mask under the rule 'stu-gan'"):
        maskable_layers(nn.Linear(2, 2), "stu-gan")


def test_an_unknown_rule_is_refused():
    with pytest.raises(SparseganError, match="maskable rule is 'stugan': choose one of"):
        maskable_layers(nn.Linear(2, 2), "stugan")


def test_a_lazy_layer_is_refused_until_it_has_run():
    network = nn.Sequential(nn.LazyConv2d(4, 3))
    with pytest.raises(SparseganError, match="0 is lazy and has no weight yet: run one forward"):
        maskable_layers(network)
    network(torch.zeros(1, 2, 5, 5))
    assert _names(network) == ["0"]


@pytest.mark.parametrize(
    "reparametrize",
    [
        torch.nn.utils.weight_norm,
        parametrizations.weight_norm,
        parametrizations.orthogonal,
        lambda module: prune.random_unstructured(module, "weight", amount=0.5),
        lambda module: parametrizations.weight_norm(parametrizations.spectral_norm(module)),
    ],
    ids=["legacy weight norm", "weight norm", "orthogonal", "pruned", "two at once"],
)
@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
def test_other_reparametrisations_are_refused_but_may_be_left_out(reparametrize):
    network = nn.ModuleDict({"odd": reparametrize(nn.Linear(4, 4)), "plain": nn.Linear(4, 4)})
    with pytest.raises(SparseganError, match="odd is reparametrised by something else"):
        maskable_layers(network)
    assert _names(network, lambda name, module: name == "plain") == ["plain"]


def test_weights_without_real_numbers_are_refused():
    with pytest.raises(SparseganError, match="empty or not of real numbers"):
        maskable_layers(nn.Linear(2, 2, dtype=torch.complex64))
    with pytest.warns(UserWarning, match="zero-element"):
        empty = nn.Linear(0, 2)
    with pytest.raises(SparseganError, match="empty or not of real numbers"):
        maskable_layers(empty)


def test_weights_on_two_devices_are_refused():
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2, device="meta"))
    with pytest.raises(SparseganError, match="several devices"):
        maskable_layers(network)


def test_looking_for_weights_does_not_advance_the_power_iteration():
    network = nn.Sequential(
        torch.nn.utils.spectral_norm(nn.Linear(4, 4)),
        parametrizations.spectral_norm(nn.Linear(4, 4)),
    )
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    for layer in maskable_layers(network):
        assert layer.parameter.shape == (4, 4)
    assert before
    for name, buffer in network.named_buffers():
        assert torch.equal(before[name], buffer), name
