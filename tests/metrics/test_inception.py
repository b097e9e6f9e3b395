import hashlib
import importlib
import importlib.util
import sys
import types

import pytest
import torch
from torch import nn

from needs import inception_network
from sparsegan.errors import SparseganError
from sparsegan.metrics import Inception2015, frechet_distance, inception


class Tiny(nn.Module):
    """Called and loaded as torch-fidelity's network is."""

    def __init__(self, name, features, feature_extractor_weights_path):
        super().__init__()
        self.asked = features
        self.linear = nn.Linear(3, 2048)
        self.load_state_dict(torch.load(feature_extractor_weights_path))
        self.requires_grad_(False).eval()

    def forward(self, x):
        assert x.dtype == torch.uint8
        return (self.linear(x.float().mean((2, 3))),)


def package(monkeypatch, network):
    module = types.ModuleType("torch_fidelity")
    module.__spec__ = importlib.machinery.ModuleSpec("torch_fidelity", None)
    module.FeatureExtractorInceptionV3 = network
    monkeypatch.setitem(sys.modules, "torch_fidelity", module)


def known(monkeypatch, path):
    """Let a file be the published one."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(inception, "SHA256", digest)


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "pt_inception-2015-12-05-6726825d.pth"
    state = nn.Linear(3, 2048).state_dict()
    torch.save({f"linear.{name}": value for name, value in state.items()}, path)
    return path


def test_features_are_of_the_weights_in_the_file(monkeypatch, weights):
    package(monkeypatch, Tiny)
    known(monkeypatch, weights)
    before = torch.get_rng_state()
    network = Inception2015(weights)
    assert torch.equal(torch.get_rng_state(), before)
    pixels = torch.randint(256, (40, 1, 8, 8), dtype=torch.uint8)
    state = torch.load(weights)
    expected = pixels.float().mean((1, 2, 3))[:, None] * state["linear.weight"].sum(1)
    torch.testing.assert_close(network(pixels), expected + state["linear.bias"])


def test_another_file_is_refused_before_it_is_read(monkeypatch, weights):
    package(monkeypatch, Tiny)
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("the file was read"))
    with pytest.raises(SparseganError, match="is not the Inception network of FID"):
        Inception2015(weights)
    with pytest.raises(SparseganError, match=r"cannot read evaluate\.inception .*No such file"):
        Inception2015(weights.with_name("absent"))


def test_a_package_that_is_missing_or_does_not_load_is_one_sentence(monkeypatch, weights):
    known(monkeypatch, weights)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SparseganError, match=r"pip install 'sparsegan\[fid\]'"):
        inception.require(weights)

    def broken(name):
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(importlib, "import_module", broken)
    with pytest.raises(SparseganError, match=r"does not load .*torchvision::nms"):
        inception.network({})


@pytest.mark.full("inception")
def test_the_architecture_is_that_of_the_published_weights(monkeypatch):
    folder = inception_network()
    bare = types.ModuleType("torch_fidelity")
    bare.__path__ = [str(folder)]
    monkeypatch.setitem(sys.modules, "torch_fidelity", bare)
    module = importlib.import_module("torch_fidelity.feature_extractor_inceptionv3")
    bare.FeatureExtractorInceptionV3 = module.FeatureExtractorInceptionV3

    class Random(module.FeatureExtractorInceptionV3):
        def load_state_dict(self, state):
            """Keep the weights that are drawn."""

    monkeypatch.setattr(torch, "load", lambda *_, **__: {})
    state = Random("random", ["2048"], "nowhere").state_dict()
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "torch_fidelity", bare)
    # The published file has 566 entries, and 95.6 MB of float32 and a few counters.
    assert len(state) == 566
    assert sum(value.numel() for value in state.values()) * 4 == pytest.approx(95.6e6, rel=0.01)
    network = inception.network(state)
    pixels = torch.randint(256, (6, 3, 16, 16), dtype=torch.uint8)
    with torch.inference_mode():
        [features] = network(pixels)
        assert features.shape == (6, 2048)
        assert frechet_distance(features[:3], features[3:]) > 0
        assert torch.equal(network(pixels)[0], features)
