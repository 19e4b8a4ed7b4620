"""Whole nodes against a model of who must be connected: `ledger` says it, `cluster` does it, `machine` compares."""
