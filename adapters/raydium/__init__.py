"""Raydium on Solana: concentrated liquidity (CLMM), constant product (CPMM) and the old AMM v4."""
