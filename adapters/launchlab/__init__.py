"""Raydium LaunchLab, the launch pad behind letsbonk and others: its accounts, events and pools."""
