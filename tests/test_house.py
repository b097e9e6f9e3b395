"""What the pages say of the files is so, and every file has its tests."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "sparsegan"
SOURCES = sorted(
    path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"
)
TOUR = (ROOT / "docs" / "tour.md").read_text()


def excused():
    """The files that the tour says have no test module of their own."""
    table = TOUR.partition("## Source files without a test module of their own")[2]
    return set(re.findall(r"^\| `([\w/]+\.py)` \|", table, re.MULTILINE))


def has_test_module(source):
    if "; written by scripts/" in (PACKAGE / source).read_text().partition("\n")[0]:
        return True  # by one script, whose test holds all that it writes
    folder = ROOT / "tests" / source.parent
    parts = source.with_suffix("").parts
    names = {parts[-1], "_".join(parts[-2:]), "_".join(parts)}
    return any((folder / f"test_{name}.py").is_file() for name in names)


def test_each_source_file_has_a_test_module_or_a_reason():
    without = {str(source) for source in SOURCES if not has_test_module(source)}
    assert without == excused()


@pytest.mark.parametrize("page", ["tour.md", "design.md"])
def test_files_named_by_a_page_exist(page):
    text = (ROOT / "docs" / page).read_text()
    paths = set(re.findall(r"`((?:\w+/)+\w+\.py)`", text))
    assert paths or page == "design.md"
    missing = [
        path for path in paths if not (PACKAGE / path).is_file() and not (ROOT / path).is_file()
    ]
    assert not missing


def test_no_source_file_is_longer_than_500_lines():
    long = [str(path) for path in SOURCES if len((PACKAGE / path).read_text().splitlines()) > 500]
    assert not long


SAYS_NOTHING = {"found", "chosen", "told", "place", "given", "whose"}


def named(node):
    """What a part of a file gives a name to."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        return node.attr
    if isinstance(node, ast.arg):
        return node.arg
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("test_"):
        return node.name
    return ""


@pytest.mark.parametrize("folder", ["src", "tests", "benchmarks", "examples", "scripts"])
def test_names_say_what_they_name(folder):
    vague = {
        (str(path.relative_to(ROOT)), name)
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if SAYS_NOTHING & set((name := named(node)).lower().split("_"))
    }
    assert not vague
