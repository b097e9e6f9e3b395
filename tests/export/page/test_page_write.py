import pytest
import torch
from toy_export import frozen

from sparsegan import SparseganError
from sparsegan.export import Blueprint
from sparsegan.export.page.write import caption, html, write_html


def test_it_says_what_is_active():
    toy = frozen(density=0.25)
    said = caption(toy)
    masks = toy.masks.values()
    assert said.active == sum(int(mask.sum()) for mask in masks)
    assert said.maskable == sum(mask.numel() for mask in masks)
    assert said.dense_bytes == toy.dense_bytes
    text = html(toy)
    assert f"{said.active:,} of {said.maskable:,}" in text
    assert "25\u00a0%" in text


def test_without_masks_all_parameters_are_active():
    toy = frozen()
    toy.masks.clear()
    said = caption(toy)
    parameters = sum(parameter.numel() for parameter in toy.generator.parameters())
    assert said.active == said.maskable == parameters


@pytest.mark.parametrize(
    ("blueprint", "sentence"),
    [
        (Blueprint("cyclegan", 64, 3, 2, latent_dim=0), "makes images out of images"),
        (Blueprint("dcgan", 32, 2, 2, latent_dim=8), "1 or 3 channels, not of 2"),
    ],
)
def test_what_a_page_cannot_show_is_refused(tmp_path, blueprint, sentence):
    with pytest.raises(SparseganError, match=sentence):
        write_html(frozen(blueprint), tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_operations_that_the_runtime_lacks_are_named(tmp_path):
    toy = frozen()
    drawn = toy.generator.forward
    toy.generator.forward = lambda z: torch.special.erfinv(drawn(z))
    with pytest.raises(SparseganError, match=r"a page cannot draw images of dcgan, it .*packed"):
        write_html(toy, tmp_path / "page.html")
