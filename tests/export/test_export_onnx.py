import json

import pytest
import torch
from toy_export import frozen, inputs

from sparsegan.errors import SparseganError
from sparsegan.export import Blueprint, onnx, write_onnx

BLUEPRINTS = [
    Blueprint("dcgan", 28, 1, width=4, latent_dim=16),
    Blueprint("sngan", 32, 3, width=8, latent_dim=16),
    Blueprint("biggan", 64, 3, width=2, latent_dim=10, classes=5),
    Blueprint("foreign:TutorialGenerator", 16, 3, width=None, latent_dim=12),
]


@pytest.mark.full("onnx")
@pytest.mark.parametrize("blueprint", BLUEPRINTS, ids=lambda b: b.network)
def test_onnx_runtime_agrees_with_pytorch_at_any_batch(tmp_path, blueprint):
    import onnxruntime

    exported = frozen(blueprint, 0.3)
    path = tmp_path / "generator.onnx"
    if blueprint.classes is not None:
        exported.generator.class_names = ("a", "b", "c", "d", "été")
    write_onnx(exported, path)
    assert [file.name for file in tmp_path.iterdir()] == ["generator.onnx"]
    session = onnxruntime.InferenceSession(path)
    names = [node.name for node in session.get_inputs()]
    assert names == ["z", "labels"][: len(names)]
    class_names = session.get_modelmeta().custom_metadata_map.get("class_names", "[]")
    assert json.loads(class_names) == list(exported.generator.class_names)
    for count in (1, 2, 7):
        x = inputs(blueprint, count, seed=count)
        feed = {name: tensor.numpy() for name, tensor in zip(names, x, strict=True)}
        (images,) = session.run(["images"], feed)
        expected = exported.generator(*x)
        assert images.shape == expected.shape
        assert torch.allclose(torch.from_numpy(images), expected, atol=1e-4, rtol=0)


def test_missing_packages_are_named_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx, "find_spec", lambda name: None if name == "onnxscript" else name)
    with pytest.raises(SparseganError, match=r"needs onnxscript: pip install 'sparsegan\[export\]"):
        write_onnx(frozen(), tmp_path / "generator.onnx")
    assert list(tmp_path.iterdir()) == []
