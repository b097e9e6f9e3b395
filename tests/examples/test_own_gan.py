"""The example's DCGAN, written without the library, trains sparse in its own loop."""

import runpy
from pathlib import Path

import pytest
import torch
from PIL import Image

from sparsegan.nets import own

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_gan.py"


@pytest.fixture(scope="module")
def example():
    return runpy.run_path(str(EXAMPLE))


def test_its_networks_are_taken_by_the_command_line_too():
    settings = {"image_size": 28, "channels": 1, "random_stream": torch.Generator()}
    G = own.generator(f"{EXAMPLE}:Generator", latent_dim=64, **settings)
    D = own.discriminator(f"{EXAMPLE}:Discriminator", **settings)
    assert D(G(torch.randn(3, 64))).shape == (3,)


@pytest.mark.parametrize("seed", range(8))
def test_its_generator_is_taken_for_every_seed(seed):
    random_stream = torch.Generator().manual_seed(seed)
    own.generator(
        f"{EXAMPLE}:Generator",
        latent_dim=64,
        image_size=28,
        channels=1,
        random_stream=random_stream,
    )


def _run(example, *arguments):
    return example["main"]([*arguments, "--interval", "5", "--log_every", "6"])


def test_twelve_steps_keep_the_exact_budget_and_move_the_mask(example, tmp_path, capsys):
    picture = tmp_path / "shapes.png"
    start = _run(example, "--steps", "1").generator.masks
    method = _run(example, "--steps", "12", "--out", str(picture))
    masks = method.generator.masks
    weights = torch.cat([layer.parameter.detach().flatten() for layer in masks.layers])
    assert masks.active == int(0.1 * masks.total + 0.5) == int(masks.flat.sum())
    assert not weights[~masks.flat].any()
    # The same seed drew the same mask; five and ten steps later it was rewired.
    assert not torch.equal(masks.flat, start.flat)
    assert masks.ever_active > masks.density
    assert method.step == method.discriminator_steps == 12
    assert len(method.generator.masks.names) == len(method.discriminator.masks.names) == 3
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["1", "6", "12"]
    assert all("balance ratio" in line and "density G 0.100" in line for line in lines)
    with Image.open(picture) as grid:
        assert grid.size == (224, 224)


def test_three_places_are_all_that_was_added(example):
    marked = [line for line in EXAMPLE.read_text().splitlines() if "# sparse:" in line]
    assert [line.split("# sparse: ")[1][:6] for line in marked] == ["1 of 3", "2 of 3", "3 of 3"]
    used = [line for line in EXAMPLE.read_text().splitlines() if "sparsegan." in line]
    assert len(used) == 1
