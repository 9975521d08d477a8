"""Upstream: who holds which account, what they say they collected, what the bank can see."""
