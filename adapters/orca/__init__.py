"""Orca Whirlpools on Solana: account layouts, addresses, and the swap instruction."""
