"""The page in a real browser: what a person sees, does and reads."""
