"""The few calls of SkyPilot's SDK that a study needs; each blocks, and belongs in a thread."""

import contextlib
import copy
import io
import logging
import re
import shutil
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import click

from autoresearch_tui.backends.skypilot.server import orphans
from autoresearch_tui.errors import BackendError
from autoresearch_tui.plain import plain

log = logging.getLogger(__name__)


_IN_ITS_WAY = (
    "SkyPilot's API server cannot start: processes of a dead one hold its port; "
    "`autoresearch-tui doctor --fix` ends them"
)


_ONE_AT_A_TIME = threading.Lock()
"""For what changes the standard output of the process for a while."""


class Trouble(Enum):
    """What kind of failure a call met."""

    UNREACHABLE = "the API server does not answer"
    """Whether the call had an effect is not known."""
    ABSENT = "there is no such cluster, or it is not up"
    CAPACITY = "no capacity"
    """A provider was asked and had none: it may have some later."""
    IMPOSSIBLE = "cannot be had"
    """No provider offers it, or none lets this user in: asking again changes nothing."""
    UNKNOWN = "failed"


class SkyError(BackendError):
    """A call failed; the text is SkyPilot's or the provider's own, on one line."""

    def __init__(self, trouble: Trouble, words: str) -> None:
        super().__init__(words)
        self.trouble = trouble

    def __reduce__(self) -> tuple[type["SkyError"], tuple[Trouble, str]]:
        return SkyError, (self.trouble, str(self))


@dataclass(frozen=True, slots=True)
class SkyTask:
    """A task for SkyPilot: the document `raw` with the other fields put over it.

    `accelerators`, `infra` and `image` of None are the document's own; the image `none` is none.
    """

    name: str
    run: str
    workdir: Path
    envs: Mapping[str, str] = field(default_factory=dict[str, str])
    setup: str | None = None
    accelerators: str | None = None
    infra: str | None = None
    image: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Record:
    """What SkyPilot says of a cluster. `status` is `INIT`, `UP`, `STOPPED` or another word of its.

    `accelerators` is as in `H100:1`, `CPU` where it has none. `reason` says why it is not up yet,
    `event` what happened to it last; `generation` changes when it is brought up anew.
    """

    name: str
    status: str
    on_cloud: str = ""
    cloud: str = ""
    accelerators: str = ""
    node: str = ""
    reason: str = ""
    event: str = ""
    generation: str = ""
    price: float = 0.0

    @property
    def is_up(self) -> bool:
        """Whether SkyPilot believes that it takes jobs; no proof that it does."""
        return self.status == "UP"


@dataclass(frozen=True, slots=True)
class Request:
    """A request that the API server holds; `body` is the JSON text of what `user` asked for."""

    id: str
    name: str
    status: str
    body: str
    created_at: float
    user: str = ""

    @property
    def is_over(self) -> bool:
        """Whether it has an outcome."""
        return self.status not in ("PENDING", "RUNNING", "WAITING")


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """A job as SkyPilot's own queue has it; `status` is its word, times are Unix seconds."""

    job: int
    name: str
    status: str
    submitted_at: float
    started_at: float | None = None
    ended_at: float | None = None


class SkyPilot(Protocol):
    """What the backend asks of SkyPilot. Every method blocks, and raises `SkyError`."""

    def status(self, names: Sequence[str], *, refresh: bool = False) -> Sequence[Record]:
        """What is known of clusters; with `refresh` the provider is asked."""
        ...

    def launch(self, cluster: str, task: SkyTask, idle_minutes: int | None) -> str:
        """Ask for a cluster, and for the task's set-up on it; the request's id.

        After `idle_minutes` without a job it goes down by itself.
        """
        ...

    def execute(self, cluster: str, task: SkyTask) -> str:
        """Ask for a job at the end of a cluster's queue; the request's id."""
        ...

    def wait(self, request: str) -> None:
        """Return when a request has succeeded."""
        ...

    def requests(self, cluster: str) -> Sequence[Request]:
        """The requests about a cluster that the server knows, ended ones included."""
        ...

    def abort(self, request: str) -> None:
        """End a request that runs."""
        ...

    def cancel(self, cluster: str, jobs: Sequence[int]) -> None:
        """End jobs, by their numbers on the cluster."""
        ...

    def down(self, cluster: str) -> None:
        """Give a cluster back."""
        ...

    def queue(self, cluster: str) -> Sequence[QueuedJob]:
        """The jobs of a cluster, in their order; the slow way to know them."""
        ...

    def output(self, cluster: str, job: int) -> bytes:
        """All that a job has printed; the slow way to read it."""
        ...


