"""Benchmarks: us against the bare framework and against peers, side by side in one run, as ratios.

`python -m bench` runs every suite, prints each bar with its verdict, writes `bench/results.json` and draws it;
`python -m bench talk crowd --rounds 3` runs two of them.
A figure is the server's own CPU time a unit of work; what is quoted is a ratio of medians, because
absolute times depend on the machine and the day.
"""
