"""What is raised for an IDL file that cannot be used, and for values that do not fit what it describes."""

from kernel.errors import BadInput


class BadIdl(BadInput):
    """An IDL (or a value to encode with it) is not what it claims to be: unknown type, recursion, size, missing name.

    The text names the place, what was expected and what was found. Bytes that do not fit a good IDL raise
    `UnknownLayout` instead: then the account or event is at fault, or the program was upgraded.
    """