class Sdk:
    """SkyPilot itself, imported when it is first asked."""

    def __init__(self) -> None:
        self._sky: Any = None

    def status(self, names: Sequence[str], *, refresh: bool = False) -> Sequence[Record]:
        """What is known of clusters; with `refresh` the provider is asked."""
        with self._calls() as sky:
            mode = sky.StatusRefreshMode.FORCE if refresh else sky.StatusRefreshMode.NONE
            found: list[Any] = sky.get(sky.status(list(names), refresh=mode))
            return [_record(each) for each in found]

    def launch(self, cluster: str, task: SkyTask, idle_minutes: int | None) -> str:
        """Ask for a cluster, and for the task's set-up on it; the request's id."""
        with self._calls() as sky:
            made, end = self._task(task), {}
            if idle_minutes is not None:
                # Our own SSH connection must not keep a cluster alive that has no work.
                jobs = import_module("sky.skylet.autostop_lib").AutostopWaitFor.JOBS
                end = {"idle_minutes_to_autostop": idle_minutes, "down": True, "wait_for": jobs}
            return str(sky.launch(made, cluster_name=cluster, **end))

    def execute(self, cluster: str, task: SkyTask) -> str:
        """Ask for a job at the end of a cluster's queue; the request's id."""
        with self._calls() as sky:
            return str(sky.exec(self._task(task), cluster_name=cluster))

    def wait(self, request: str) -> None:
        """Return when a request has succeeded."""
        with self._calls() as sky:
            sky.get(request)

    def requests(self, cluster: str) -> Sequence[Request]:
        """The requests about a cluster that the server knows, ended ones included."""
        with self._calls() as sky:
            found = sky.api_status(all_status=True, cluster_name=cluster)
            return [
                Request(
                    r.request_id, r.name, r.status, r.request_body, r.created_at, r.user_name or ""
                )
                for r in found
                if r.cluster_name == cluster
            ]

    def abort(self, request: str) -> None:
        """End a request that runs."""
        with self._calls() as sky:
            sky.get(sky.api_cancel([request], silent=True))

    def cancel(self, cluster: str, jobs: Sequence[int]) -> None:
        """End jobs, by their numbers on the cluster."""
        with self._calls() as sky:
            sky.get(sky.cancel(cluster, job_ids=list(jobs)))

    def down(self, cluster: str) -> None:
        """Give a cluster back."""
        with self._calls() as sky:
            sky.get(sky.down(cluster))

    def queue(self, cluster: str) -> Sequence[QueuedJob]:
        """The jobs of a cluster, in their order; the slow way to know them."""
        with self._calls() as sky:
            found = sky.get(sky.queue(cluster, all_users=True))
            jobs = [
                QueuedJob(
                    r.job_id, r.job_name, r.status.value, r.submitted_at, r.start_at, r.end_at
                )
                for r in found
            ]
            return sorted(jobs, key=lambda job: job.job)

    def output(self, cluster: str, job: int) -> bytes:
        """All that a job has printed; the slow way to read it."""
        with self._calls() as sky:
            # It prints how far it is, whatever it is told.
            with _ONE_AT_A_TIME, contextlib.redirect_stdout(io.StringIO()):
                paths: dict[str, str] = sky.download_logs(cluster, [str(job)])
            (place,) = (Path(path).expanduser() for path in paths.values())
            found = sorted(place.glob("tasks/run.log")) or sorted(place.glob("tasks/*.log"))
            data = found[0].read_bytes() if found else b""
            shutil.rmtree(place, ignore_errors=True)
            return data

    @contextmanager
    def _calls(self) -> Generator[Any]:
        if self._sky is None:
            self._sky = _import()
        try:
            yield self._sky
        except SkyError:
            raise
        except Exception as error:
            trouble, text = _trouble(error), words(error)
            if "server process exited" in text and orphans():
                trouble, text = Trouble.UNREACHABLE, _IN_ITS_WAY
            raise SkyError(trouble, text) from error

    def _task(self, task: SkyTask) -> Any:
        document: dict[str, Any] = copy.deepcopy(dict(task.raw))
        document |= {"name": task.name, "run": task.run, "workdir": str(task.workdir)}
        if task.setup is not None:
            document["setup"] = task.setup
        document["envs"] = dict(task.envs)
        made = self._sky.Task.from_yaml_config(document)
        asked = {"accelerators": task.accelerators, "infra": task.infra, "image_id": task.image}
        over = {
            key: None if value == "none" else value
            for key, value in asked.items()
            if value is not None
        }
        if over:
            # Alternatives that differed only in what is settled now are one.
            kinds = {str(each): each for each in (r.copy(**over) for r in made.resources)}
            made.set_resources(type(made.resources)(kinds.values()))
        return made


