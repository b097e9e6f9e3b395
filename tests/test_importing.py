"""Code of one's own, found by name or refused with the reason."""

import sys

import pytest

from sparsegan import importing
from sparsegan.errors import SparseganError


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A directory of one's own to be in, with a path and modules that are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_module_of_the_current_directory_is_found(here):
    (here / "models").mkdir()
    (here / "models" / "small.py").write_text("class Net:\n    width = 3\n")
    assert importing.load("models.small:Net", "a.b").width == 3


def test_a_file_is_found_with_what_stands_beside_it_and_run_once(here, monkeypatch):
    (here / "sub").mkdir()
    (here / "sub" / "beside.py").write_text("SIZE = 5\n")
    (here / "sub" / "my net.py").write_text("from beside import SIZE\nclass Net:\n    size = SIZE")
    first = importing.load("sub/my net.py:Net", "a.b")
    name = importing.absolute("sub/my net.py:Net")
    monkeypatch.chdir("/")
    assert importing.load(name, "a.b") is first
    assert first.size == 5
    assert importing.absolute("models.small:Net") == "models.small:Net"


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("Net", "write my.module:Class"),
        ("good:", "write my.module:Class"),
        ("absent:Net", "there is no absent in .* PYTHONPATH"),
        ("good.inner:Net", "cannot be imported|there is no good.inner"),
        ("absent.py:Net", "not there: .*absent.py"),
        ("good:Absent", "good.py has no Absent"),
        ("good.py:Absent", "good.py has no Absent"),
        ("lacking:Net", "imports no_such_package, and that is not installed"),
        ("script.py:Net", "__main__"),
        ("broken.py:Net", r"ZeroDivisionError: division by zero \(.*broken.py, line 2\)"),
        ("typo.py:Net", r"SyntaxError.*typo.py, line 1"),
    ],
)
def test_what_cannot_be_found_is_refused_with_the_reason(here, spec, says):
    for name, text in {
        "good": "class Net: pass",
        "lacking": "import no_such_package",
        "script": "import sys\nsys.exit(3)",
        "broken": "class Net: pass\n1 / 0",
        "typo": "class Net(",
    }.items():
        (here / f"{name}.py").write_text(text)
    with pytest.raises(SparseganError, match=f"^network.generator .*({says})"):
        importing.load(spec, "network.generator")


def test_a_module_that_failed_may_be_mended(here):
    (here / "mended.py").write_text("1 / 0")
    with pytest.raises(SparseganError):
        importing.load("mended.py:Net", "a.b")
    (here / "mended.py").write_text("class Net: pass  # now")
    assert importing.load("mended.py:Net", "a.b").__name__ == "Net"


def test_the_sources_of_a_name_are_the_files_that_loading_it_runs_and_none_is_run(here):
    for folder in ("with", "with/inner", "without/inner"):
        (here / folder).mkdir(parents=True)
    files = ("with/__init__.py", "with/inner/__init__.py", "with/inner/net.py", "one.py")
    for file in (*files, "without/inner/net.py"):
        (here / file).write_text("raise SystemExit")
    before = set(sys.modules), list(sys.path)
    assert importing.sources("with.inner.net:Net") == [here / file for file in files[:3]]
    assert importing.sources("without.inner.net:Net") == [here / "without/inner/net.py"]
    assert importing.sources("one:Net") == importing.sources("one.py:Net") == [here / "one.py"]
    for nowhere in (
        "absent:Net",
        "with.absent:Net",
        "one.absent:Net",
        "sys:exit",
        "Net",
        ":",
        ".:a",
    ):
        assert importing.sources(nowhere) == []
    assert (set(sys.modules), list(sys.path)) == before


def test_the_current_directory_is_on_the_path_for_its_own_modules_alone(here):
    (here / "colorsys.py").write_text("RAN = True")
    (here / "mine.py").write_text("import quopri\nclass Net: pass")
    importing.load("textwrap:dedent", "a.b")
    assert str(here) not in sys.path
    importing.load("mine:Net", "a.b")
    assert str(here) in sys.path
