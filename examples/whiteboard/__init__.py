"""A whiteboard on which people draw together, as far as each of them may."""
