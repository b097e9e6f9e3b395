"""Drawing by the runtime, the package sparsegan-runtime, from packed files that have a graph."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparsegan.errors import SparseganError
from sparsegan.export.blueprint import Blueprint
from sparsegan.nets.base import Generator

SMALL_BATCH = 2
"""Images up to which the runtime, one image after the other, is ahead of the engine's kernels."""


def available() -> bool:
    """Whether the runtime is installed."""
    return find_spec("sparsegan_runtime") is not None


class RuntimeGenerator(Generator):
    """A generator without modules: its images are the runtime's.

    Args:
        blueprint: Its arguments.
        drawing: What draws: a `sparsegan_runtime.Generator`.
        class_names: Names of the classes, where they are known.
    """

    def __init__(self, blueprint: Blueprint, drawing: Any, class_names: tuple[str, ...]) -> None:
        super().__init__(
            latent_dim=blueprint.latent_dim,
            image_size=blueprint.image_size,
            channels=blueprint.channels,
            classes=blueprint.classes,
        )
        self.class_names = class_names
        self._drawing = drawing
        self.eval()

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images of noise, or of images; of the classes `labels`.

        Raises:
            SparseganError: Gradients are wanted, which the runtime does not have.
        """
        if torch.is_grad_enabled() and latent.requires_grad:
            raise SparseganError(
                "the runtime has no gradients: load the file with its generator's code "
                "(generator=), or detach the latent"
            )
        images = self._drawing(
            latent.detach().float().cpu().numpy(), None if labels is None else labels.cpu().numpy()
        )
        return torch.from_numpy(images)


def generator(path: Path, blueprint: Blueprint, names: tuple[str, ...]) -> RuntimeGenerator:
    """The generator of a packed file that has a graph.

    Raises:
        SparseganError: The runtime is not installed, or refuses the file.
    """
    if not available():
        raise SparseganError(
            f"{path} is of {blueprint.network}, a generator of one's own: install "
            f"sparsegan-runtime to draw from its graph, or add --generator {blueprint.network}, or "
            "wherever that is now (in Python, generator=)"
        )
    import sparsegan_runtime

    try:
        drawing = sparsegan_runtime.load(path)
    except sparsegan_runtime.RefusedError as refusal:
        raise SparseganError(str(refusal)) from None
    return RuntimeGenerator(blueprint, drawing, names)


def draw_small_batches(network: nn.Module, small: RuntimeGenerator) -> None:
    """Have the runtime draw the batches of a network that have up to `SMALL_BATCH` images.

    Args:
        network: A generator in evaluation mode, whose weights will not change.
        small: The same one, of the runtime.
    """
    own = network.forward

    def forward(latent: Tensor, labels: Tensor | None = None) -> Tensor:
        inputs = (latent,) if labels is None else (latent, labels)
        wants_gradients = torch.is_grad_enabled() and latent.requires_grad
        if len(latent) <= SMALL_BATCH and latent.device.type == "cpu" and not wants_gradients:
            return small(*inputs).to(latent.dtype)  # type: ignore[no-any-return]
        return own(*inputs)  # type: ignore[no-any-return]

    network.forward = forward
