"""`python -m sparsegan`: the command line."""

import sys

from sparsegan.cli import main

if __name__ == "__main__":
    sys.exit(main())
