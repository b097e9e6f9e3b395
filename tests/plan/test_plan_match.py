"""Narrower dense networks for the price of sparse ones."""

import math

import pytest

from sparsegan import SparseganError, nets
from sparsegan.cli import settings
from sparsegan.plan import match
from sparsegan.plan.plan import outline
from sparsegan.settings import parse

SPARSE = {
    "method": {"name": "static", "generator_density": 0.2, "discriminator_density": 0.5},
    "network": {"name": "dcgan", "generator_width": 9, "discriminator_width": 11, "latent_dim": 8},
    "steps": 10,
    "batch_size": 6,
    "generator_batch_size": 4,
}


def config(**over):
    return parse.parse([parse.Layer("test", {**SPARSE, **over})], [])


def weights(width, role):
    """Weights of a dense network of that width, biases and normalisation left out, by hand."""
    widths = {"generator_width": 1, "discriminator_width": 1, f"{role}_width": width}
    pair = nets.build("dcgan", image_size=28, channels=1, latent_dim=8, **widths)
    network = pair[role == "discriminator"]
    return sum(p.numel() for p in network.parameters() if p.dim() > 1)


@pytest.mark.parametrize("role", ["generator", "discriminator"])
def test_no_width_comes_nearer_in_weights(role):
    own = config()
    plain, matches = match.small_dense(own, outline(own).config, "weights")
    of_role = next(one for one in matches if one.network == role)
    layers = outline(own).networks[role]
    assert of_role.wanted == sum(layer.active for layer in layers)
    misses = {width: abs(weights(width, role) - of_role.wanted) for width in range(1, 12)}
    assert misses[of_role.width] == min(misses.values())
    assert of_role.reached == weights(of_role.width, role)
    assert getattr(plain.network, f"{role}_width") == of_role.width
    assert plain.method.name == "dense"
    assert f"({of_role.miss:+.1%})" in str(of_role)


def test_the_dense_equal_costs_as_much_as_counted_for_a_run_of_its_own():
    own = config()
    plain, matches = match.small_dense(own, outline(own).config, "flops")
    counted = outline(plain)
    total = counted.cost["flops"]["consistent"]["step"]
    assert total == pytest.approx(sum(one.reached for one in matches))
    assert all(abs(one.miss) < 0.5 for one in matches)  # widths this small are coarse


def test_shared_settings_are_kept_and_those_of_the_sparse_method_are_not():
    own = config(method={**SPARSE["method"], "ema_decay": 0.5, "balance_every": 3})
    plain, _ = match.small_dense(own, outline(own).config, "weights")
    assert plain.method.settings.ema_decay == 0.5
    assert plain.method.settings.balance_every == 3
    assert not hasattr(plain.method.settings, "generator_density")


def test_layers_shared_out_by_hand_are_the_sparse_runs_alone():
    own = config(method={**SPARSE["method"], "layer_densities": ["generator.linear=0.3"]})
    plain, _ = match.small_dense(own, outline(own).config, "weights")
    assert plain.method.settings.layer_densities == ()


def test_a_wider_one_is_taken_where_the_run_to_match_costs_more():
    wide = config(network={**SPARSE["network"], "generator_width": 30, "discriminator_width": 40})
    own = config()
    _, matches = match.small_dense(own, outline(own).config, "weights", outline(wide))
    assert all(abs(one.miss) < 0.2 for one in matches)
    assert math.prod(one.width > one.before for one in matches)


def test_a_network_that_takes_no_width_is_refused(tmp_path):
    code = tmp_path / "own.py"
    code.write_text(
        "import torch\n"
        "class G(torch.nn.Module):\n"
        "    def __init__(self, latent_dim, image_size, channels):\n"
        "        super().__init__()\n"
        "        self.shape = channels, image_size, image_size\n"
        "        self.layer = torch.nn.Linear(latent_dim, channels * image_size**2)\n"
        "    def forward(self, z):\n"
        "        return self.layer(z).tanh().view(-1, *self.shape)\n"
    )
    network = {**SPARSE["network"], "generator": f"{code}:G"}
    own = config(network={**network, "generator_width": None})
    with pytest.raises(SparseganError, match=r"network\.generator is your own"):
        match.small_dense(own, outline(own).config, "weights")


def test_the_command_line_says_by_how_much_it_misses():
    flags = ["--recipe", "fashion-mnist", "--match", "weights"]
    request = settings.read(flags, "cost", "")
    assert request.config.method.name == "dense"
    assert request.notes[-3] == "--match weights"
    assert all("%)" in note for note in request.notes[-2:])
    with pytest.raises(SparseganError, match="--match weights or --match flops"):
        settings.read(["--match_to", "run"], "train", "")
