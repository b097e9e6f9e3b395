"""A name that is not known, and the nearest ones that are."""

import re
from collections.abc import Iterator, Mapping, Sequence

from sparsegan.nearest import nearest_name

DEFAULT_RECIPE = "small"
"""The recipe of a run that names no settings. Here, since help needs it and nothing else."""

OTHER_WORDS: Mapping[str, str] = {
    "architecture": "network.name",
    "arch": "network.name",
    "batch": "batch_size",
    "bs": "batch_size",
    "dataset": "data.source",
    "dataroot": "data.path",
    "dir": "run.directory",
    "ema": "method.ema_decay",
    "epochs": "steps",
    "gpu": "fabric.accelerator",
    "gpus": "fabric.devices",
    "hflip": "data.flip",
    "horizontal_flip": "data.flip",
    "iterations": "steps",
    "iters": "steps",
    "learning_rate": "lr",
    "logdir": "run.directory",
    "mirror": "data.flip",
    "model": "network.name",
    "net": "network.name",
    "noise_dim": "network.latent_dim",
    "nz": "network.latent_dim",
    "amp": "fabric.precision",
    "fp16": "fabric.precision",
    "bf16": "fabric.precision",
    "optimizer": "optimiser",
    "out": "run.directory",
    "out_dir": "run.directory",
    "outdir": "run.directory",
    "output": "run.directory",
    "output_dir": "run.directory",
    "resolution": "data.image_size",
    "save_every": "checkpoint.every",
    "size": "data.image_size",
    "sparsity": "density",
    "z_dim": "network.latent_dim",
}
"""Words that other programs have for settings, and what those are called here."""


def unknown(what: str, name: str, known: Sequence[str], lister: str = "--help") -> str:
    """A sentence on a name that is not known, with the nearest ones that are.

    Args:
        what: The kind of name.
        name: The one that is not known.
        known: Those that there are.
        lister: What lists them, for where they are too many to be named.
    """
    near = nearest(name, known)
    if near:
        return f"unknown {what} {name}: did you mean {' or '.join(near)}?"
    if len(known) > 8:
        return f"unknown {what} {name}: {lister} lists those that there are"
    return f"unknown {what} {name}: choose one of {', '.join(known)}"


def nearest(name: str, known: Sequence[str]) -> list[str]:
    """At most three names that may be meant, of any group; those of the surest kind alone.

    Example:
        >>> nearest("--density", ["--method.generator_density", "--method.density_step", "--seed"])
        ['--method.generator_density']
    """
    plain = {other: other.lstrip("-") for other in known}
    wanted = name.lstrip("-").replace("-", "_").lower()
    for candidates in _candidates(wanted, list(plain.values())):
        near = [other for other, text in plain.items() if text in candidates]
        if near:
            return near[:3]
    return []


def _candidates(wanted: str, known: Sequence[str]) -> Iterator[Sequence[str]]:
    last_of = {other: other.rpartition(".")[2] for other in known}
    last = wanted.rpartition(".")[2]
    yield [other for other in known if other.lower() == wanted]
    yield [other for other in known if other.startswith(f"{wanted}.name")]  # a group's name
    yield [other for other in known if other.startswith(f"{wanted}.")]
    yield [other for other in known if last_of[other] == last]
    yield [other for other in known if last_of[other].rstrip("s") == last.rstrip("s")]
    if last in OTHER_WORDS:
        meant = OTHER_WORDS[last]
        yield [other for other in known if meant in (other, last_of[other])]
        yield [other for other in known if last_of[other].endswith(f"_{meant}")]
        yield [other for other in known if other.startswith(f"{meant}.")]
    yield [other for other in known if other.replace(".", "_") == wanted]
    words = set(re.split(r"[._]", wanted))
    if len(words) > 1:
        yield [other for other in known if words <= set(re.split(r"[._]", other))]
    yield [other for other in known if last_of[other].endswith(f"_{last}")]
    yield [other for other in known if last_of[other].startswith(f"{last}_")]
    yield [other for other in known if other == nearest_name(wanted, known, cutoff=0.75)]
    near = nearest_name(last, last_of.values(), cutoff=0.75)
    yield [other for other in known if last_of[other] == near]
    yield [other for other in known if last_of[other] in words]
    yield [other for other in known if words & set(last_of[other].split("_"))]
    yield [other for other in known if other == nearest_name(wanted, known)]
