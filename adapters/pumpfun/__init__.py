"""pump.fun: bonding curves, their migration, and PumpSwap. Its programs, accounts, events and instructions."""
