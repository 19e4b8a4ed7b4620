"""The chat inside somebody else's Tornado server."""
