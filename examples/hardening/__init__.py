"""A chat of old, hardened step by step; `docs/hardening.md` walks through it."""
