"""The generator of a run as every export wants it: averaged, evaluation mode, plain layers."""

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import torch
from torch import Tensor, nn

from sparsegan.data.titles import title
from sparsegan.draw import sampling
from sparsegan.errors import SparseganError
from sparsegan.export.blueprint import Blueprint, fold
from sparsegan.files import expanded
from sparsegan.machine import versions
from sparsegan.methods import Method
from sparsegan.modules import unwrap
from sparsegan.nets import own
from sparsegan.nets.architectures import find
from sparsegan.settings.config import Config
from sparsegan.train.trained import Trained
from sparsegan.undisturbed import undisturbed


@dataclass(frozen=True)
class Frozen:
    """A generator that will not be trained again, and where it comes from.

    Attributes:
        generator: On the CPU, in evaluation mode, without hooks and parametrisations; batch
            normalisation has stored statistics where the run is evaluated with them, else standing
            ones.
        masks: Layer name to bool mask, of the masked layers.
        blueprint: What builds it again.
        origin: The run it is from, as JSON values: data, method and settings, step, densities,
            versions.
        title: What a page calls it; empty: what it has learnt from.
    """

    generator: nn.Module
    masks: dict[str, Tensor]
    blueprint: Blueprint
    origin: dict[str, Any]
    title: str = ""

    @property
    def dense_bytes(self) -> int:
        """Bytes of all tensors, every weight stored."""
        return sum(tensor.nbytes for tensor in self.generator.state_dict().values())


def freeze(trained: Trained, game: str | None = None) -> Frozen:
    """The run's averaged generator with the statistics to draw by; its own is left as it was.

    It draws the images that `sampling.sampled` draws under `sampling.lasting` statistics, up to
    rounding. A method without an average gives its weights as they are.

    Args:
        trained: The run.
        game: Name of the game; None: the only one.

    Raises:
        SparseganError: There is no such game, or several and none is named.
    """
    method, config = trained.method_of(game), trained.config
    bn = sampling.lasting(config.evaluate.bn, method.settings)
    with sampling.sampled(method, bn=bn) as generator:
        state = {
            name: tensor.detach().cpu().clone() for name, tensor in generator.state_dict().items()
        }
    network: Any = method.generator.module
    assert config.data.image_size is not None, "the configuration is not resolved"
    assert config.data.channels is not None, "the configuration is not resolved"
    blueprint = Blueprint(
        # Without the folders that its file is in: they are nobody else's business.
        network=PurePath(config.network.generator or config.network.name).name,
        image_size=config.data.image_size,
        channels=config.data.channels,
        width=_width(config, config.data.image_size),
        latent_dim=network.latent_dim,
        classes=network.classes,
    )
    plain = blueprint.build(config.network.generator)
    plain.class_names = network.class_names
    plain.load_state_dict(state, assign=True)
    plain.requires_grad_(False)
    fold(plain)
    masks = method.generator.masks
    return Frozen(
        plain,
        {name: masks[name].cpu() for name in masks.names},
        blueprint,
        {
            "data": _data(config),
            "method": config.method.name,
            "settings": vars(config.method.settings),
            "step": trained.step,
            "weights": "live" if method.ema is None else "ema",
            "bn": bn,
            "density": masks.density,
            "densities": {
                name: masks.counts()[name] / size for name, size in masks.sizes().items()
            },
            "versions": versions(),
        },
    )


def freeze_own(
    method: Method,
    maker: own.Maker,
    *,
    image_size: int,
    channels: int,
    latent_dim: int,
    classes: int | None = None,
) -> Frozen:
    """The averaged generator of a loop of one's own, with statistics estimated anew.

    Args:
        method: Whose generator; it is left as it was.
        maker: Its class, or a function that makes such a network (see `nets.own`).
        image_size: Height and width of its images, in pixels.
        channels: Of its images.
        latent_dim: Length of a noise vector.
        classes: Number of classes, for a generator that takes labels.

    Raises:
        SparseganError: The maker makes no such generator, or one of other layers.
    """
    name = maker if isinstance(maker, str) else f"{maker.__module__}:{maker.__qualname__}"
    blueprint = Blueprint(PurePath(name).name, image_size, channels, None, latent_dim, classes)
    plain = blueprint.build(maker)
    averaged = nullcontext() if method.ema is None else method.ema.swapped()
    with averaged:
        state = {
            key: tensor.detach().cpu().clone()
            for key, tensor in unwrap(method.generator.module).state_dict().items()
        }
    try:
        plain.load_state_dict(state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise SparseganError(
            f"{name} makes another network than the generator at hand ({reason}): name what makes "
            "an equal one, or a function without parameters that does"
        ) from None
    with undisturbed(), torch.no_grad(), sampling.standing_statistics(plain, method.seed):
        pass  # they stay in the buffers
    plain.requires_grad_(False)
    fold(plain)
    masks = method.generator.masks
    return Frozen(
        plain,
        {layer: masks[layer].cpu() for layer in masks.names},
        blueprint,
        {
            "method": type(method).__name__,
            "settings": vars(method.settings),
            "step": method.step,
            "weights": "live" if method.ema is None else "ema",
            "bn": "standing",
            "density": masks.density,
            "versions": versions(),
        },
    )


def _data(config: Config) -> str:
    """The source of the images; of a folder or archive its name, without where it lies."""
    if config.data.source == "folder" and config.data.path is not None:
        return title(expanded(config.data.path).resolve())
    return config.data.source or ""


def _width(config: Config, image_size: int) -> int | None:
    if config.network.generator is not None or config.network.generator_width is not None:
        return config.network.generator_width
    return find(config.network.name, image_size).generator_width
