"""A folder that is ready to upload: weights in two forms, a model card, samples and the page."""

import io
import json
from pathlib import Path

from PIL import Image
from safetensors.torch import save

from sparsegan.draw.pictures import grid
from sparsegan.draw.sampling import draw_images
from sparsegan.export.frozen import Frozen
from sparsegan.export.hub.card import model_card
from sparsegan.export.packed import packed
from sparsegan.export.page.write import html
from sparsegan.files import atomic_write_bytes
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
    # All of it is made before anything is written.
    contents = {
        PACKED: packed(frozen)[0],
        "model.safetensors": _dense(frozen),
        "config.json": _config(frozen).encode(),
    }
    if frozen.blueprint.latent_dim:
        contents["index.html"] = html(frozen).encode()
        pixels = draw_images(frozen.generator, _GRID**2, seed=0)
        contents["samples.png"] = _png(grid(pixels, _GRID))
    sizes = {name: len(content) for name, content in contents.items()}
    contents["README.md"] = model_card(frozen, record, sizes).encode()
    for name, content in contents.items():
        atomic_write_bytes(folder / name, content)


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, format="PNG")
    return file.getvalue()


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
