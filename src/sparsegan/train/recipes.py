"""Settings that come with the package, by name; one recipe may build on another."""

import difflib
from pathlib import Path

from sparsegan.errors import SparseganError
from sparsegan.train.parse import Layer, read_layer

_FOLDER = Path(__file__).parent.parent / "recipes"


def names() -> list[str]:
    """The recipes there are."""
    return sorted(
        path.relative_to(_FOLDER).with_suffix("").as_posix() for path in _FOLDER.rglob("*.yaml")
    )


def layers(name: str) -> list[Layer]:
    """A recipe's settings, after those of the recipe that its key ``base`` names, if any.

    Raises:
        SparseganError: There is no such recipe.
    """
    if name not in names():
        near = difflib.get_close_matches(name, names(), n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(names())}"
        raise SparseganError(f"unknown recipe {name}: {hint} (a file of yours goes to --config)")
    layer = read_layer(_FOLDER / f"{name}.yaml")
    values = dict(layer.values)
    base = values.pop("base", None)
    return [*(layers(base) if base else []), Layer(layer.origin, values)]
