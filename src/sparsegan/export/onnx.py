"""A generator as a dense ONNX file, for runtimes that know nothing of sparsegan."""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from sparsegan.errors import SparseganError
from sparsegan.export.frozen import Frozen
from sparsegan.files import atomic_path


def check() -> None:
    """Refuse where the packages that write ONNX files are not installed.

    Raises:
        SparseganError: Naming them.
    """
    missing = [name for name in ("onnx", "onnxscript") if find_spec(name) is None]
    if missing:
        raise SparseganError(
            f"an ONNX file needs {' and '.join(missing)}: pip install 'sparsegan[export]'"
        )


def write_onnx(frozen: Frozen, path: Path) -> None:
    """Write a generator with inactive weights as zeros; the file is there whole or not at all.

    Its input is `z`, float32 `(batch, latent_dim)`, and for a class-conditional generator
    `labels`, int64 `(batch,)`; of a generator from images to images it is `source`, images like
    those of its output. Its output is `images`, float32 `(batch, C, H, W)` in [-1, 1]. The
    batch may have any size. The names of the classes, where they are known, are a JSON list in
    the model's metadata, `class_names`.

    Raises:
        SparseganError: The packages onnx and onnxscript are not there, a generator of one's own
            is none that PyTorch can write as ONNX, or the file cannot be written.
    """
    check()
    about = frozen.blueprint
    inputs: dict[str, Tensor] = {"z": torch.zeros(2, about.latent_dim)}
    if not about.latent_dim:
        inputs = {"source": torch.zeros(2, about.channels, about.image_size, about.image_size)}
    if frozen.blueprint.classes is not None:
        inputs["labels"] = torch.zeros(2, dtype=torch.int64)
    batch = torch.export.Dim("batch")
    try:
        with _without_asides():
            program = torch.onnx.export(
                frozen.generator,
                tuple(inputs.values()),
                dynamo=True,
                input_names=list(inputs),
                output_names=["images"],
                dynamic_shapes=tuple({0: batch} for _ in inputs),
                verbose=False,
            )
    except Exception as error:
        if not frozen.blueprint.is_own:
            raise
        raise SparseganError(
            f"PyTorch cannot write {frozen.blueprint.network} as ONNX, which takes networks that "
            f"do the same for every batch ({type(error).__name__}): try --to packed"
        ) from error
    assert program is not None
    if frozen.generator.class_names:
        program.model.metadata_props["class_names"] = json.dumps(frozen.generator.class_names)
    with atomic_path(path) as temporary:
        program.save(temporary)


@contextmanager
def _without_asides() -> Iterator[None]:
    """PyTorch's exporter tells of packages that nobody needs and of its own deprecations."""
    registration = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = registration.level
    registration.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        registration.setLevel(level)
