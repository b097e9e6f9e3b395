"""What a folder or an archive of images is called."""

import re
from pathlib import Path

from sparsegan.data.splits import split_of

_ARCHIVE = re.compile(r"(?<=.)\.(zip|tgz|tar(\.(gz|bz2|xz))?)$", re.IGNORECASE)


def bare_name(path: Path) -> str:
    """The name of a folder or an archive, without an archive's ending.

    Example:
        >>> bare_name(Path("sets/cats.tar.gz"))
        'cats'
    """
    return path.name if path.is_dir() else _ARCHIVE.sub("", path.name)


def title(path: Path) -> str:
    """The name that says what images are of: of a folder called like a split that of the one above.

    Example:
        >>> title(Path("sets/cats")), title(Path("sets/cats/train")), title(Path("sets/train.zip"))
        ('cats', 'cats', 'train')
    """
    above = path.parent
    if split_of(path.name) and above.name and above != Path.home() and not path.is_file():
        return above.name
    return bare_name(path)
