"""When a decision would be blind: a run is dead, and its balance ratio is noise.

The thresholds are ours (methods.md, departures by choice): in live runs the numbers were at least a
hundred times as large, and in dead ones mostly ten times as small or 0.
"""

from collections.abc import Collection

from sparsegan.balance.record import BalanceRecord

VANISHED = 1e-6
"""Gradients this small beside the weights move nothing (`BalanceRecord.generator_gradient`)."""

ALIKE = 1e-5
"""Fakes are alike where their scores spread over this share of the scores' size or less."""

REASONS = {
    "generator_gradient": "the generator's gradients have vanished",
    "discriminator_gradient": "the discriminator's gradients have vanished",
    "fake_spread": "D scores all generated images alike",
}
"""By the field of a record that shows it."""


def blindness(records: Collection[BalanceRecord]) -> str:
    """Why most of the records say nothing of the balance; empty where they do.

    Example:
        >>> blindness([BalanceRecord(1.0, 0.0, 0.5, generator_gradient=1e-9)])
        "the generator's gradients have vanished"
    """
    for field, reason in REASONS.items():
        if 2 * sum(_is_dead(record, field) for record in records) > len(records):
            return reason
    return ""


def _is_dead(record: BalanceRecord, field: str) -> bool:
    if not record.finite:
        return False  # which is another fault
    if field == "fake_spread":
        return record.fake_spread <= ALIKE * record.size  # NaN, where it is not known, is not
    if field == "discriminator_gradient" and record.separates_all:
        return False  # D is too strong to learn, which is no noise and has a remedy: fewer weights
    return bool(getattr(record, field) <= VANISHED)
