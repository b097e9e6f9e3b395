"""Where the balance ratio stands in its band: a needle over a scale."""

from sparsegan.report import control
from sparsegan.report.format import figure, tick
from sparsegan.report.markup import escape
from sparsegan.report.opening import last_ratio
from sparsegan.report.read import RunRecord
from sparsegan.report.series import ticks

_PAST = 12
"""Earlier values that stay visible behind the needle."""


def gauge(run: RunRecord) -> str:
    """The last value of the window beside its band; nothing where none is known."""
    value = last_ratio(run)
    if value is None:
        return ""
    band = run.band if control.signal(run) == "ratio" else None
    right = max(1.0, 1.25 * band[1] if band else 1.0)
    known = [ratio for _, ratio in run.curves["balance_ratio"] if ratio is not None]
    past = "".join(f'<i class="past" style="left:{_at(x, right)}"></i>' for x in known[-_PAST:-1])
    zone = ""
    if band is not None:
        width = 100 * (min(band[1], right) - max(band[0], 0.0)) / right
        zone = f'<i class="zone" style="left:{_at(band[0], right)};width:{width:.1f}%"></i>'
    scale = "".join(
        f'<span class="x" style="left:{_at(x, right)}">{tick(x, 0.2)}</span>'
        for x in ticks(0, right)
    )
    said = _said(value, band)
    return (
        f'<figure class="gauge"><figcaption><b>Latest balance ratio</b>{escape(said)}</figcaption>'
        f'<div class="dial" role="meter" aria-label="Latest balance ratio" aria-valuemin="0" '
        f'aria-valuemax="{right:g}" aria-valuenow="{min(max(value, 0.0), right):g}" '
        f'aria-valuetext="{escape(said)}">{zone}{past}'
        f'<i class="needle" style="left:{_at(value, right)}"></i>{scale}</div>'
        '<p class="ends"><span>the discriminator is ahead</span>'
        "<span>the generator is ahead</span></p></figure>"
    )


def _at(value: float, right: float) -> str:
    return f"{100 * min(max(value / right, 0.0), 1.0):.1f}%"


def _said(value: float, band: tuple[float, float] | None) -> str:
    if band is None:
        return figure(value)
    where = "in" if band[0] <= value <= band[1] else "below" if value < band[0] else "above"
    return f"{figure(value)}, {where} the band of {band[0]:g} to {band[1]:g}"
