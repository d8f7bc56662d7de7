"""What happens when something breaks, each case with its figure: `python -m benchmarks.robust`."""
