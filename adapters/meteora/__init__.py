"""Meteora DLMM: accounts, addresses, the swap instruction."""
