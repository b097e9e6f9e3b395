"""Vectors over blocks and back, against a slow listing of every block's places."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_maskable import LAYERS
from torch import nn

import reference
from sparsegan import SparseganError
from sparsegan.sparsity import Units, maskable_layers

layers = st.one_of(
    st.builds(lambda i, o: nn.Linear(i, o), st.integers(1, 5), st.integers(1, 11)),
    st.builds(lambda i, o: nn.Conv2d(i, o, (2, 3)), st.integers(1, 5), st.integers(1, 11)),
    st.builds(lambda i, o: nn.ConvTranspose2d(i, o, (2, 3)), st.integers(1, 5), st.integers(1, 11)),
)
networks = st.lists(layers, min_size=1, max_size=4).map(nn.ModuleList)


def _blocks(network):
    """Of every block the layer's index and the places of its weights in the network."""
    blocks, start = [], 0
    for index, layer in enumerate(network):
        output = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
        for places in reference.blocks(layer.weight.shape, output):
            blocks.append((index, [start + position for position in places]))
        start += layer.weight.numel()
    return blocks


@given(networks)
def test_blocks_are_four_neighbouring_output_channels(network):
    units, blocks = Units(maskable_layers(network), "block"), _blocks(network)
    total = sum(layer.weight.numel() for layer in network)
    flat = torch.randn(total)
    assert units.sizes.tolist() == [len(places) for _, places in blocks]
    assert units.first(flat).tolist() == [float(flat[places[0]]) for _, places in blocks]
    means = torch.stack([flat[places].double().mean() for _, places in blocks])
    torch.testing.assert_close(units.mean(flat), means, rtol=1e-15, atol=0)
    numbers = torch.arange(len(blocks))
    spread = units.spread(numbers)
    for number, (_, places) in enumerate(blocks):
        assert set(spread[places].tolist()) == {number}
    for index, part in enumerate(units.split(numbers)):
        assert part.tolist() == [i for i, (layer, _) in enumerate(blocks) if layer == index]
    for group, part in zip(units.groups, units.split_groups(numbers), strict=True):
        assert {(group.layer, group.size)} == {(blocks[i][0], len(blocks[i][1])) for i in part}
        assert len(part) == group.count


@given(networks)
def test_single_weights_are_their_own_units(network):
    units = Units(maskable_layers(network), "weight")
    flat = torch.randn(sum(layer.weight.numel() for layer in network))
    for same in (units.first, units.mean, units.spread):
        assert same(flat) is flat
    assert units.sizes is None
    assert [(g.layer, g.size, g.count) for g in units.groups] == [
        (i, 1, layer.weight.numel()) for i, layer in enumerate(network)
    ]


def test_every_kind_of_layer_has_its_blocks_along_its_output_channels():
    network = nn.ModuleDict({name: make() for name, make in LAYERS.items()})  # 3 to 4 channels
    units = Units(maskable_layers(network), "block")
    assert {group.size for group in units.groups} == {4}
    assert [group.count for group in units.groups] == [
        layer.weight.numel() // 4 for layer in network.values()
    ]


def test_a_block_with_a_value_that_is_no_number_has_no_mean():
    units = Units(maskable_layers(nn.Linear(1, 8)), "block")
    flat = torch.tensor([1.0, float("nan"), 1, 1, 1, 2, 3, 4])
    assert units.mean(flat).isnan().tolist() == [True, False]


def test_an_unknown_granularity_is_refused():
    with pytest.raises(SparseganError, match="granularity is 'row': choose one of weight, block"):
        Units(maskable_layers(nn.Linear(2, 2)), "row")
