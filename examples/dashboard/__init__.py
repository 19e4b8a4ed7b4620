"""Customers' live dashboards: each sees its own figures, by a token that its API key was exchanged for."""
