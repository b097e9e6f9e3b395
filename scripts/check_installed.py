"""Whether the sparsegan of this environment is whole; `check_release.sh` runs it.

Usage: check_installed.py CHECKOUT VERSION native|masked
"""

import importlib
import importlib.metadata
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

from packaging.metadata import Metadata


def main() -> None:
    """Raise AssertionError where something is missing, too much or not as expected."""
    checkout, version, kernels = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    distribution = importlib.metadata.distribution("sparsegan")
    files = {str(file) for file in distribution.files or () if "__pycache__" not in str(file)}
    compiled = {file for file in files if file.endswith(".so")}
    check_files(files - compiled, checkout)
    text = distribution.read_text("METADATA")
    assert text is not None
    metadata = Metadata.from_email(text, validate=True)
    assert str(metadata.version) == version == importlib.import_module("sparsegan").__version__

    libraries = import_all()
    engine = importlib.import_module("sparsegan.engine")
    assert engine.available() == (kernels == "native")
    assert len(compiled) == (kernels == "native"), compiled
    if kernels == "native":
        print(f"kernels: {', '.join(engine.supported_isas())}; OpenMP: {', '.join(libraries)}")


def check_files(files: set[str], checkout: Path) -> None:
    """Compare what is installed with what is kept in git."""
    ours = {file for file in files if file.startswith("sparsegan/")}
    listing = ["git", "-C", str(checkout / "src"), "ls-files", "sparsegan"]
    listed = subprocess.run(listing, check=True, capture_output=True, text=True).stdout.split()
    wanted = {file for file in listed if "/csrc/" not in file}
    assert ours == wanted, f"missing: {wanted - ours}; too much: {ours - wanted}"
    others = {file for file in files - ours if ".dist-info/" not in file}
    assert {Path(file).name for file in others} == {"sparsegan"}, others  # the command
    licences = {file.partition("/licenses/")[2] for file in files if "/licenses/" in file}
    kept = [checkout / "LICENSE", *(checkout / "licenses").glob("*.txt")]
    kept += (checkout / "src").glob("**/LICENSE")
    assert licences == {str(file.relative_to(checkout)) for file in kept}, licences


def import_all() -> list[str]:
    """Import every module; the OpenMP libraries of the process, which must be those of torch."""
    importlib.import_module("torch")
    before = openmp()
    package = importlib.import_module("sparsegan")
    assert package.__file__ is not None
    assert Path(package.__file__).is_relative_to(sys.prefix), package.__file__
    for module in pkgutil.walk_packages(package.__path__, "sparsegan."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    assert openmp() == before, "the kernels have brought an OpenMP library"
    return before


def openmp() -> list[str]:
    """Names of the OpenMP libraries that this process has loaded."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    names = {line.rpartition("/")[2] for line in lines}
    return sorted(name for name in names if re.match("lib[gi]?omp", name))


if __name__ == "__main__":
    main()
