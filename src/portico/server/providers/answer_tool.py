"""Structured output for models without it: a tool whose arguments are the answer, taken out of its wrapping (HC-23)."""

from __future__ import annotations

from typing import Any

NAME = "json_answer"
DESCRIPTION = "Gives the final answer to the user. Its arguments are the answer, in the form that was asked for."
INSTRUCTION = f"Give your final answer only by calling the tool {NAME}."


def answer_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The tool's parameters: the schema asked for, or any object."""
    return schema or {"type": "object", "properties": {}, "additionalProperties": True}
