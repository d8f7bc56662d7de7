"""AWS Bedrock: the adapter, and what it is made of."""

from portico.server.providers.bedrock.adapter import Bedrock

__all__ = ["Bedrock"]
