"""What only shows with a real server in a process of its own and real commands beside it."""
