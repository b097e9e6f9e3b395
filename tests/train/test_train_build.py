import pytest
import torch

from sparsegan import data
from sparsegan.errors import SparseganError
from sparsegan.train import build
from tiny_run import config


@pytest.fixture(scope="module")
def garments():
    return data.load("fashion-mnist", split="test")


@pytest.mark.parametrize(
    ("flags", "source"),
    [
        ([], "fashion-mnist"),
        (["--data.path", "photos"], "folder"),
        (["--data.path", "cifar", "--data.source", "cifar10"], "cifar10"),
    ],
)
def test_the_source_is_named_or_follows_from_the_path(flags, source):
    settings = config("unused", "--data.source", "null", *flags)
    assert build.source_of(settings) == source


def test_what_the_data_and_the_machine_decide_is_filled_in(garments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = ["--data.path", "photos", "--threads", "null", "--network.latent_dim", "null"]
    settings = build.resolve(config("unused", *flags), garments)
    assert (settings.data.source, settings.data.path) == ("folder", str(tmp_path / "photos"))
    assert (settings.data.image_size, settings.data.channels) == (28, 1)
    assert settings.data.classes is None, "dcgan takes no labels"
    assert settings.threads == torch.get_num_threads()
    assert settings.network.latent_dim == build.pair(settings).generator.latent_dim
    assert build.resolve(settings, garments) == settings


def test_classes_are_those_of_the_images_where_networks_take_labels(garments):
    settings = config("unused", "--network.name=biggan", "--data.image_size=32")
    wide = data.Images(garments.pixels[..., :24, :24], garments.labels, garments.class_names, "x")
    resolved = build.resolve(settings, wide)
    assert resolved.data.classes == garments.class_names
    assert build.classes(resolved) == len(garments.class_names)


def test_images_that_are_not_square_are_refused(garments):
    wide = data.Images(garments.pixels[:, :, 4:], None, (), "wide")
    with pytest.raises(SparseganError, match=r"images of wide are 24 x 28: set data.image_size"):
        build.resolve(config("unused"), wide)


def test_images_of_some_classes_are_those_alone():
    images = build.load_images(config("unused", "--data.classes", "[bag, coat]"), "test")
    assert images.class_names == ("bag", "coat")
    every = data.load("fashion-mnist", split="test")
    counts = torch.bincount(every.labels, minlength=10)
    expected = [int(counts[every.class_names.index(name)]) for name in images.class_names]
    assert torch.bincount(images.labels).tolist() == expected


def test_the_shape_of_images_is_known_once_settings_are_resolved(garments):
    assert build.image_shape(build.resolve(config("unused"), garments)) == (28, 1)
    with pytest.raises(AssertionError, match="not resolved"):
        build.image_shape(config("unused"))


def test_each_network_has_an_optimiser_of_its_own_rate(garments):
    flags = ["--optimiser.generator.lr", "0.001", "--optimiser.discriminator.betas", "[0.3, 0.7]"]
    pair = build.pair(build.resolve(config("unused", *flags), garments))
    (of_G,), (of_D,) = (
        pair.generator_optimiser.param_groups,
        pair.discriminator_optimiser.param_groups,
    )
    assert of_G["lr"] == 0.001 != of_D["lr"]
    assert tuple(of_D["betas"]) == (0.3, 0.7)
    for group, network in ((of_G, pair.generator), (of_D, pair.discriminator)):
        assert {id(p) for p in group["params"]} == {id(p) for p in network.parameters()}


def test_the_method_has_its_settings_and_masks_at_once(garments, caplog):
    settings = build.resolve(config("unused"), garments)
    pair = build.pair(settings)
    method = build.method(settings, pair)
    assert method.settings == settings.method.settings
    masks = method.generator.masks
    assert masks.active == round(0.3 * masks.total)
    assert not any(layer.parameter.detach()[~masks[layer.name]].any() for layer in masks.layers)
    assert not caplog.records
