"""A generator as exports want it, out of networks that were never trained."""

import pytest
import torch

from sparsegan import data
from sparsegan.draw import sampling
from sparsegan.errors import SparseganError
from sparsegan.export import freeze
from sparsegan.export.frozen import _data, _width
from sparsegan.train import build
from sparsegan.train.trained import Trained, TrainedGame
from tiny_run import config

pytestmark = pytest.mark.usefixtures("quick_runs")


def trained(*flags):
    images = data.load("fashion-mnist", split="test", image_size=32)
    settings = build.resolve(
        config("unused", "--network.name", "sngan", "--data.image_size", "32", *flags), images
    )
    game = TrainedGame(None, build.method(settings, build.pair(settings)))
    return Trained(settings, (game,), 7)


def test_a_frozen_generator_draws_what_the_run_would_and_leaves_it_alone():
    run = trained()
    method = run.method
    with torch.no_grad():
        for average in method.ema.averages.values():
            average.mul_(1.1)  # other weights than the live ones
    before = {name: value.clone() for name, value in method.generator.module.state_dict().items()}
    frozen = freeze(run)
    after = method.generator.module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    z = torch.randn(5, method.generator.module.latent_dim)
    with torch.no_grad(), sampling.sampled(method) as generator:
        assert torch.allclose(frozen.generator(z), generator(z), atol=1e-5)


def test_it_is_plain_and_at_rest():
    frozen = freeze(trained())
    assert not frozen.generator.training
    assert not any(parameter.requires_grad for parameter in frozen.generator.parameters())
    for module in frozen.generator.modules():
        assert not module._forward_pre_hooks
        assert not hasattr(module, "parametrizations")
    state = frozen.generator.state_dict()
    assert frozen.dense_bytes == sum(t.numel() * t.element_size() for t in state.values())


def test_masks_and_origin_are_those_of_the_run():
    run = trained()
    masks = run.method.generator.masks
    frozen = freeze(run)
    assert frozen.masks.keys() == set(masks.names)
    for name, mask in frozen.masks.items():
        assert not frozen.generator.get_submodule(name).weight[~mask].any()
    origin = frozen.origin
    assert (origin["method"], origin["step"], origin["weights"]) == ("adapt", 7, "ema")
    assert origin["density"] == masks.density
    assert origin["settings"] == vars(run.config.method.settings)
    active = sum(int(frozen.masks[name].sum()) for name in origin["densities"])
    assert active == masks.active


def test_a_width_is_that_of_the_settings_or_the_published_one():
    settings = ("unused", "--network.name", "sngan")
    assert _width(config(*settings, "--network.generator_width", "null"), 32) == 256
    assert _width(config(*settings, "--network.generator_width", "7"), 32) == 7
    own = config(*settings, "--generator", "my:G", "--network.generator_width", "null")
    assert _width(own, 32) is None


def test_a_game_is_named_only_where_there_are_several():
    with pytest.raises(SparseganError, match="leave out --direction"):
        freeze(trained(), "a_to_b")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (".", "inner"),
        ("..", "my.pictures.v2"),
        ("../", "my.pictures.v2"),
        ("/data/.hidden", ".hidden"),
        ("flowers.zip", "flowers"),
        ("my.flowers.tar", "my.flowers"),
        ("flowers.v2.tar.xz", "flowers.v2"),
        ("FLOWERS.TGZ", "FLOWERS"),
        ("/data/.zip", ".zip"),
        ("/", ""),
    ],
)
def test_data_of_ones_own_has_the_name_of_its_folder_or_archive(tmp_path, monkeypatch, path, name):
    (tmp_path / "my.pictures.v2" / "inner").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "my.pictures.v2" / "inner")
    settings = config("unused", "--data.source", "folder", "--data.path", path)
    assert _data(settings) == name
