"""Features of real images, computed once and kept."""

import hashlib
from pathlib import Path

import torch
from torch import Tensor

from sparsegan.cache import cache_folder, read_tensor, write_tensor
from sparsegan.data.images import Images
from sparsegan.errors import SparseganError
from sparsegan.metrics.features import FeatureNetwork, extract
from sparsegan.seeding import stream

# Images whose features are computed anew to see whether kept ones are still the network's.
_PROBES = 4


def reference_features(
    images: Images,
    network: FeatureNetwork,
    *,
    count: int | None = None,
    seed: int = 0,
    cache: Path | None = None,
) -> Tensor:
    """Features of the first ``count`` images of a permutation that the seed fixes.

    They are kept under the content of the images, the network's name, ``count`` and ``seed``.
    Kept features are used only if they are undamaged and the network gives the same for the first
    few images; so a network that changed under its old name is noticed.

    Args:
        images: The real images.
        network: The feature network.
        count: Number of images; None is all.
        seed: Of the permutation.
        cache: Folder to keep features in; None is ``features`` in `cache.cache_folder`. Nothing is
            kept where nothing can be written.

    Returns:
        float32 ``(count, network.dimension)`` on the CPU.

    Raises:
        SparseganError: There are fewer than ``count`` images, or the network breaks its promise.
    """
    count = len(images) if count is None else count
    if not 1 <= count <= len(images):
        raise SparseganError(
            f"{count} reference images are asked for, and {images.name} has {len(images)}: "
            f"ask for 1 to {len(images)}"
        )
    sample = reference_images(images, count, seed)
    key = repr((images.fingerprint, network.name, network.dimension, count, seed))
    file = hashlib.sha256(key.encode()).hexdigest()[:32]
    path = (cache or cache_folder() / "features") / f"{file}.safetensors"
    kept = read_tensor(path)
    if kept is not None and _still_holds(kept, network, images.pixels[sample[:_PROBES]]):
        return kept
    features = extract(network, images.pixels[sample])
    write_tensor(path, features)
    return features


def reference_images(images: Images, count: int, seed: int) -> Tensor:
    """Which images these are: their indices, int64 ``(count,)``."""
    return torch.randperm(len(images), generator=stream(seed, "reference"))[:count]


def _still_holds(kept: Tensor, network: FeatureNetwork, pixels: Tensor) -> bool:
    probe = extract(network, pixels)
    # Another machine or batch size rounds differently; another network differs by far more.
    return torch.allclose(
        kept[: len(probe)], probe, rtol=1e-3, atol=1e-3 * probe.abs().max().item()
    )
