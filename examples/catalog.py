"""The chat models that can call tools, provider by provider."""

from portico import Portico

with Portico() as client:
    for provider in client.llm.providers(models=True, type="Chat", tool_calling=True):
        print(f"{provider.friendly_name}: {provider.description}")
        for model in provider.models:
            print(f"  {model.full_name}  {model.context_window} tokens")
