"""Tests that run for hours: `python -m tests.soak`, and each module by itself."""
