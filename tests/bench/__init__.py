"""Tests of the benchmarks: of what they compute, never of a time."""
