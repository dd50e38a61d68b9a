"""A Solana of its own on loopback: real token and system programs (LiteSVM) behind the JSON-RPC, WebSocket, block
engine and aggregator interfaces that nodes speak, with a clock, commitment levels, forks, other traders and faults.

`World` is the chain, `Server` its interfaces; docs/solana-world.md says what is like a real cluster and what is not.
"""
