"""eth-account, imported on first use and without its side effect.

Its elliptic-curve library raises Python's recursion limit to 100,000 on import. With that limit, JSON nested deeply
enough (a form, an answer of a node) overflows the C stack and ends the process instead of raising RecursionError; so
the limit is put back. Checked with py_ecc 8.0.0, 2026-11-25.
"""

import sys
from typing import Any


def eth_account() -> Any:
    """`eth_account.Account`."""
    limit = sys.getrecursionlimit()
    try:
        from eth_account import Account
    finally:
        sys.setrecursionlimit(limit)
    return Account
