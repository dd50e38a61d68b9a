"""The composition root: with `kernel.__main__` the only place that may name every package."""
