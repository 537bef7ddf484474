"""The errors an operator sees: one line that says what, where, and how to mend it."""

from typing import cast


def innermost(error: BaseException) -> BaseException:
    """What went wrong first of all that a group of errors holds; any other error itself."""
    while isinstance(error, BaseExceptionGroup):
        error = cast(BaseExceptionGroup[BaseException], error).exceptions[0]
    return error


class AutoresearchError(Exception):
    """Base of every error meant for the operator; shown once, at the edge, without a traceback."""


class ConfigError(AutoresearchError):
    """A setting is unknown, of the wrong type or out of range; the message names its key."""


class StudyError(AutoresearchError):
    """The study directory or its database cannot be used as it is."""


class WorkspaceError(AutoresearchError):
    """The git repository cannot be used as it is."""


class EditError(AutoresearchError):
    """An edit does not apply, or is not allowed; told to the researcher that proposed it."""


class UnchangedError(EditError):
    """A constant has the value already that an edit would give it."""


class BackendError(AutoresearchError):
    """A cluster or job could not be handled by its backend."""


class RefusedError(BackendError):
    """A job was surely not taken; any other error may have come after it was."""


class ResearcherError(AutoresearchError):
    """A researcher could not propose; the study goes on without it."""


class ExhaustedError(ResearcherError):
    """A researcher has nothing more to propose until a result changes what it knows."""


class ControlError(AutoresearchError):
    """The engine refused a request, or none answers."""
