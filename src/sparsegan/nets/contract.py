"""What a run asks of networks that are not from here, measured by calling them once.

For images `(C, S, S)` of the data,

* a generator maps noise to images `(N, C, S, S)` in [-1, 1]. The noise is `(N, latent_dim)` or
  `(N, latent_dim, 1, 1)`, whichever it takes. It has an attribute `latent_dim` (or `z_dim`, `nz`),
  or the length is told;
* a discriminator maps images to scores that are logits, one for each image, `(N,)`, `(N, 1)` or
  `(N, 1, 1, 1)`, or one for each patch, `(N, h, w)` or `(N, 1, h, w)`.

A conditional network takes labels, int64 `(N,)`, as second input.
"""

import functools
import logging
from typing import Any

import torch
from torch import Tensor, nn

from sparsegan.errors import SparseganError
from sparsegan.importing import described
from sparsegan.logits import come_from_sigmoid, ends_in
from sparsegan.undisturbed import undisturbed

LATENT_DIM = ("latent_dim", "z_dim", "nz")
"""Names that the length of a noise vector goes by."""

_BATCH = 2
_TIMES = 8
"""How often an image is scored in one batch to see whether it is scored alike."""

log = logging.getLogger("sparsegan")


def adopt_generator(
    network: nn.Module,
    name: str,
    latent_dim: int | None,
    image: tuple[int, int, int],
    classes: int | None,
) -> None:
    """Hold a generator against the contract; afterwards it takes noise `(N, latent_dim)`.

    It is called once or twice with random noise, in evaluation mode, and is then as it was, but
    for the attributes `latent_dim`, `classes` and `class_names`.

    Args:
        network: On the CPU.
        name: What to call it in messages.
        latent_dim: Length of a noise vector; None is what the network tells.
        image: Shape of the data's images.
        classes: Number of classes; None: it is called without labels.

    Raises:
        SparseganError: It does not keep the contract.
    """
    length = _length(network, name, latent_dim)
    _tell(network, name, "latent_dim", length)
    _tell(network, name, "classes", classes)
    if not hasattr(network, "class_names"):
        network.class_names = ()  # type: ignore[assignment]
    flat, wanted = torch.randn(_BATCH, length), (_BATCH, *image)
    made, refusals = [], []
    for noise in (flat, flat[:, :, None, None]):
        try:
            images = _call(network, noise, classes)
        except Exception as error:
            refusals.append(f"{tuple(noise.shape)} ({described(error)})")
            continue
        made.append(_tensor(images, name))
        if made[-1].shape == wanted:
            if noise is not flat:
                network.register_forward_pre_hook(_noise_as_map)
            _check_range(network, noise, made[-1], name, classes)
            return
    if made:
        raise SparseganError(_other_shape(tuple(made[0].shape), wanted, name))
    first = _first_input(network)
    hint = f"; its first layer takes {first}, see network.latent_dim" if first != length else ""
    raise SparseganError(f"{name} takes no noise of shape {' nor '.join(refusals)}{hint}")


def adopt_discriminator(
    network: nn.Module, name: str, image: tuple[int, int, int], classes: int | None
) -> None:
    """Hold a discriminator against the contract; it is as it was, but for `classes`.

    Args:
        network: On the CPU.
        name: What to call it in messages.
        image: Shape of the data's images.
        classes: Number of classes; None: it is called without labels.

    Raises:
        SparseganError: It does not keep the contract.
    """
    _tell(network, name, "classes", classes)
    images = torch.rand(_BATCH, *image) * 2 - 1
    try:
        scores = _tensor(_call(network, images, classes), name)
    except SparseganError:
        raise
    except Exception as error:
        raise SparseganError(
            f"{name} takes no images of shape {tuple(images.shape)} ({described(error)}): set "
            "data.image_size and data.channels to what it is made for"
        ) from error
    _, *rest = shape = tuple(scores.shape) or (0,)
    one_channel = len(rest) in (1, 3) and rest[0] == 1
    if shape[0] != _BATCH or not (len(rest) in (0, 2) or one_channel):
        raise SparseganError(
            f"{name} gives scores of shape {tuple(scores.shape)} for {_BATCH} images of shape "
            f"{image}: there has to be one for each image, (N,) or (N, 1), or for each patch, "
            "(N, h, w) or (N, 1, h, w)"
        )
    if come_from_sigmoid(scores):
        raise SparseganError(
            f"{name} ends in a sigmoid: leave it out, for the losses and the balance ratio take "
            "scores before any sigmoid (logits)"
        )


