"""The description of the API that the server gives of itself."""
