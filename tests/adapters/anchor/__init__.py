"""Tests of the Anchor IDL codec."""
