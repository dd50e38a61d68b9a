"""The strategies, one folder each."""
