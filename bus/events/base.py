"""The root of all events: an immutable fact with the time at which we learnt it."""

from msgspec import Struct


class Event(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A fact. Leaf classes repeat `frozen, kw_only, array_like, gc=False` and add a tag.

    The log stores events as JSON arrays in field order: new fields go to the end of a leaf, with a default.
    """

    ts_ns: int  #: when we learnt it: our receipt time, UTC nanoseconds
