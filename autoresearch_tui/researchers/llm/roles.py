"""Roles of several models at one desk: what each is told of itself."""

from collections.abc import Mapping

from autoresearch_tui.config import Llm, Role
from autoresearch_tui.errors import ConfigError

_KNOWN: Mapping[str, str] = {
    "sceptic": (
        "You doubt. Look at what the study believes (what was kept, what the notepad says) and put "
        "it to the test: repeat what stands on one run, take pieces away that may do nothing, undo "
        "old changes on top of the present best, try what was ruled out when all else was "
        "different. Strike from the notepad what does not hold."
    ),
    "architect": (
        "You look after the code, not its constants: attention, normalisation, activations, "
        "embeddings, residual paths, the optimiser's update, the order of the work on the "
        "accelerator. Propose changes of code alone, one idea each."
    ),
    "reader": (
        "You know the literature. Look for what others have found to help models of this size and "
        "budget (`search_literature`), say where an idea comes from, and propose the smallest "
        "change that would show whether it holds here."
    ),
    "finisher": (
        "You finish. Combine what was kept or nearly kept, turn the constants that a change of "
        "code has made worth turning again, and bring down its lines where the result stays."
    ),
}


def in_role(settings: Llm, name: str) -> tuple[Llm, str]:
    """The settings of the model in a role, and what it is told of itself.

    Raises:
        ConfigError: there is no such role.
    """
    given = settings.roles.get(name)
    words = given.words if given is not None and given.words else _KNOWN.get(name, "")
    if not words:
        known = ", ".join([*_KNOWN, *(role for role in settings.roles if role not in _KNOWN)])
        raise ConfigError(
            f"researcher.kind: llm:{name}: give llm.roles.{name}.words, or one of these: {known}"
        )
    own = (given or Role()).model_dump(include={"model", "effort"}, exclude_none=True)
    return settings.model_copy(update=own), words
