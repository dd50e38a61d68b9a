"""Tests of the Velocity venue."""
