"""Numbers as text: tabular, signed where a sign matters, thousands separated, and a dash for what is not known."""

from decimal import Decimal

DASH = "—"
MINUS = "\u2212"
HALF_CENT = Decimal("0.005")  #: rounds half to even, to 0.00


def decimal(value: Decimal | None, places: int | None = None, is_signed: bool = False) -> str:
    """Thousands separated; rounded half to even to `places`, or exact (trailing zeros cut) when None.

    Every digit of a 256-bit amount survives (`copy_abs`: `abs` would round to 28). Zero after rounding
    has no sign. NaN and infinity are not known numbers: a dash.
    """
    if value is None or not value.is_finite():
        return DASH
    if places is None:
        text = _cut_zeros(f"{value.copy_abs():,f}")
    else:
        text = f"{value.copy_abs():,.{places}f}"
    if not text.strip("0.,"):
        return text
    if value < 0:
        return MINUS + text
    return "+" + text if is_signed else text


def _cut_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def usd(value: Decimal | None, is_signed: bool = False) -> str:
    """US dollars to cents."""
    return decimal(value, 2, is_signed)


def price(value: Decimal | None) -> str:
    """A price with about six significant figures, at most twelve decimals; never in exponents."""
    if value is None or not value.is_finite():
        return DASH
    if value == 0:
        return "0"
    magnitude = value.adjusted()
    return decimal(value, max(2, min(12, 5 - magnitude)) if magnitude < 4 else 2)


def quantity(value: Decimal | None, is_signed: bool = False) -> str:
    """A size in base units with at most eight significant figures, trailing zeros cut."""
    if value is None or not value.is_finite():
        return DASH
    places = 0 if value == 0 else max(0, min(12, 7 - value.adjusted()))
    return _cut_zeros(decimal(value, places, is_signed))


def count(value: int | None) -> str:
    """An exact whole number."""
    return DASH if value is None else f"{value:,}".replace("-", MINUS)


def brief(value: int | None) -> str:
    """A whole number in at most four characters and a unit: 999, 18.2k, 3.04M."""
    if value is None:
        return DASH
    for limit, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if abs(value) >= limit:
            scaled = value / limit
            return f"{scaled:.{0 if abs(scaled) >= 100 else 1 if abs(scaled) >= 10 else 2}f}{unit}"
    return str(value)


def micros(value: float | None) -> str:
    """A latency given in microseconds: 210 µs, 1.4 ms, 2.10 s."""
    if value is None:
        return DASH
    if value < 1_000:
        return f"{value:.0f} µs"
    if value < 1_000_000:
        return f"{value / 1_000:.1f} ms"
    return f"{value / 1_000_000:.2f} s"


def duration(ms: int | None) -> str:
    """A duration in at most two units: 0.3 s, 12 s, 3m 12s, 2h 04m, 5d 03h. `static/ages.js` does the same."""
    if ms is None:
        return DASH
    if ms < 10_000:
        return f"{max(ms, 0) // 100 / 10:.1f} s"
    seconds = ms // 1_000
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes}m {seconds:02d}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h {minutes:02d}m"
    days, hours = divmod(hours, 24)
    return f"{days}d {hours:02d}h"


def percent(part: int | None, whole: int | None) -> str:
    """`part` of `whole`: 92 %, 1.9 %, 0.04 %; a dash without a whole."""
    if part is None or not whole:
        return DASH
    value = 100 * part / whole
    if value == 0 or value >= 10:
        return f"{value:.0f} %"
    return f"{value:.1f} %" if value >= 0.1 else f"{value:.2f} %"


def tone(value: Decimal | None) -> str:
    """gain, loss, or nothing for zero and for the unknown, judged at the cent that is shown."""
    if value is None or not value.is_finite():
        return ""
    if value.copy_abs() <= HALF_CENT:
        return ""
    return "gain" if value > 0 else "loss"


def words(code: str) -> str:
    """A reason code as words: `below_min_net` → below min net. Capital words stay."""
    return code.replace("_", " ")
