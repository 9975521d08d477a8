"""Strategies: which accounts go to whom, by rule; drawn, previewed, approved by two people, and written as a placement."""
