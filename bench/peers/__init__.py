"""One server a file: ours, and those that it is held against. All say the same to the same messages.

Each is a program of its own, in an environment of its own; see `bench.environments`. Beside its port it tells, when
asked on standard input, what it has spent.
"""
