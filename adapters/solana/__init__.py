"""Solana: accounts in, transactions out. What the pools of a program look like is in that program's own folder."""
