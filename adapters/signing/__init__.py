"""Signers: keys that sign what a policy allows, and addresses of keys."""
