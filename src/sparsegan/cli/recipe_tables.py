"""The list of recipes, and the table of a recipe's settings."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import yaml
from rich import box
from rich.table import Table

from sparsegan.settings.recipes import Recipe


def listing(recipes: Sequence[Recipe]) -> str:
    """The recipes in their groups, a line each: name and what is trained, on which data.

    Variants of recipes that are listed have one line together.
    """
    listed = {recipe.name for recipe in recipes}
    variants = {r.name.removesuffix(r.of): r.group for r in recipes if r.of in listed}
    recipes = [recipe for recipe in recipes if recipe.of not in listed]

    def rank(recipe: Recipe) -> tuple[bool, str, str, str]:
        # Beginners' recipes are in no folder and come first; a group's variants follow it.
        return "/" in recipe.name, recipe.name.rpartition("/")[0], recipe.group, recipe.name

    lines = []
    for group, members in groupby(sorted(recipes, key=rank), key=lambda recipe: recipe.group):
        of_group = list(members)
        width = max(len(recipe.name) for recipe in of_group)
        lines += ["", group]
        lines += [f"  {recipe.name:<{width}}  {recipe.about}" for recipe in of_group]
    for folder, group in variants.items():
        lines += [
            "",
            group,
            f"  {folder}NAME  each published NAME above; `sparsegan recipes {folder[:-1]}`",
        ]
    return "\n".join(lines[1:])


def settings_table(recipe: Recipe) -> Table:
    """Everything that a recipe sets, with the source of each value."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column("setting", no_wrap=True)
    table.add_column("value")
    table.add_column("where it is from")
    before = ""
    for key, setting in recipe.settings.items():
        section = key.partition(".")[0] if "." in key else ""
        if section != before:
            table.add_section()
        before = section
        table.add_row(key, _yaml(setting.value), setting.source or "–")
    return table


def _yaml(value: Any) -> str:
    if isinstance(value, str):
        return value
    return yaml.safe_dump(value, default_flow_style=True).partition("\n")[0]
