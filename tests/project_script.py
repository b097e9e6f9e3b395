"""The scripts of the project as modules, which no package holds."""

import importlib.util
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "scripts"


def script(name):
    """The module of scripts/NAME.py; like Python itself it finds its neighbours by their names."""
    if str(SCRIPTS) not in sys.path:
        sys.path.append(str(SCRIPTS))
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look theirs up
    spec.loader.exec_module(module)
    return module
