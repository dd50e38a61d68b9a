"""The vocabulary of calls to nodes: what may be asked, of whom, and how it can fail. The pool itself is an adapter."""
