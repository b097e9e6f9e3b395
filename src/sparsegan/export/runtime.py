"""Drawing by the runtime, the package sparsegan-runtime, from packed files that have a graph."""

import inspect
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparsegan.errors import SparseganError
from sparsegan.export.blueprint import Blueprint
from sparsegan.modules import own_forward
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
            SparseganError: Gradients are wanted, which the runtime does not have, or the sizes or
                the labels are not those of the generator.
        """
        if torch.is_grad_enabled() and latent.requires_grad:
            raise SparseganError(
                "the runtime has no gradients: load the file with its generator's code "
                "(generator=), or detach the latent"
            )
        check_inputs(self, latent, labels)
        numbers = None
        if labels is not None and self.classes is not None:
            if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < self.classes:
                raise SparseganError(f"labels must be from 0 to {self.classes - 1}")
            if self._drawing.classes is not None:  # else they are taken and make no difference
                numbers = labels.cpu().numpy()
        images = self._drawing(latent.detach().float().cpu().numpy(), numbers)
        return torch.from_numpy(images)


def check_inputs(network: nn.Module, latent: Tensor, labels: Tensor | None) -> None:
    """Hold what a generator is called with against its sizes.

    Raises:
        SparseganError: The latent is not `(N, latent_dim)`, or of a generator from images to images
            `(N, C, H, W)`, or the labels are not `(N,)` or missing.
    """
    size, classes = network.latent_dim, network.classes
    if size and (latent.dim() != 2 or latent.shape[1] != size):
        raise SparseganError(f"the latent has the shape {[*latent.shape]}: it must be [N, {size}]")
    if not size and latent.dim() != 4:
        raise SparseganError(f"images have the shape {[*latent.shape]}: it must be [N, C, H, W]")
    if classes is None and labels is not None:
        raise SparseganError("this generator has no classes: leave the labels out")
    if classes is not None and (labels is None or labels.shape != latent.shape[:1]):
        lack = "they are missing" if labels is None else f"they have the shape {[*labels.shape]}"
        raise SparseganError(f"this generator takes one label for each image, and {lack}")


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
    own = RuntimeGenerator(blueprint, drawing, names)
    sides = (drawing.channels, drawing.height, drawing.width)
    differ = sides != (own.channels, own.image_size, own.image_size)
    # Labels that make no difference are not in the graph.
    differ |= drawing.classes not in (None, own.classes) or drawing.latent_dim != own.latent_dim
    if differ:
        raise SparseganError(f"{path} says another size of itself than it draws: export it again")
    return own


def draw_small_batches(network: nn.Module, small: RuntimeGenerator) -> None:
    """Have the runtime draw the batches of a network that have up to `SMALL_BATCH` images.

    Args:
        network: A generator in evaluation mode, whose weights will not change.
        small: The same one, of the runtime.
    """
    network.forward = _SmallBatches(network, small)


class _SmallBatches:
    """What is called in the place of a network's forward.

    A copy of the network has its own weights, which may change: it draws without the runtime.
    """

    def __init__(self, network: nn.Module, small: RuntimeGenerator) -> None:
        self._network, self._small = network, small
        self._own = network.forward
        # What looks at a forward's arguments sees those that it has.
        self.__signature__ = inspect.signature(self._own)

    def __call__(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        check_inputs(self._network, latent, labels)
        inputs = (latent,) if labels is None else (latent, labels)
        wants_gradients = torch.is_grad_enabled() and latent.requires_grad
        if len(latent) <= SMALL_BATCH and latent.device.type == "cpu" and not wants_gradients:
            return self._small(*inputs).to(latent.dtype)  # type: ignore[no-any-return]
        return self._own(*inputs)  # type: ignore[no-any-return]

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[nn.Module]]:
        return own_forward, (self._network,)
