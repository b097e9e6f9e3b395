"""The one exception for wrong use and bad input."""


class SparseganError(ValueError):
    """Wrong use or bad input, told in one sentence that names the thing and the remedy.

    The command line prints the sentence and ends with exit code 2; a traceback of any other
    exception is a defect of the library.
    """
