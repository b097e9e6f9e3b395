"""Code of one's own by its name: `my.module:Class`, or `path/to/file.py:Class`."""

import hashlib
import importlib
import importlib.util
import pkgutil
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from sparsegan.errors import SparseganError
from sparsegan.files import expanded

_NOT_OWN = (Path(__file__).parent, Path(torch.__file__).parent)


def load(spec: str, setting: str) -> Any:
    """The object that a setting names.

    Where a module is in the current directory, that is on the path, as for a script that is run
    there; so is the folder of a file, for what stands beside it.

    Args:
        spec: `my.module:Class` or `path/to/file.py:Class`.
        setting: Whose value it is, for messages.

    Raises:
        SparseganError: The name has another form, there is no such module, file or object, or the
            module fails to import.
    """
    origin, colon, name = spec.rpartition(":")
    if not (origin and colon and name):
        raise SparseganError(
            f"{setting} is {spec!r}: write my.module:Class, or path/to/file.py:Class"
        )
    if _is_file(origin) and not _resolved(origin).is_file():
        raise SparseganError(f"{setting} names a file that is not there: {_resolved(origin)}")
    try:
        module = _from_file(_resolved(origin)) if _is_file(origin) else _from_path(origin)
    except (Exception, SystemExit) as error:
        raise SparseganError(_why_not(origin, error, setting)) from error
    try:
        return getattr(module, name)
    except AttributeError:
        where = getattr(module, "__file__", None) or origin
        raise SparseganError(f"{setting} is {spec!r}, and {where} has no {name}") from None


def absolute(spec: str) -> str:
    """The same name, which for a file holds in any directory."""
    origin, _, name = spec.rpartition(":")
    return f"{_resolved(origin)}:{name}" if _is_file(origin) else spec


def sources(spec: str) -> list[Path]:
    """The files that `load` would run for a name: the packages' around a module, and its own.

    Nothing is imported. There are none for what is no name, or for a module without a file.
    """
    origin, _, _ = spec.rpartition(":")
    if _is_file(origin):
        return [_resolved(origin)]
    with suppress(ImportError, AttributeError, ValueError), _here_on_path(origin):
        # A folder without __init__.py is a package that has no file.
        return [
            Path(each.origin).resolve()
            for each in _specs(origin)
            if each.has_location and each.origin
        ]
    return []


def described(error: BaseException) -> str:
    """An error in code of one's own: its type, what it says, and the line that it comes from."""
    text = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    if isinstance(error, SyntaxError):  # which says itself where
        return text
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<")
        and not any(Path(frame.filename).is_relative_to(folder) for folder in _NOT_OWN)
    ]
    return f"{text} ({frames[-1].filename}, line {frames[-1].lineno})" if frames else text


def _is_file(origin: str) -> bool:
    return origin.endswith(".py")


def _resolved(origin: str) -> Path:
    return expanded(origin).resolve()


def _from_path(origin: str) -> ModuleType:
    importlib.invalidate_caches()  # the module may be younger than the process
    with _here_on_path(origin):
        module = importlib.import_module(origin)
    _put_here_on_path(origin)  # for what it imports later
    return module


@contextmanager
def _here_on_path(origin: str) -> Iterator[None]:
    before = list(sys.path)
    _put_here_on_path(origin)
    try:
        yield
    finally:
        sys.path[:] = before


def _put_here_on_path(origin: str) -> None:
    """Only where the module is: no other file of a folder is to be taken for a package's."""
    here, outermost = Path.cwd(), origin.partition(".")[0]
    if str(here) in sys.path or "" in sys.path:
        return
    if (here / outermost).is_dir() or (here / f"{outermost}.py").is_file():
        sys.path.insert(0, str(here))


def _specs(origin: str) -> Iterator[ModuleSpec]:
    """The packages around a module, outermost first, and the module; nothing is imported."""
    outermost, *inner = origin.split(".")
    spec = importlib.util.find_spec(outermost)
    for part in inner:
        if spec is None:
            raise ImportError(origin)
        yield spec
        spec = _inside(spec, f"{spec.name}.{part}")
    if spec is None:
        raise ImportError(origin)
    yield spec


def _inside(package: ModuleSpec, name: str) -> ModuleSpec | None:
    # importlib.util.find_spec would import the package.
    for folder in package.submodule_search_locations or ():
        finder = pkgutil.get_importer(folder)
        spec = None if finder is None else finder.find_spec(name)
        if spec is not None:
            return spec
    return None


def _from_file(path: Path) -> ModuleType:
    name = f"{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _why_not(origin: str, error: BaseException, setting: str) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        if not _is_file(origin) and f"{origin}.".startswith(f"{error.name}."):
            return (
                f"{setting} names the module {origin}, and there is no {error.name} in "
                f"{Path.cwd()} nor on the Python path: go to its folder, put that on PYTHONPATH, "
                "or name the file, path/to/file.py:Class"
            )
        return f"{setting} names {origin}, which imports {error.name}, and that is not installed"
    if isinstance(error, SystemExit):
        return (
            f"{setting} names {origin}, which ended the program when it was imported: keep what it "
            "does as a script under `if __name__ == '__main__':`"
        )
    return f"{setting} names {origin}, which cannot be imported: {described(error)}"
