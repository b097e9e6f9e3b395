"""What `sparsegan train` would set by itself and a study leaves as it is, since it states all."""

from collections.abc import Mapping
from typing import Any

from sparsegan.settings import pictures
from sparsegan.settings.names import DEFAULT_RECIPE
from sparsegan.settings.parse import dotted
from sparsegan.study.file import Study
from sparsegan.train import build
from sparsegan.words import counted


def advice(study: Study) -> list[str]:
    """Lines on settings that whoever wrote the study may have taken for granted; mostly none.

    Args:
        study: With its images at hand.

    Raises:
        SparseganError: The images cannot be read.
    """
    base: Mapping[str, Any] = study.content.get("base") or {}
    arms: Mapping[str, Mapping[str, Any]] = study.content["arms"]
    groups = [base, *(arm or {} for arm in arms.values())]
    stated = {key for group in groups for key, _ in dotted(group)} | set(study.axes)
    recipes = {group["recipe"] for group in groups if group.get("recipe")}
    config = study.cells[0].config
    scaled = any(group.get("scale") for group in groups)  # which says what it makes of the rest
    if not recipes and not scaled and (still := pictures.left_open(config, stated)):
        return [
            f"no recipe is named, so that what the study does not say is as published ({still}): "
            f"`recipe: {DEFAULT_RECIPE}` below `base` is what `sparsegan train` begins with"
        ]
    if recipes != {DEFAULT_RECIPE} or not pictures.are_own(config):
        return []
    images = len(build.load_images(config))
    _, adjustments = pictures.suited(config, images, stated)
    if not adjustments:
        return []
    return [
        f"`sparsegan train` would set for {counted(images, 'picture')} what this study leaves as "
        "the recipe has it; to compare what it trains, write below `base`:",
        *(f"  {one.line}" for one in adjustments),
    ]