def require_steady(
    network: nn.Module, name: str, image: tuple[int, int, int], classes: int | None
) -> None:
    """Refuse a discriminator whose scores in training have noise of their own, as by dropout.

    Args:
        network: As for `adopt_discriminator`, and so are all others.
        name: What to call it in messages.
        image: Shape of the data's images.
        classes: Number of classes; None: it is called without labels.

    Raises:
        SparseganError: It scores an image differently from one time to the next.
    """
    images = torch.rand(_BATCH, *image) * 2 - 1
    scores = _call(network, images.repeat(_TIMES, 1, 1, 1), classes, training=True)
    first, *others = scores.chunk(_TIMES)
    if any(not torch.allclose(other, first, rtol=1e-3, atol=1e-5) for other in others):
        raise SparseganError(
            f"{name} scores an image differently from one time to the next (dropout?), and "
            "loss.r1 is made of the difference of two scores: take loss.r1 0, or leave such noise "
            "out of it"
        )


def _length(network: nn.Module, name: str, wanted: int | None) -> int:
    for attribute in LATENT_DIM:
        value = getattr(network, attribute, None)
        if isinstance(value, int):
            if wanted not in (None, value):
                raise SparseganError(
                    f"network.latent_dim is {wanted} and {name} has {attribute} {value}: leave "
                    "the setting out"
                )
            return value
    if wanted is None:
        first = _first_input(network)
        hint = f" (its first layer takes {first})" if first else ""
        raise SparseganError(
            f"{name} does not say how many numbers its noise has: set network.latent_dim{hint}, or "
            "give it an attribute latent_dim"
        )
    return wanted


def _first_input(network: nn.Module) -> int | None:
    """Features or channels that the first layer with a weight takes."""
    for layer in network.modules():
        size = getattr(layer, "in_features", getattr(layer, "in_channels", None))
        if isinstance(size, int):
            return size
    return None


def _tell(network: nn.Module, name: str, attribute: str, value: int | None) -> None:
    present = getattr(network, attribute, value)
    if type(present) is not type(value) or present != value:
        raise SparseganError(
            f"{name} has an attribute {attribute} that is {present!r}, and a run keeps "
            f"{value} there: give yours another name"
        )
    if not hasattr(network, attribute):
        setattr(network, attribute, value)


def _call(
    network: nn.Module, inputs: Tensor, classes: int | None, *, training: bool = False
) -> Any:
    labels = () if classes is None else (torch.zeros(len(inputs), dtype=torch.int64),)
    with undisturbed(network), torch.enable_grad():
        for layer in network.modules():
            # Not eval(): a layer may override train() to do more than to set the mode.
            layer.training = training
        return network(inputs, *labels)


def _tensor(output: Any, name: str) -> Tensor:
    if not isinstance(output, Tensor):
        raise SparseganError(f"{name} gives a {type(output).__name__}: it has to give one tensor")
    if output.grad_fn is None:
        raise SparseganError(
            f"{name} gives a tensor without a gradient, so that nothing in it can be trained"
        )
    return output


def _noise_as_map(_: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
    z, *rest = args
    return (z[:, :, None, None] if z.dim() == 2 else z, *rest)


def _other_shape(made: tuple[int, ...], wanted: tuple[int, ...], name: str) -> str:
    text = f"{name} makes images of shape {made[1:]} and those of the data are {wanted[1:]}"
    square = len(made) == 4 and made[0] == _BATCH and made[2] == made[3]
    if not square or made[1] not in (1, 3):
        return f"{text}: let it make such images, (N, {', '.join(map(str, wanted[1:]))})"
    remedies = [f"data.image_size {made[2]}"] * (made[2] != wanted[2])
    remedies += [f"data.channels {made[1]}"] * (made[1] != wanted[1])
    return f"{text}: set {' and '.join(remedies)}"


def _check_range(
    network: nn.Module, noise: Tensor, images: Tensor, name: str, classes: int | None
) -> None:
    low, high = images.min().item(), images.max().item()
    if low >= 0 and high > 0 and not _can_be_dark(network, noise, images, classes):
        raise SparseganError(
            f"{name} makes images in [{low:.3g}, {high:.3g}], and those of a run lie in [-1, 1] "
            "with black at -1: let it end in nn.Tanh()"
        )
    if max(-low, high) > 1.01:
        _say_out_of_range(name)


def _can_be_dark(network: nn.Module, noise: Tensor, images: Tensor, classes: int | None) -> bool:
    """Whether some weights have a generator make values below 0, where its own have made none.

    A few images of fresh weights may all be bright by chance. What ends in a sigmoid or in another
    function that is never negative stays so whatever the sign of any parameter.
    """
    if ends_in(images, "Tanh"):
        return True
    if ends_in(images, "Sigmoid"):
        return False
    for parameter in reversed(list(network.parameters())):
        parameter.data.neg_()
        try:
            if bool(_call(network, noise, classes).detach().min() < 0):
                return True
        finally:
            parameter.data.neg_()
    return False


@functools.cache
def _say_out_of_range(name: str) -> None:
    log.warning(
        "%s makes values outside [-1, 1], where images lie: nn.Tanh() at its end would keep them "
        "inside",
        name,
    )
