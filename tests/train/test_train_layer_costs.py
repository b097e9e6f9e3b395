import torch
from torch import nn

from sparsegan.train import networks
from sparsegan.train.layer_costs import layer_costs, network_layers
from tiny_run import config


def resolved(*flags):
    return config("unused", "--data.image_size=28", "--data.channels=1", *flags)


def measured_macs(network, *inputs):
    """Multiply-accumulates of each convolution and linear layer, from the shapes of a forward."""
    macs = {}

    def count(name, layer, output):
        macs[name] = layer.weight.numel() * (output[0, 0].numel() if output.dim() == 4 else 1)

    for name, layer in network.named_modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            layer.register_forward_hook(
                lambda layer, _, output, name=name: count(name, layer, output)
            )
    with torch.no_grad():
        network(*inputs)
    return macs


def test_layers_cost_what_their_shapes_in_a_forward_say():
    settings = resolved()
    G, D = networks.build(settings)
    costs = layer_costs(settings, G, D)
    inputs = {"generator": (G, torch.zeros(1, 8)), "discriminator": (D, torch.zeros(1, 1, 28, 28))}
    for role, (network, sample) in inputs.items():
        counted = {layer.name: layer.macs for layer in costs[role] if layer.weights}
        measured = measured_macs(network, sample)
        assert measured
        assert {name: counted[name] for name in measured} == measured


def test_labels_are_passed_to_networks_that_take_them():
    flags = ["--network.name=biggan", "--data.image_size=32", "--data.classes=[a,b,c]"]
    settings = resolved(*flags)
    costs = layer_costs(settings, *networks.build(settings))
    assert any("embedding" in layer.kind.lower() for layer in costs["discriminator"])


def test_layers_without_a_mask_are_full_and_those_without_weights_are_left_out():
    settings = resolved()
    costs = layer_costs(settings, *networks.build(settings))
    (masked, plain, *_) = (layer for layer in costs["generator"] if layer.weights)
    of_networks = network_layers({"generator": {masked.name: 3}, "discriminator": {}}, costs)
    by_name = {layer.name: layer for layer in of_networks["generator"]}
    assert by_name.keys() == {layer.name for layer in costs["generator"] if layer.weights}
    assert (by_name[masked.name].active, by_name[masked.name].masked) == (3, True)
    assert by_name[plain.name].active == by_name[plain.name].weights == plain.weights
    assert not any(layer.masked for layer in of_networks["discriminator"])
