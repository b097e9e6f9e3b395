"""The Inception network of 2015, whose features alone make a Fréchet distance an FID."""

import contextlib
import hashlib
import importlib
import importlib.util
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparsegan.errors import SparseganError
from sparsegan.files import require_regular

SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
"""SHA-256 of the published weights in PyTorch's format, pt_inception-2015-12-05-6726825d.pth
(pytorch-fid) and weights-inception-2015-12-05-6726825d.pth (torch-fidelity), which are one file."""

_PACKAGE = "torch_fidelity"


class Inception2015:
    """Pooled features of Inception-v3 as FID has them, of images at 299×299.

    The network, and its resize filter of TensorFlow 1, are torch-fidelity's; the weights are a file
    that the user has. Both are of (Heusel et al., 2017; Obukhov et al., 2020).

    Args:
        path: The file of the weights.

    Raises:
        SparseganError: The file is not the published one or cannot be read, or torch-fidelity is
            missing.
    """

    name = "inception-2015"
    dimension = 2048
    _BATCH = 32

    def __init__(self, path: Path) -> None:
        require(path)
        self._network = network(_weights(path))

    @torch.inference_mode()
    def __call__(self, pixels: Tensor) -> Tensor:
        """Features of images: uint8 ``(N, C, H, W)``, C 1 or 3, to float32 ``(N, 2048)``."""
        self._network.to(pixels.device)
        parts = [
            self._network(batch.expand(-1, 3, -1, -1))[0].cpu()
            for batch in torch.split(pixels, self._BATCH)
        ]
        return torch.cat(parts).float()


def require(path: Path) -> None:
    """Refuse what cannot give an FID.

    Raises:
        SparseganError: The file is not the published one or cannot be read, or torch-fidelity is
            missing.
    """
    require_regular(path, "evaluate.inception")
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SparseganError(f"cannot read evaluate.inception {path}: {error.strerror}") from None
    if digest != SHA256:
        raise SparseganError(
            f"{path} is not the Inception network of FID, pt_inception-2015-12-05-6726825d.pth "
            f"(its SHA-256 begins with {digest[:8]}): with other weights a number is no FID"
        )
    if importlib.util.find_spec(_PACKAGE) is None:
        raise SparseganError(
            "FID needs the package torch-fidelity: pip install 'sparsegan[fid]', or leave out "
            "evaluate.inception"
        )


def network(weights: Mapping[str, Tensor]) -> nn.Module:
    """torch-fidelity's network with weights, for evaluation; nothing is downloaded.

    Args:
        weights: Its whole state.

    Returns:
        A module from uint8 ``(N, 3, H, W)`` to a tuple of float32 ``(N, 2048)``.

    Raises:
        SparseganError: The package does not load, or its network has another state.
    """
    try:
        make: Callable[..., nn.Module] = importlib.import_module(
            _PACKAGE
        ).FeatureExtractorInceptionV3
    except Exception as error:  # a torchvision of another PyTorch fails in ways of its own
        raise SparseganError(
            f"the package torch-fidelity does not load ({type(error).__name__}: {error}): install "
            "it with a torchvision that suits this PyTorch, or leave out evaluate.inception"
        ) from error
    state = io.BytesIO()  # what the package unpickles is what was written here, and no file
    torch.save(dict(weights), state)
    state.seek(0)
    with _unmoved_randomness():
        return make("inception", ["2048"], feature_extractor_weights_path=state)


def _weights(path: Path) -> Mapping[str, Tensor]:
    weights: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return weights


def _unmoved_randomness() -> contextlib.AbstractContextManager[None]:
    """Initial weights, which are drawn and overwritten, leave the global generator as it was."""
    return torch.random.fork_rng(devices=[])
