"""`sparsegan recipes`: the settings that come with the package."""

from sparsegan.cli.parser import Parser


def list_recipes(arguments: list[str]) -> int:
    """`sparsegan recipes`: all of them, those in a folder, or one with its sources."""
    parser = Parser(
        "recipes",
        "List the settings that come with the package, or show one with where each value is from.",
        "examples:\n"
        "  sparsegan recipes                       all of them, in groups\n"
        "  sparsegan recipes sdst                  those in a folder\n"
        "  sparsegan recipes adapt/sngan-cifar10   one",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="a recipe, or a folder of them")
    options = parser.parse_args(arguments)
    from rich.console import Console

    from sparsegan.cli.recipe_tables import listing, settings_table
    from sparsegan.settings import recipes

    folder = "" if options.name is None else f"{options.name.rstrip('/')}/"
    within = [name for name in recipes.names() if name.startswith(folder)]
    if within:
        listed = [recipes.find(name) for name in within]
        print(listing(listed))
        print(
            "\nsparsegan recipes NAME          shows one, with where each value is from\n"
            "sparsegan cost --recipe NAME    what a run of it costs\n"
            "sparsegan train --recipe NAME   trains it (--scale small: on a CPU, minutes)"
        )
        return 0
    recipe = recipes.find(options.name)
    print(f"{recipe.name}: {recipe.about}\n{recipe.group}\n")
    Console(markup=False).print(settings_table(recipe))  # lists are no tags of style
    return 0
