"""What is measured: each suite a module with `measure(rounds: int) -> Outcome`."""
