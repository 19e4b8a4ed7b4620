"""The systems as `python3 examples NAME` runs them."""
