"""A trading desk: quotes for fast and slow readers, orders that only their owner can have signed."""
