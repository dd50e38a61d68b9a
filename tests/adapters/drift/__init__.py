"""Tests of the Drift v2 history decoder and of what Velocity shares with it."""
