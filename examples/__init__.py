"""Runnable applications, one folder each, and the tour through the first of them."""
