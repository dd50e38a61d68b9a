"""The vocabulary and the one queue. Imports nothing of ours."""
