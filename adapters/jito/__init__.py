"""Jito: bundles to the block engine, tips, and what became of them."""
