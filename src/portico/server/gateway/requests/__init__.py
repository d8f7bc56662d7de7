"""Requests that run and that have run: what is kept of them, and how it is read again."""
