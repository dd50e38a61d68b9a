"""The arithmetic of the books: wide enough that adding never rounds, and one lattice for what a division leaves.

Every booked amount lies on a lattice of 1e-24 (finer than any token's raw unit), so sums under `MONEY` are exact up to
1e86. Mind that Decimal operators, unary minus and `abs` included, round to the ambient context (28 digits): book with
`add` and its kin, or inside `localcontext(MONEY)`.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow

from bus.units import ONE

#: 24 places behind the point, 80 before it (a product of two amounts), and room for a sum.
MONEY = Context(prec=110, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])
#: The operators under `MONEY`. Bound once: finding a method on a `Context` costs more than adding two numbers.
add, subtract, multiply, divide, remainder = MONEY.add, MONEY.subtract, MONEY.multiply, MONEY.divide, MONEY.remainder
minus, absolute, quantize = MONEY.minus, MONEY.abs, MONEY.quantize
_normalize, _to_integral = MONEY.normalize, MONEY.to_integral_value
READING = Context(prec=28, rounding=ROUND_HALF_EVEN)  #: for quotients that are shown, never summed
LATTICE = Decimal("1e-24")
MAGNITUDE_MAX = 40  #: powers of ten; beyond it an amount is an error, not money (a product of two still fits)


def settle(amount: Decimal) -> Decimal:
    """The amount on the lattice of 1e-24 (half to even), with no trailing zeros and no positive exponent.

    >>> settle(Decimal("150.00"))
    Decimal('150')
    """
    plain = _normalize(quantize(amount, LATTICE))
    return quantize(plain, ONE) if plain == _to_integral(plain) else plain


def share(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """`amount * part / whole`, settled; book the rest as `amount - share`, so that nothing is made or lost."""
    return settle(divide(multiply(amount, part), whole))


def is_amount(value: Decimal) -> bool:
    """Whether it can be booked: finite, and zero, or between 1e-40 and 1e41 in size."""
    return value.is_finite() and (not value or -MAGNITUDE_MAX <= value.adjusted() <= MAGNITUDE_MAX)


def plain_text(value: Decimal) -> str:
    """Exact text without exponent or trailing zeros, the same for equal numbers.

    >>> plain_text(Decimal("1.50E+2"))
    '150'
    """
    text = format(_normalize(value), "f")
    return "0" if text == "-0" else text
