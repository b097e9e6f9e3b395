from rich.console import Console

from sparsegan.cli.recipe_tables import listing, settings_table
from sparsegan.settings import recipes


def test_a_line_for_each_recipe_below_its_group():
    listed = [recipes.find(name) for name in recipes.names() if not recipes.find(name).of]
    lines = listing(listed).splitlines()
    group = None
    groups = {}
    for before, line in zip(["", *lines], lines, strict=False):
        if line and not before:
            group = line
        elif line:
            name, _, about = line.strip().partition("  ")
            groups[name] = group, about.strip()
    assert groups == {recipe.name: (recipe.group, recipe.about) for recipe in listed}
    assert "/" not in lines[1].split()[0], "beginners' recipes come first"


def test_variants_have_one_line_beside_what_they_are_of_and_their_own_alone():
    every = [recipes.find(name) for name in recipes.names()]
    variants = [recipe for recipe in every if recipe.of]
    together = listing(every)
    assert together.count("each published NAME above") == 1
    assert not any(f"  {recipe.name} " in together for recipe in variants)
    alone = listing(variants)
    assert all(f"  {recipe.name} " in alone for recipe in variants)


def test_the_table_has_every_setting_with_its_source():
    recipe = recipes.find("adapt/sngan-cifar10")
    console = Console(width=300)
    with console.capture() as captured:
        console.print(settings_table(recipe))
    rows = [line.split(None, 2) for line in captured.get().splitlines()]
    by_key = {row[0]: " ".join(row[1:]) for row in rows if row}
    assert by_key.keys() >= recipe.settings.keys()
    for key, setting in recipe.settings.items():
        assert by_key[key].split()[-1] == (setting.source or "–").split()[-1]
    assert by_key["method.generator_density"].startswith(
        str(recipe.settings["method.generator_density"].value)
    )
