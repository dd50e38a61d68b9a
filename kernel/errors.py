"""One error tree; the type says whose fault it is and whether to try again.

KernelError
├── ConfigError      the user's: a setting, flag, file or argument; says what was expected and found
├── BadInput         the data's: a log, import row or wire frame that cannot be what it claims
│   └── BadWire      a venue's frame or answer; counted and survived
├── FeedError        the network's: try again
├── VenueRefused     the venue said no; do not repeat the same request
├── StoreError       the disk's or the database's
└── Invariant        ours: a bug; crash the component loudly
"""


class KernelError(Exception):
    """Any failure that the kernel names."""


class ConfigError(KernelError):
    """A setting, flag, file or argument is wrong."""


class BadInput(KernelError):
    """A log, import row or message is not what it claims to be."""


class BadWire(BadInput):
    """A venue sent something that does not fit its own format."""


class FeedError(KernelError):
    """A connection failed; trying again may help."""


class VenueRefused(KernelError):
    """A venue refused a request; repeating it will not help."""


class StoreError(KernelError):
    """The disk or the database failed."""


class Invariant(KernelError):
    """Our own bug."""
