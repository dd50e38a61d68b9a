"""I/O at the edge, one folder per venue."""
