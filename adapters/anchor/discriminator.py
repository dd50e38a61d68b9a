"""Anchor's default discriminators: the first eight bytes of sha256 over a name space and a name.

Anchor 0.1 to 1.0. Newer IDLs state each discriminator, and programs may choose their own: what an IDL states wins.
"""

import re
from hashlib import sha256
from typing import Literal

DISCRIMINATOR_BYTES = 8
EVENT_CPI_TAG = bytes.fromhex(
    "e445a52e51cb9a1d"
)  #: starts the data of a program's call of itself that carries an event
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def snake_case(name: str) -> str:
    """The program's own name of an instruction that an old IDL gives in camel case.

    >>> snake_case("placePerpOrder"), snake_case("initializeAMMCache"), snake_case("place_perp_order")
    ('place_perp_order', 'initialize_amm_cache', 'place_perp_order')
    """
    return _WORD_START.sub("_", name).lower()


def discriminator(space: Literal["account", "event", "global"], name: str) -> bytes:
    """Eight bytes that mark an account, an event, or (`global`) an instruction.

    >>> discriminator("account", "PerpMarket").hex(), discriminator("global", "placePerpOrder").hex()
    ('0adf0c2c6bf537f7', '45a15dca787e4cb9')
    """
    own_name = snake_case(name) if space == "global" else name
    return sha256(f"{space}:{own_name}".encode()).digest()[:DISCRIMINATOR_BYTES]
