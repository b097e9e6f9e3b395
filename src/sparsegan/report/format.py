"""Numbers as a reader wants them: counts, shares, seconds, operations, bytes."""

from sparsegan.words import estimate

UNKNOWN = "–"
_UNITS = ((3600.0, "h"), (60.0, "min"), (1.0, "s"), (0.001, "ms"))
_NO_BREAK = "\u00a0"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def distance(value: float | None) -> str:
    """As `figure`, of an unbiased estimate, which is below nought where it is about that."""
    return figure(value) if value is None else estimate(figure(value), value)


def figure(value: float | None, digits: int = 3) -> str:
    """A measured number with `digits` significant digits; very large and small ones as powers."""
    if value is None:
        return UNKNOWN
    if value == 0:
        return "0"
    if 1e-4 <= abs(value) < 1e6:
        plain = f"{value:,.{digits}g}"
        if "e" in plain:
            return f"{value:,.0f}"
        # %g drops trailing zeros, which would make 0.30 look less exact than 0.31 beside it.
        return plain if abs(value) >= 10 ** (digits - 1) else _padded(value, digits)
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa} × 10{str(int(exponent)).translate(_SUPERSCRIPT)}"


def _padded(value: float, digits: int) -> str:
    exponent = int(f"{abs(value):.{digits - 1}e}".split("e")[1])
    return f"{value:.{max(0, digits - 1 - exponent)}f}"


def count(value: float | None) -> str:
    """A whole number with thousands set apart."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def percent(share: float | None) -> str:
    """A share of one in percent: one decimal, three significant digits where it is below 1 %."""
    if share is None:
        return UNKNOWN
    value = 100 * share
    if value == 0 or abs(value) >= 1:
        return f"{value:,.1f}{_NO_BREAK}%"
    return f"{figure(value)}{_NO_BREAK}%"


def operations(value: float | None, of: float | None = None) -> str:
    """A number of operations as so many of a power of ten, its own or another number's."""
    whole = of or value
    if value is None or not whole or whole < 1e6:
        return figure(value)
    power = int(f"{whole:.2e}".split("e")[1])
    return f"{figure(value / 10.0**power)} × 10{str(power).translate(_SUPERSCRIPT)}"


def seconds(value: float | None, of: float | None = None) -> str:
    """A duration in the two units that matter, or in the one that suits another duration."""
    if value is None:
        return UNKNOWN
    if of:
        unit, name = next(one for one in _UNITS if of >= one[0] or one[0] < 0.01)
        return f"{figure(value / unit)} {name}"
    if value < 1:
        return f"{figure(1000 * value)} ms"
    if value < 120:
        return f"{value:.1f} s"
    minutes = round(value / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def size(value: float | None, of: float | None = None) -> str:
    """A number of bytes in binary units, its own or those that suit another number."""
    if value is None:
        return UNKNOWN
    amount, scale, units = value, of or value, ["B", "KiB", "MiB", "GiB", "TiB"]
    while abs(scale) >= 1024 and len(units) > 1:
        amount, scale = amount / 1024, scale / 1024
        units.pop(0)
    return f"{amount:,.0f} B" if units[0] == "B" else f"{amount:,.1f} {units[0]}"


def short(value: float) -> str:
    """A number on an axis: 0, 500, 20k, 1.5M, up to 1E for 10¹⁸."""
    units = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
    for unit, name in units:
        if abs(value) >= unit:
            return f"{value / unit:.4g}{name}"
    return f"{value:g}"


def tick(value: float, distance: float, shares: bool = False) -> str:
    """A tick's label, with as many decimals as tell it from its neighbours."""
    if shares:
        value, distance = 100 * value, 100 * distance
    if abs(value) >= 1e5 or 0 < distance < 1e-4:
        text = short(value) if abs(value) >= 1e3 else f"{value:.0e}" if value else "0"
    else:
        text = f"{value:.{_decimals(distance)}f}"
    return f"{text} %" if shares else text.replace("-", "−")


def _decimals(distance: float) -> int:
    decimals = 0
    while decimals < 5 and abs(round(distance, decimals) - distance) > 1e-6 * distance:
        decimals += 1
    return decimals
