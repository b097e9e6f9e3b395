"""Whose code is run: what a command line names, and what its user has let run here before.

A run's config.yaml, and a file that is given to `--config`, may be anybody's, and may name code.
It is run where its user says so (`--trust_code`, or the same name on the command line). The files
that are then run are remembered by their path and content, in the cache folder, so that one's own
runs need no second word; a run directory from elsewhere brings no such memory with it.
"""

import hashlib
import json
from collections.abc import Collection, Iterable
from pathlib import Path

from sparsegan import importing
from sparsegan.cache import cache_folder
from sparsegan.errors import SparseganError
from sparsegan.files import atomic_write_text
from sparsegan.settings import parse
from sparsegan.settings.config import Config

NETWORKS = ("network.generator", "network.discriminator")
CODE = (*NETWORKS, "evaluate.features")
"""The settings that may name code."""


def code_of(config: Config, settings: Iterable[str] = CODE) -> dict[str, str]:
    """The code that a configuration names, by setting."""
    values = parse.flat(config)
    named = {key: values[key] for key in settings}
    # Some feature networks have a name of their own.
    return {key: spec for key, spec in named.items() if spec is not None and ":" in spec}


def require(
    config: Config,
    origin: str | Path,
    *,
    trust_code: bool,
    named: Collection[str] = (),
    settings: Iterable[str] = CODE,
) -> None:
    """Refuse code that nobody has said may be run; remember what may.

    Args:
        config: From a file.
        origin: That file, for the message.
        trust_code: Whether all that it names may be run.
        named: Names of code that the command line has itself.
        settings: The settings whose code is going to be run.

    Raises:
        SparseganError: Naming the code; nothing of it has been imported.
    """
    for setting, spec in code_of(config, settings).items():
        if trust_code or spec in named:
            remember([spec])
            continue
        files = importing.sources(spec)
        if spec.rpartition(":")[0].endswith(".py") and not files[0].is_file():
            continue  # there is nothing to run, which is said where it is looked for
        known = [_remembered(file) for file in files]
        if not files or None in known:
            raise SparseganError(
                f"{origin} names code to run, {spec} ({setting}), and may be anybody's: nothing of "
                "it was run; if you trust it, add --trust_code (in Python, trust_code=True)"
            )
        if known != [_digest(file) for file in files]:
            raise SparseganError(
                f"{origin} names code to run, {spec} ({setting}), which has changed since it last "
                "ran here: nothing of it was run; if you trust it, add --trust_code (in Python, "
                "trust_code=True)"
            )


def remember(specs: Iterable[str]) -> None:
    """Let the code of these names run from now on, as long as its files are as they are now.

    Nothing is remembered where the cache folder cannot be written.
    """
    for spec in specs:
        for file in importing.sources(spec):
            try:
                if _remembered(file) != (digest := _digest(file)):
                    record = {"file": str(file), "sha256": digest}
                    atomic_write_text(_record(file), json.dumps(record) + "\n")
            except OSError:
                return


def _remembered(file: Path) -> str | None:
    """SHA-256 of a file as it was when it was let run."""
    try:
        record = json.loads(_record(file).read_text())
    except (OSError, ValueError):
        return None
    return record.get("sha256") if isinstance(record, dict) else None


def _record(file: Path) -> Path:
    name = hashlib.sha256(str(file).encode(errors="surrogateescape")).hexdigest()
    return cache_folder() / "trusted-code" / f"{name}.json"


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
