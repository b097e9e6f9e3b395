"""Layers look down only: which room may import from which."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "sparsegan"
BOTTOM = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
"""Single files, which know of no room."""

BELOW = {
    "engine": set(),
    "cost": set(),
    "data": set(),
    "metrics": {"data"},
    "nets": set(),
    "sparsity": {"engine", "cost"},
    "balance": set(),
    "methods": {"balance", "cost", "engine", "sparsity"},
    "settings": {"methods", "nets"},
    "record": {"balance", "cost", "data", "engine", "methods", "settings", "sparsity"},
    "health": {"record"},
    "draw": {"data", "methods", "settings", "sparsity"},
    "report": {"record"},
    "live": {"report"},
    "train": {
        *("balance", "cost", "data", "draw", "engine", "health", "methods", "metrics", "nets"),
        *("record", "report", "settings", "sparsity"),
    },
    "export": {
        *("data", "draw", "engine", "methods", "nets", "record", "report", "settings", "sparsity"),
        "train",
    },
    "plan": {
        *("balance", "cost", "data", "draw", "engine", "methods", "nets", "record", "report"),
        *("settings", "sparsity", "train"),
    },
    "study": {"cost", "methods", "plan", "record", "report", "settings", "train"},
    "cli": {
        *("cost", "draw", "export", "health", "live", "metrics", "plan", "record", "report"),
        *("settings", "study", "train"),
    },
    "api": {
        *("cli", "cost", "data", "draw", "export", "health", "methods", "metrics", "nets", "plan"),
        *("record", "report", "settings", "sparsity", "train"),
    },
}
"""What each room may import from, besides the single files at the bottom."""


def imported(path):
    """The rooms and single files that a source file imports from."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for module in modules:
            package, _, rest = module.partition(".")
            if package == "sparsegan" and rest:
                yield rest.split(".")[0]


def rooms():
    return sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file())


def test_the_table_names_every_room():
    assert set(rooms()) == BELOW.keys()


@pytest.mark.parametrize("room", rooms())
def test_a_room_imports_from_below(room):
    allowed = {room, *BELOW[room], *BOTTOM, "__version__"}
    edges = {
        (str(path.relative_to(PACKAGE)), name)
        for path in (PACKAGE / room).rglob("*.py")
        for name in imported(path)
    }
    assert not {edge for edge in edges if edge[1] not in allowed}


def test_single_files_import_no_room():
    edges = {(name, other) for name in BOTTOM for other in imported(PACKAGE / f"{name}.py")}
    assert not {edge for edge in edges if edge[1] in BELOW}


def test_the_order_has_no_cycle():
    order, left = [], dict(BELOW)
    while left:
        ready = {room for room, below in left.items() if below <= set(order)}
        assert ready
        order += sorted(ready)
        left = {room: below for room, below in left.items() if room not in ready}
