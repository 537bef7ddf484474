"""What opens another screen over the first one."""

from abc import abstractmethod
from collections.abc import Callable, Sequence

from textual import work

from autoresearch_tui.domain import Experiment
from autoresearch_tui.paths import StudyPaths
from autoresearch_tui.tui.feed import Source
from autoresearch_tui.tui.operator import Operator
from autoresearch_tui.tui.screens.clusters import ClustersScreen
from autoresearch_tui.tui.screens.experiment import ExperimentScreen
from autoresearch_tui.tui.screens.help import HelpScreen
from autoresearch_tui.tui.screens.looking import LookingScreen
from autoresearch_tui.tui.screens.marked import MarkedScreen
from autoresearch_tui.tui.screens.pages import EventsScreen, SettingsScreen
from autoresearch_tui.tui.screens.researchers import ResearchersScreen
from autoresearch_tui.tui.view import View


class OpeningScreen(LookingScreen):
    """Gives the screens that it opens its newest view, and takes up what was chosen in them."""

    def __init__(
        self,
        operator: Operator,
        paths: StudyPaths,
        feed: Source,
        diff: Callable[[Experiment], str],
    ) -> None:
        super().__init__(operator)
        self._paths = paths
        self._feed = feed
        self._diff = diff

    @abstractmethod
    def choose(self, experiment: str) -> None:
        """Choose an experiment here."""

    @work(exclusive=True, group="experiment")
    async def open_experiment(self, experiment: Experiment, against: str | None = None) -> None:
        """Show an experiment alone, or against another; the one that is left there is chosen."""
        screen = ExperimentScreen(
            self._operator, self._paths, self._feed, self._diff, self._newest, against
        )
        screen.change_to(experiment)
        left = await self._app.push_screen_wait(screen)
        if left is not None:
            self.choose(left)

    def open_marked(self, marked: Sequence[Experiment]) -> None:
        """Hold several experiments against the best of them."""
        names = [experiment.id for experiment in marked]
        self._app.push_screen(MarkedScreen(self._operator, self._newest, self._feed, names))

    def _newest(self) -> View:
        return self.view

    def action_help(self) -> None:
        """Say what the keys do."""
        self._app.push_screen(HelpScreen())

    @work(exclusive=True, group="clusters")
    async def action_clusters(self) -> None:
        """Look at the clusters; a run that is opened there is shown here."""
        screen = ClustersScreen(
            self._paths, self._newest, self.ask_fleet if self._operator.can_act else None
        )
        experiment = await self._app.push_screen_wait(screen)
        if experiment is not None:
            self.choose(experiment)
            self.open_experiment(self.view.by_id[experiment])

    def action_researchers(self) -> None:
        """Look at what researchers have done and thought."""
        self._app.push_screen(ResearchersScreen(self._feed, self.view))

    def action_events(self) -> None:
        """Look at the study's record."""
        self._app.push_screen(EventsScreen(self._operator, self._newest, self._feed))

    def action_settings(self) -> None:
        """Look at what the study goes by."""
        self._app.push_screen(SettingsScreen(self._operator, self._newest, self._paths))
