"""`python -m sparsegan`: the command line."""

import os
import sys

# Python puts the current directory in front of all packages, and it may be a run directory of
# somebody else's, with a file numpy.py in it. It stays if the package itself is from there.
if __name__ == "__main__" and not sys.flags.safe_path:
    here = os.path.realpath(sys.path[0])
    if os.path.dirname(os.path.dirname(os.path.realpath(__file__))) != here:  # noqa: PTH120
        del sys.path[0]

from sparsegan.cli import main

if __name__ == "__main__":
    sys.exit(main())
