"""The like workload on other engines. Run by `make bench-peers` in a venv of its own."""
