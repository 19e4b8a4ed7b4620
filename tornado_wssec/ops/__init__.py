"""The operations page: what happens at a guard, for those on call, and what they may do about it.

Off unless an application asks for it: `guard.routes(ops=True)`.
"""
