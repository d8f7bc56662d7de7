"""Measured retrieval: sets of questions, and runs over a profile."""
