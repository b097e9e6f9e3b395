"""A generator out of a file, a folder or the Hugging Face hub."""

import re
from importlib.util import find_spec
from pathlib import Path

from torch import nn

from sparsegan.engine import Wanted
from sparsegan.errors import SparseganError
from sparsegan.export import packed
from sparsegan.export.hub.folder import PACKED
from sparsegan.nets.own import Maker


def load(
    source: str | Path,
    kernels: Wanted = "auto",
    *,
    generator: Maker | None = None,
    revision: str | None = None,
) -> nn.Module:
    """The generator of a packed file, of a folder, or of a repository of the Hugging Face hub.

    Args:
        source: A file of `sparsegan export RUN --to packed`, a folder of `--to hub`, or a
            repository's `owner/name` where nothing on this machine is called so. What has been
            loaded from the hub once is loaded without a network from then on.
        kernels: As for `export.load`.
        generator: The code of a generator of one's own, as for `export.load`.
        revision: Branch, tag or commit of the repository; None: the main branch as it is now.

    Returns:
        As `export.load`: noise `(N, latent_dim)` (and labels) to images `(N, C, H, W)`.

    Raises:
        SparseganError: There is no such generator, it is damaged, or the hub cannot be reached and
            the generator was not loaded before.

    Example:
        >>> generator = sparsegan.load("OWNER/NAME")  # doctest: +SKIP
        >>> images = generator(torch.randn(8, generator.latent_dim))  # doctest: +SKIP
    """
    path = Path(source)
    if path.is_dir():
        path = path / PACKED
    elif not path.exists() and re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", str(source)):
        path = _downloaded(str(source), revision)
    return packed.load(path, kernels, generator=generator)


def _downloaded(repository: str, revision: str | None) -> Path:
    """The packed file of a repository in the hub's cache."""
    if find_spec("huggingface_hub") is None:
        raise SparseganError(
            f"there is no file {repository}; a generator of the Hugging Face hub needs "
            "huggingface_hub: pip install 'sparsegan[hub]'"
        )
    import huggingface_hub
    from huggingface_hub import errors

    try:
        return Path(huggingface_hub.hf_hub_download(repository, PACKED, revision=revision))
    except errors.LocalEntryNotFoundError:
        raise SparseganError(
            f"there is no file {repository}, and the Hugging Face hub cannot be reached for a "
            "repository of that name, which was not loaded before"
        ) from None
    except errors.EntryNotFoundError:
        raise SparseganError(
            f"the repository {repository} has no {PACKED}: it was not written by "
            "`sparsegan export RUN --to hub`"
        ) from None
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError):
        at = "" if revision is None else f" with the revision {revision}"
        raise SparseganError(
            f"there is no file {repository}, and the Hugging Face hub shows no repository of that "
            f"name{at}: it may be private, then log in with `hf auth login`"
        ) from None
    except (errors.HfHubHTTPError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise SparseganError(
            f"cannot load {repository} from the Hugging Face hub: {reason}"
        ) from None
