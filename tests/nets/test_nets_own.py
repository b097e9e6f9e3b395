"""Networks of one's own are made from what their signatures name, and from the seed alone."""

import random

import numpy as np
import pytest
import torch
from torch import nn

import foreign
from sparsegan import importing
from sparsegan.errors import SparseganError
from sparsegan.nets import own


def _draws(seed=0):
    return torch.Generator().manual_seed(seed)


def _generator(maker, size=8, channels=1, seed=0, **settings):
    return own.generator(
        maker, image_size=size, channels=channels, random_stream=_draws(seed), **settings
    )


def test_a_class_is_told_what_its_signature_names():
    assert _generator(foreign.Called, 6, 3).arguments == (7, 6, 3, 2)
    said = _generator("foreign:Called", 6, 3, latent_dim=9, width=4)
    assert said.arguments == (9, 6, 3, 4)
    assert (said.latent_dim, said.classes) == (9, None)


def test_labels_are_for_makers_that_take_classes():
    assert own.takes_classes(foreign.Labelled, "generator")
    assert not own.takes_classes("foreign:Called", "generator")
    G = _generator(foreign.Labelled, classes=3)
    D = own.discriminator(
        foreign.LabelledScores, image_size=8, channels=1, classes=3, random_stream=_draws()
    )
    assert G.classes == D.classes == 3
    y = torch.tensor([0, 2])
    assert D(G(torch.randn(2, 5), y), y).shape == (2, 1)


def test_weights_follow_from_the_seed_and_other_randomness_goes_on():
    def noisy():
        G = foreign.Called()
        nn.init.normal_(G.out.weight, std=random.random() + np.random.rand())
        return G

    torch.manual_seed(1)
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    first = _generator(noisy).state_dict()
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states[1:]
    torch.manual_seed(2)
    again, other = _generator(noisy).state_dict(), _generator(noisy, seed=1).state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["out.weight"], other["out.weight"])


@pytest.mark.parametrize(
    ("maker", "says"),
    [
        (lambda ngpu: foreign.Called(), "needs ngpu: give it a default"),
        (lambda width: foreign.Called(), "needs width: set network.generator_width"),
        (lambda nz: foreign.Called(), "needs nz: set network.latent_dim"),
        (lambda classes: foreign.Called(), "needs classes: give images that have classes"),
        (
            lambda image_size: 1 / 0,
            r"\(image_size=8\) fails with ZeroDivisionError: .*own.py, line",
        ),
        (lambda: 3, "makes a int: it has to make a torch.nn.Module"),
        ("foreign:nz", "is a int: name a class"),
        (foreign.Called(), "made already: name its class"),
        ("foreign:absent", "has no absent"),
    ],
)
def test_what_does_not_make_a_network_is_refused(maker, says):
    with pytest.raises(SparseganError, match=says):
        _generator(maker)


def test_the_code_of_a_network_is_known_by_its_files(tmp_path):
    text = "from torch import nn\nclass Net(nn.Sequential):\n    pass\n"
    codes = []
    for number, change in enumerate(["", "", "# another\n"]):
        path = tmp_path / f"net{number}.py"
        path.write_text(text + change)
        name = f"{path}:Net"
        network = importing.load(name, "network.generator")(nn.Linear(2, 2))
        codes.append(own.code(network, name, "generator"))
    assert codes[0] == codes[1] != codes[2]
