"""Keeps the memory of this process, where keys are while they sign, from core files and from other processes.

Root can still read it; so can whoever runs code inside. Children are not affected: a new program is dumpable again, so
the database server starts as always.
"""

import ctypes
import resource
import sys

_PR_GET_DUMPABLE = 3
_PR_SET_DUMPABLE = 4


def harden_process() -> list[str]:
    """No core files; no reading of memory or start environment by processes of the same user. Idempotent.

    Returns what could not be done, for people; empty = all done.
    """
    problems = []
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError) as error:
        problems.append(f"core files stay possible: {error}")
    if sys.platform != "linux":
        problems.append("other processes of this user can read our memory: only Linux can forbid it")
        return problems
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 or is_dumpable():
        problems.append(f"other processes of this user can read our memory: prctl failed ({ctypes.get_errno()})")
    return problems


def is_dumpable() -> bool:
    """Whether the system lets other processes of this user look into this one."""
    return bool(ctypes.CDLL(None).prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0))
