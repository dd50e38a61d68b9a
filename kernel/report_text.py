"""How the report writes figures, times and foreign text. Unknown is a dash, never 0."""

import unicodedata
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from bus.clock import NS_PER_S

DASH, MINUS = "—", "\u2212"
HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
FIGURE_MAGNITUDE_MAX = 60  #: powers of ten; longer figures are not written out
NS_LAST = 253_402_300_799 * NS_PER_S  #: the end of year 9999


def to_decimal(value: object) -> Decimal | None:
    """A figure from text, int, float or Decimal; None when it is none or not finite."""
    if isinstance(value, Decimal):
        number = value
    else:
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            return None
    return number if number.is_finite() and abs(number.adjusted()) <= FIGURE_MAGNITUDE_MAX else None


def figure(value: object, places: int = 2, is_signed: bool = False) -> str:
    """Thousands separated, rounded to `places`; zero has no sign."""
    number = to_decimal(value)
    if number is None:
        return DASH
    text = f"{number.copy_abs():,.{places}f}"
    if not text.strip("0.,"):
        return text
    return (MINUS if number < 0 else "+" if is_signed else "") + text


def signed(value: object, places: int = 2) -> str:
    """As `figure`, with the sign always shown: profit and loss."""
    return figure(value, places, True)


def cost(value: object) -> str:
    """A cost as what it takes from the net: 1.20 is written −1.20."""
    number = to_decimal(value)
    return DASH if number is None else signed(number.copy_negate())


def exact_figure(value: object) -> str:
    """Thousands separated, every digit kept, trailing zeros cut: quantities and prices."""
    number = to_decimal(value)
    if number is None:
        return DASH
    text = f"{number.copy_abs():,f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return MINUS + text if number < 0 and text.strip("0.,") else text


def brief(value: object) -> str:
    """A price or quantity to about eight significant figures: a pool's have more digits than a reader wants."""
    number = to_decimal(value)
    if number is None or not number:
        return exact_figure(value)
    places = max(0, min(14, 7 - number.adjusted()))
    return exact_figure(round(number, places))


def percent(value: object, places: int = 1) -> str:
    """A fraction as percent."""
    number = to_decimal(value)
    return DASH if number is None else f"{figure(number * 100, places)} %"


def tone(value: object) -> str:
    """gain, loss, or nothing for zero and unknown."""
    number = to_decimal(value)
    return "" if not number else "gain" if number > 0 else "loss"


def utc(ts_ns: int, is_long: bool = False) -> str:
    """A time in UTC, to the second or to the millisecond."""
    if not 0 < ts_ns <= NS_LAST:
        return DASH
    moment = datetime.fromtimestamp(ts_ns // NS_PER_S, UTC)
    text = moment.strftime("%Y-%m-%d %H:%M:%S")
    return f"{text}.{ts_ns % NS_PER_S // 1_000_000:03d}" if is_long else text


def span(ns: int) -> str:
    """A duration in at most two units."""
    seconds = ns // NS_PER_S
    for size, unit, small, small_unit in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "m"), (60, "m", 1, "s")):
        if seconds >= size:
            return f"{seconds // size}{unit} {seconds % size // small:02d}{small_unit}"
    return f"{ns / NS_PER_S:.1f} s"


def visible(text: object) -> str:
    """Text of others with controls, direction marks and zero-width characters spelled out, so that none can pose."""
    return "".join(
        f"\\u{{{ord(letter):x}}}" if unicodedata.category(letter) in HIDDEN_CATEGORIES else letter
        for letter in str(text)
    )


def words(code: object) -> str:
    """A reason code as words."""
    return visible(code).replace("_", " ")
