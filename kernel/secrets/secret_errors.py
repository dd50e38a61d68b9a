"""Why a secret cannot be had. None of these texts holds a value, and none is raised while handling an error that might.

MissingSecret      nowhere to be found; says where it was looked for
BadSecret          found, but not what it should be: wrong form, a file that others can read
SecretUnavailable  the database cannot be read, so nobody knows; try again
SecretTampered     a stored row is not the one that was written
WrongMasterKey     the stored secrets are wrapped by another master key
"""

from kernel.errors import ConfigError, StoreError


class MissingSecret(ConfigError):
    """A secret that no source has."""


class BadSecret(ConfigError):
    """A secret, or the file that holds it, is not what it should be."""


class SecretUnavailable(StoreError):
    """The database cannot be read and no other source has the secret. Retryable."""


class SecretTampered(StoreError):
    """A stored row was exchanged, rolled back or damaged."""


class WrongMasterKey(ConfigError):
    """The given master key does not open what is stored."""
