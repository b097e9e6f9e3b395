"""A run in TensorBoard: event files in the run directory."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sparsegan.errors import SparseganError
from sparsegan.files import leads_out
from sparsegan.record.run import RunDirectory
from sparsegan.settings import parse
from sparsegan.settings.config import Config

_FLUSH = 30
"""Seconds after which what was told is on the disk at the latest."""


class TensorBoard:
    """Writes event files, in place of those that the run has left there before.

    Args:
        run: The folder `tensorboard` in its directory is written.
        config: Its settings, shown as a text.

    Raises:
        SparseganError: The folder is a link to elsewhere.
    """

    def __init__(self, run: RunDirectory, config: Config) -> None:
        folder = run.path / "tensorboard"
        if leads_out(folder, run.path):
            raise SparseganError(f"{folder} is a link to {folder.resolve()}: remove it")
        for old in folder.glob("events.out.tfevents.*"):
            old.unlink()
        make: Any = importlib.import_module("torch.utils.tensorboard").SummaryWriter
        self._writer = make(str(folder), flush_secs=_FLUSH)
        self._writer.add_text("settings", f"```\n{parse.to_yaml(config)}```")
        self.look = f"tensorboard --logdir {run.path.parent}"

    def numbers(self, step: int, numbers: Mapping[str, float]) -> None:
        """Numbers of a step."""
        for name, number in numbers.items():
            self._writer.add_scalar(name, number, step)

    def picture(self, step: int, name: str, path: Path) -> None:
        """A PNG of a step."""
        with Image.open(path) as image:
            pixels = np.asarray(image)
        shape = "HWC" if pixels.ndim == 3 else "HW"
        self._writer.add_image(name, pixels, step, dataformats=shape)

    def close(self) -> None:
        """Write what is left to be written."""
        self._writer.close()
