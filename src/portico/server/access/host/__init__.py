"""What happens on the host itself, without a Caller: the first start, new tokens for lost ones, their file."""
