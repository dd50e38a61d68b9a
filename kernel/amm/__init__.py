"""Exact pool maths: pure integers, one module per curve family."""
