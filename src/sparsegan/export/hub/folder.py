"""A folder that is ready to upload: weights in two forms, a model card, samples and the page."""

import json
from pathlib import Path

from safetensors.torch import save

from sparsegan.draw.pictures import grid, save_png
from sparsegan.draw.sampling import draw_images
from sparsegan.export.frozen import Frozen
from sparsegan.export.hub.card import model_card
from sparsegan.export.packed import write_packed
from sparsegan.export.page.write import html
from sparsegan.files import atomic_write_bytes, atomic_write_text
from sparsegan.report.read import RunRecord

PACKED = "generator.safetensors"
"""What `load` reads of such a folder."""

_GRID = 8


def write_folder(frozen: Frozen, folder: Path, record: RunRecord) -> None:
    """Write a generator as a folder; other files that are in it stay, such as those of git.

    It has the packed generator, its dense weights in model.safetensors (inactive ones as zeros,
    spectral norms divided out), config.json, README.md (the model card) and, of a generator of
    noise, samples.png and the page index.html. Nothing is pickled.

    Raises:
        SparseganError: A file cannot be written, or the page cannot show such a generator.
    """
    pictures = frozen.blueprint.latent_dim > 0
    page = html(frozen) if pictures else ""  # may refuse: before anything is written
    write_packed(frozen, folder / PACKED)
    atomic_write_bytes(folder / "model.safetensors", _dense(frozen))
    atomic_write_text(folder / "config.json", _config(frozen))
    names = [PACKED, "model.safetensors", "config.json"]
    if pictures:
        pixels = draw_images(frozen.generator, _GRID**2, seed=0)
        save_png(folder / "samples.png", grid(pixels, _GRID))
        atomic_write_text(folder / "index.html", page)
        names += ["samples.png", "index.html"]
    files = {name: (folder / name).stat().st_size for name in names}
    atomic_write_text(folder / "README.md", model_card(frozen, record, files))


def _dense(frozen: Frozen) -> bytes:
    state = {name: tensor.contiguous() for name, tensor in frozen.generator.state_dict().items()}
    return save(state, {"format": "pt"})


def _config(frozen: Frozen) -> str:
    about = {
        "model_type": "sparsegan",
        **frozen.blueprint.as_json(),
        "class_names": list(frozen.generator.class_names),  # type: ignore[arg-type]
        "origin": frozen.origin,
    }
    return json.dumps(about, indent=2) + "\n"
