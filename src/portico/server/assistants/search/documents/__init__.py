"""Documents of RAG assistants, as callers bring and see them."""
