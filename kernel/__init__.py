"""The trading kernel: one bus, one log, one gate."""

__version__ = "0.1.0"
