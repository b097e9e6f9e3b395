import torch
from toy_export import frozen, inputs

from sparsegan.draw.sampling import to_uint8
from sparsegan.export import Blueprint, precision, write_packed
from sparsegan.export.packed import load
from sparsegan.export.precision import difference, keeps_images_in_16_bits


def test_images_of_16_bits_are_the_same_to_one_level(tmp_path):
    toy = frozen()
    assert keeps_images_in_16_bits(toy)
    write_packed(toy, tmp_path / "g.safetensors", half=True)
    z = inputs(toy.blueprint, 64, seed=9)
    with torch.no_grad():
        rounded, own = load(tmp_path / "g.safetensors", "masked")(*z), toy.generator(*z)
    assert (to_uint8(rounded).int() - to_uint8(own).int()).abs().max() <= 1
    assert 0 < (rounded - own).abs().max() <= 3 * difference(toy)


def test_images_decide(monkeypatch):
    toy = frozen()
    moved = difference(toy)
    monkeypatch.setattr(precision, "_LEVEL", 1.01 * moved)
    assert keeps_images_in_16_bits(toy)
    monkeypatch.setattr(precision, "_LEVEL", 0.99 * moved)
    assert not keeps_images_in_16_bits(toy)


def test_weights_beyond_the_range_of_16_bits_stay_in_32():
    toy = frozen()
    with torch.no_grad():
        toy.generator.conv.weight.mul_(1e6)
    assert not keeps_images_in_16_bits(toy)


def test_a_generator_from_images_stays_in_32_bits():
    toy = frozen(Blueprint("cyclegan", 64, 3, width=2, latent_dim=0))
    assert not keeps_images_in_16_bits(toy)
