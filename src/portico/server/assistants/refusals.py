"""Refusals about assistants, with the ids and texts of the reference's error list."""

from __future__ import annotations

from portico.server.errors import BadRequest, Conflict, NotFound, PorticoError


class ProviderTypeNotFound(BadRequest):
    id, text = 2, "Provider Type Not Found"


class PromptEmpty(BadRequest):
    id, text = 2008, "Prompt is Empty"


class AssistantGeneralError(BadRequest):
    """A change that makes no sense: an action that nobody knows."""

    id, text = 2011, "Assistant General Error"


class ModelWithoutTools(AssistantGeneralError):
    """An API assistant of a model that calls no functions."""

    text = "Assistant General Error: the model of this API assistant takes no tools; choose one that does"


class TooManyRounds(AssistantGeneralError):
    """A model that calls functions again and again, and never answers."""

    def __init__(self, rounds: int) -> None:
        super().__init__(f"Assistant General Error: no answer after {rounds} rounds of calls")


class AssistantNotImplemented(PorticoError):
    """A kind of assistant that is documented and cannot be run here."""

    status, id, text = 501, 2012, "Assistant Not Implemented"


class RevisionEmpty(BadRequest):
    id, text = 2013, "Revision Is Empty"


class AssistantRevisionNotFound(NotFound):
    id, text = 2014, "Assistant Revision Not Found"


class RevisionUpdateError(BadRequest):
    """A change that names a revision and says nothing about it, or says it of one that cannot be."""

    id, text = 2015, "Assistant Revision Update Error"


class UnknownModel(BadRequest):
    id = 2016

    def __init__(self, provider: str, model: str) -> None:
        super().__init__(f"AIModel Id For {provider} {model}".rstrip(), param="llmSettings.modelName")


class AssistantNameTaken(Conflict):
    id, text = 2030, "Assistant name already exists"


class AssistantNotInProject(NotFound):
    id, text = 2031, "Assistant not in Project"


class UnexpectedAssistantStatus(BadRequest):
    id, text = 2032, "The status value is unexpected"


class AssistantOfAnotherType(BadRequest):
    id, text = 2041, "The assistant specified is of a different type than expected"
