"""What Portico adds to a request, measured beside its peers in one run: `python -m benchmarks`, or `make bench`."""
