"""The root of all pool parts: what one account says about one pool, as decoded at the edge."""

from msgspec import Struct


class PoolPart(Struct, frozen=True, array_like=True, gc=False):
    """A fact that replaces what was known of the same part of the same pool. Leaves repeat the options, with a tag.

    Raw integers as the program stores them; new fields go to the end of a leaf, with a default.
    """
