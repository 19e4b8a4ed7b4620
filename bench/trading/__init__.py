"""The feed of the trading desk: a thousand who read, fifty who are far too slow."""
