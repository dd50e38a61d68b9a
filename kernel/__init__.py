"""The trading kernel: one bus, one log, one gate."""
