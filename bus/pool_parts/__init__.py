"""What the accounts of a pool say, part by part; one file per kind of pool. Raw integers, exact."""
