"""A seeded market of no real prices: what the demo plays and what tests need where no recorded data may be used."""
