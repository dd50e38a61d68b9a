"""Numbered SQL files, applied by `persistence.migrate`; a package so that the wheel carries them."""
