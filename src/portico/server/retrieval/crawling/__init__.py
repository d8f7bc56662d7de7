"""Crawls of `.web` documents: an order in, the pages of a site out, asked through the guarded fetcher."""
