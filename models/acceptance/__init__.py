"""Acceptance rates: decisions by nationality, period and track, their rate now and ahead, and the rate of the total."""
