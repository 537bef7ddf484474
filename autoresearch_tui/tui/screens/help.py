"""What the keys do and what the signs mean."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

_TEXT = """\
DECIDE (capitals change the study)
  A        approve the chosen proposal
  V        veto it, with a reason if you like; the researcher is told
  R        tell the model or the agents something; they hear it at once
  M        approval mode: auto, veto (a countdown), manual
  P        pause or resume: no further run starts; running ones end
  X        cancel the chosen experiment's run; asks
  S        stop the study; asks
  C        the clusters: drain, replace, try again, one more, one fewer
  E        start the engine when none runs
  u        take back the last of A, M and P, for some seconds
  q        leave; the study goes on

LOOK
  1 … 5    results, reasoning, experiments, log, details
  tab      next pane          z   one pane over the whole screen
  ↑ ↓ j k  move               g G begin, end     space  page down
  w        choose the next proposal that waits
  esc      back to live: nothing chosen, ends followed
  enter    details and diff   f   filter the list
  y        copy the experiment's id, commit and value
  t        results over their order or over time
  T        dark or light

SIGNS
  ★ best   ✓ kept   · discarded   × crashed   ? waits for approval
  … queued   ▸ running   ⊘ vetoed, rejected, stale or cancelled
  In the plot: ● a new best, its line the best so far; grey dots other
  results, on the edge where they lie far outside; × crashes; ◎ chosen.
  gain ≥: better than the baseline by at least this (95 %), counted that it
  is the best of all that were tried; what is within luck is called so.
  vs best: against the best at the time of the verdict.
  busy: share of the last hour in which the clusters executed runs.
"""


class HelpScreen(ModalScreen[None]):
    """One page; any of its keys leads back."""

    BINDINGS = [Binding("escape,question_mark,q,enter", "dismiss", "back")]

    def compose(self) -> ComposeResult:
        """The page."""
        with VerticalScroll(classes="dialog tall"):
            yield Static(_TEXT, markup=False)
