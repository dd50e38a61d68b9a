"""Uniswap pools on EVM chains."""
