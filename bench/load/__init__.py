"""The load client, and how it is driven."""