def check_installed() -> None:
    """Refuse at once what could only fail later, on every cluster.

    Raises:
        SkyError: SkyPilot is not installed.
    """
    if find_spec("sky") is None:
        how = "pip install 'autoresearch-tui[skypilot]'"
        raise SkyError(Trouble.IMPOSSIBLE, f"clusters need SkyPilot, which is not here: {how}")


def _import() -> Any:
    """The package, without its messages on the screen.

    Raises:
        SkyError: it cannot be imported.
    """
    root = logging.getLogger()
    before = list(root.handlers)
    try:
        sky: Any = import_module("sky")
        sdk: Any = import_module("sky.client.sdk")
    except ImportError as error:
        raise SkyError(Trouble.IMPOSSIBLE, f"SkyPilot cannot be imported: {error}") from error
    theirs = logging.getLogger("sky")
    for logger, kept in ((root, before), (theirs, [])):
        for handler in [each for each in logger.handlers if each not in kept]:
            logger.removeHandler(handler)
    theirs.addHandler(logging.NullHandler())
    theirs.propagate = False
    sdk.click = _Quiet()
    return sky


class _Quiet:
    """click for their SDK, which says on the screen what it does; errors come as exceptions."""

    def __getattr__(self, name: str) -> Any:
        return getattr(click, name)

    def secho(self, *_: object, **__: object) -> None:
        """Say nothing."""


def _record(found: Any) -> Record:
    price = 0.0
    with contextlib.suppress(Exception):
        # Where its catalogue knows none, such as on Slurm, this says 0 or fails.
        price = float(found.handle.launched_resources.get_cost(3600)) * int(found.nodes or 1)
    return Record(
        name=found.name,
        status=found.status.value,
        on_cloud=found.cluster_name_on_cloud or "",
        cloud=found.cloud or "",
        accelerators=_accelerators(found.accelerators),
        node=found.node_names or "",
        reason=_line(found.init_status_reason or ""),
        event=_line(found.last_event or ""),
        generation=f"{found.cluster_hash} {found.launched_at}",
        price=price,
    )


def _accelerators(text: str | None) -> str:
    """`H100` of `{'H100': 1}`, and `H100:8` of eight; `CPU` of none."""
    found = re.search(r"'?([\w.-]+)'?\s*:\s*([\d.]+)", text or "")
    if found is None:
        return "CPU"
    count = float(found[2])
    return found[1] if count == 1 else f"{found[1]}:{count:g}"


def _trouble(error: Exception) -> Trouble:
    """What kind of failure an exception is; by name, for some are unpickled from the server."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if "ResourcesUnavailableError" in names:
        # By SkyPilot's contract it is empty where no provider was even asked.
        return Trouble.CAPACITY if getattr(error, "failover_history", None) else Trouble.IMPOSSIBLE
    for trouble, known in _KINDS.items():
        if names & known:
            return trouble
    if "ValueError" in names and "UP" in str(error):
        return Trouble.ABSENT
    return Trouble.UNKNOWN


_KINDS = {
    Trouble.ABSENT: {"ClusterDoesNotExist", "ClusterNotUpError", "ResourcesMismatchError"},
    Trouble.IMPOSSIBLE: {
        "ApiServerAuthenticationError",
        "ClusterOwnerIdentityMismatchError",
        "InvalidCloudConfigs",
        "InvalidCloudCredentials",
        "InvalidClusterNameError",
        "NoCloudAccessError",
        "NotSupportedError",
        "PermissionDeniedError",
        "UserRequestRejectedByPolicy",
    },
    Trouble.UNREACHABLE: {
        "ApiServerConnectionError",
        "ConnectionError",
        "RequestException",
        "RequestCancelled",
        "RequestInterruptedError",
        "ServerTemporarilyUnavailableError",
    },
}


def words(error: BaseException) -> str:
    """An error's text on one line, without colours."""
    return _line(str(error)) or type(error).__name__


def _line(text: str) -> str:
    return " ".join(plain(text).split())[:400]
