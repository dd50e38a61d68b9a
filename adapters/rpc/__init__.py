"""The RPC pool: the one place that opens connections, so that health, budgets, keys and addresses are kept in one."""
