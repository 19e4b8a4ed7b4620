"""What is publicly known to be wrong with the libraries that this package brings, and whether it concerns us.

`python -m tests.advisories` compares with the committed list, without a network; `python -m tests.advisories renew`
looks the list up anew.
"""
