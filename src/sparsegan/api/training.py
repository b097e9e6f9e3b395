"""Train a run by one call: `sparsegan train`, from Python."""

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from typing import Any, Literal

from sparsegan.api.arguments import flags
from sparsegan.api.run import Run, require_one_process, trained_here
from sparsegan.cli.cost import print_adjusted
from sparsegan.cli.settings import read
from sparsegan.settings.quality import Quality
from sparsegan.train import loop

AnyPath = str | PathLike[str]


def fit(
    data: AnyPath | Mapping[str, Any] | None = None,
    *,
    recipe: str | None = None,
    config: AnyPath | Sequence[AnyPath] = (),
    quality: Quality | None = None,
    scale: Literal["small"] | None = None,
    trust_code: bool = False,
    show: bool = True,
    **settings: Any,
) -> Run:
    """Train a run, as `sparsegan train` with the same settings does, to the same bits.

    It shows what the command shows, while it trains in a notebook a bar and the samples as they
    become.
    Ctrl-C (in a notebook: interrupt the kernel) stops it after the step, with its state saved: at a
    prompt and in a notebook the run comes back all the same, and `Run.resume` goes on.

    Args:
        data: A folder or an archive of images (`data.path`); None: the packaged Fashion-MNIST, or
            what ``data_source=`` names.
        recipe: Settings of the package (`sparsegan recipes`); None: ``small``, unless a file is
            named.
        config: Files of settings, later ones over earlier ones.
        quality: How long a small run is: ``quick``, one to three minutes; ``good``, as the recipe
            has it; ``best``, two to four times as long.
        scale: ``small`` makes a long run one of minutes on a CPU.
        trust_code: Whether code that a file of settings names may be run.
        show: Whether to show anything.
        settings: Any setting of `sparsegan train --help_all`, by its name with an underscore for
            each dot: ``steps=500``, ``seed=1``, ``data_image_size=64``,
            ``method_generator_density=0.2``, ``run_directory="runs/mine"``. A group may be a dict,
            as in config.yaml: ``evaluate={"every": 500, "images": 200}``; its name alone is what
            it is: ``method="stu-gan"``.

    Returns:
        The run: what it has made, and how to go on.

    Raises:
        SparseganError: A setting or its value does not exist, with the nearest name, or the data
            cannot be used; nothing is written then.
        Interrupted: In a program of one's own, after Ctrl-C or SIGTERM, when the state is saved.

    Example:
        >>> run = fit("my_pictures/", steps=2000, method_generator_density=0.2)  # doctest: +SKIP
        >>> run.sample(16)  # doctest: +SKIP
    """
    files = [config] if isinstance(config, (str, PathLike)) else config
    arguments = [f"--config={fspath(file)}" for file in files]
    arguments += [f"--recipe={recipe}"] * (recipe is not None)
    arguments += [f"--quality={quality}"] * (quality is not None)
    arguments += [f"--scale={scale}"] * (scale is not None)
    arguments += ["--trust_code"] * trust_code
    if data is not None:
        settings = {"data" if isinstance(data, Mapping) else "data_path": data, **settings}
    request = read([*arguments, *flags(settings)], "train", "")
    require_one_process(request.config)
    if show:
        print_adjusted(request)
    run = trained_here(
        lambda shown: loop.train(request.config, shown, notes=request.notes), show=show
    )
    return Run(run.path, trust_code=True)  # it has just been run
