"""Portico: SDK of the Globant Enterprise AI API. The public names, and nothing else."""

__version__ = "0.1.0"
