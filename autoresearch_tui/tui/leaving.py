"""What is said once the cockpit is closed."""

from textual.content import Content

from autoresearch_tui.domain import StudyStatus
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.tui.view import View


def left_message(view: View, paths: StudyPaths) -> Content:
    """What is said once the cockpit is closed."""
    study, where = view.study, paths.root
    if study is None:
        return Content("")
    best = view.best
    stands = f"{sum(view.verdicts.values())} judged"
    if best is not None and best.value is not None:
        stands += f", best {study.metric} {best.value:.4f} ({best.id})"
    if study.status is StudyStatus.FINISHED:
        return Content(
            f"{study.tag} is finished, {stands}: {study.end_reason}. "
            f"`autoresearch-tui {where}` shows it."
        )
    return Content(
        f"{study.tag} goes on without this screen, {stands}. `autoresearch-tui {where}` returns "
        f"to it, `autoresearch-tui stop -C {where}` ends it."
    )
