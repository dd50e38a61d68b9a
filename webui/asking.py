"""Reading the filters of a list from a hostile query string."""

from collections.abc import Awaitable, Collection
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request

from kernel.errors import StoreError

TEXT_MAX = 200
Answer = TypeVar("Answer")


def word(request: Request, name: str, allowed: Collection[str] | None = None) -> str:
    """A filter; "" = all. Raises 400 for one that is not a choice."""
    found = request.query_params.get(name, "").strip()[:TEXT_MAX]
    if found and allowed is not None and found not in allowed:
        raise HTTPException(400, f"{name}: expected one of {', '.join(sorted(allowed))}, found {found[:40]!r}")
    return found


def whole(request: Request, name: str, most: int) -> int:
    """A whole number from 0 to `most`; 0 when it is not given. Raises 400 for anything else."""
    found = request.query_params.get(name, "").strip().replace(",", "")
    if not found:
        return 0
    if not found.isascii() or not found.isdecimal() or len(found) > 20 or int(found) > most:
        raise HTTPException(400, f"{name}: expected a whole number up to {most}, found {found[:40]!r}")
    return int(found)


def amount(request: Request, name: str) -> Decimal | None:
    """A finite amount, or None. Raises 400 for anything else."""
    found = request.query_params.get(name, "").strip()[:40]
    if not found:
        return None
    try:
        value = Decimal(found)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value.adjusted()) > 20:
        raise HTTPException(400, f"{name}: expected an amount like -2.5, found {found!r}")
    return value


async def answer(asked: Awaitable[Answer], blank: Answer) -> tuple[Answer, str]:
    """The answer, or a blank with what is wrong; a key that is none is the reader's fault (400)."""
    try:
        return await asked, ""
    except StoreError as error:
        return blank, str(error)
    except ValueError as error:
        raise HTTPException(400, str(error)) from error
