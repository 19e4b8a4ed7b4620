"""How long a revocation takes, on every process: from the command to the closed socket."""
