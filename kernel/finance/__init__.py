"""Funding, gas, fee and P&L arithmetic: pure functions."""
