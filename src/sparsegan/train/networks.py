"""The networks of a configuration: an architecture's, or one's own in place of either."""

from collections.abc import Mapping

from torch import nn

from sparsegan import nets
from sparsegan.errors import SparseganError
from sparsegan.nets import own
from sparsegan.nets.architectures import find
from sparsegan.seeding import stream
from sparsegan.settings import kinds
from sparsegan.settings.config import Config, NetworkConfig
from sparsegan.sparsity.maskable import RULES, UnmaskableError, maskable_layers


def take_labels(networks: NetworkConfig, labelled: bool) -> bool:
    """Whether the networks are called with labels.

    An architecture says so by itself. Networks of one's own take labels where both can and the
    images have them.

    Args:
        networks: Which networks.
        labelled: Whether the images have labels.

    Raises:
        SparseganError: A network of one's own is not there, or does not go with the architecture.
    """
    owned = _owned(networks)
    if owned and not kinds.of(networks.name).user_networks:
        raise SparseganError(
            f"network.name is {networks.name} and network.{next(iter(owned))} is set: networks of "
            f"one's own make images out of noise, so choose {unconditional()}"
        )
    can = {spec: labelled and own.takes_classes(spec, role) for role, spec in owned.items()}
    if len(owned) == 2:
        return all(can.values())
    conditional = networks.name in nets.CONDITIONAL
    for spec, takes in can.items():
        if conditional and not takes:
            raise SparseganError(
                f"network.name is {networks.name}, which takes labels, and {spec} does not: choose "
                f"{unconditional()}, or give it a parameter classes"
            )
    return conditional


def latent_dim(config: Config) -> int | None:
    """Length of a noise vector, for a configuration whose data is resolved; None: there is none.

    Raises:
        SparseganError: The generator does not exist or does not fit the images.
    """
    assert config.data.image_size is not None, "the configuration is not resolved"
    networks = config.network
    if networks.generator is not None:
        return int(_own(config, "generator", networks.generator).latent_dim)  # type: ignore[arg-type]
    return networks.latent_dim or find(networks.name, config.data.image_size).latent_dim or None


def build(config: Config) -> tuple[nn.Module, nn.Module]:
    """Generator and discriminator with their initial weights, on the CPU.

    Args:
        config: Resolved.

    Raises:
        SparseganError: A network does not exist or does not fit the images.
    """
    networks, data, owned = config.network, config.data, _owned(config.network)
    assert data.image_size is not None, "the configuration is not resolved"
    assert data.channels is not None, "the configuration is not resolved"
    built = {role: _own(config, role, spec) for role, spec in owned.items()}
    for role, network in built.items():
        _require_maskable(role, network, config.method.settings.maskable)
    if len(built) < 2:
        pair = nets.build(
            networks.name,
            image_size=data.image_size,
            channels=data.channels,
            generator_width=networks.generator_width,
            discriminator_width=networks.discriminator_width,
            latent_dim=networks.latent_dim,
            classes=classes(config),
        )
        for role, network in zip(("generator", "discriminator"), pair, strict=True):
            if role not in built:
                random_stream = stream(config.seed, "initialise", role)
                nets.initialise(network, networks.initialise, random_stream)
                built[role] = network
    if classes(config) is not None:
        built["generator"].class_names = data.classes  # type: ignore[assignment]
    return built["generator"], built["discriminator"]


def _require_maskable(role: str, network: nn.Module, rule: str) -> None:
    """Refuse a layer that cannot be masked, with the remedies that a run has."""
    try:
        maskable_layers(network, rule)
    except UnmaskableError as error:
        rules = [f"--method.maskable {name}" for name in RULES if _masks(network, name)]
        without = f"{' or '.join(rules)}, which leaves it out, or " if rules else ""
        raise SparseganError(f"{role}: {error.fact}: take {without}another network") from error


def _masks(network: nn.Module, rule: str) -> bool:
    """Whether a rule leaves out what cannot be masked, and not everything."""
    try:
        return bool(maskable_layers(network, rule))
    except SparseganError:
        return False


def code(config: Config, built: Mapping[str, nn.Module]) -> dict[str, str]:
    """Digests of the code of networks of one's own, by what to call them; empty without such."""
    return {
        f"code of the {role}": own.code(built[role], spec, role)
        for role, spec in _owned(config.network).items()
    }


def classes(config: Config) -> int | None:
    """How many classes the networks of a resolved configuration know; None: they take no labels."""
    names = config.data.classes
    return len(names or ()) if take_labels(config.network, names is not None) else None


def unconditional() -> str:
    """The architectures that need nothing but noise, in a phrase."""
    return " or ".join(
        name
        for name in nets.NAMES
        if name not in nets.CONDITIONAL and kinds.of(name) is kinds.NOISE_TO_IMAGE
    )


def _owned(networks: NetworkConfig) -> dict[str, str]:
    """The networks of one's own: their names by role."""
    specs = {"generator": networks.generator, "discriminator": networks.discriminator}
    return {role: spec for role, spec in specs.items() if spec is not None}


def _own(config: Config, role: str, spec: str) -> nn.Module:
    networks, data = config.network, config.data
    settings = {
        "image_size": data.image_size,
        "channels": data.channels,
        "width": getattr(networks, f"{role}_width"),
        "classes": classes(config),
        "random_stream": stream(config.seed, "initialise", role),
    }
    if role == "discriminator":
        return own.discriminator(spec, steady=bool(config.loss.r1), **settings)
    return own.generator(spec, latent_dim=networks.latent_dim, **settings)
