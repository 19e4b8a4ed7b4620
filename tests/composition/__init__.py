"""How a guard is put together."""
