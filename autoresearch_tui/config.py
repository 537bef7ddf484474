"""A study's settings, read from `autoresearch.toml`; every error names its key."""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from autoresearch_tui.domain import ApprovalMode, Scalar
from autoresearch_tui.errors import ConfigError

CONFIG_NAME = "autoresearch.toml"


_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}")
_MEMBER = re.compile(r"optimizer|llm(:[a-z][a-z0-9-]{0,23})?")
_TAG_WORDS = "must be 1 to 40 letters, digits and dashes"


def check_tag(tag: str) -> None:
    """Raise `ConfigError` unless a study can have this name."""
    if not _TAG.fullmatch(tag):
        raise ConfigError(f"tag: {_TAG_WORDS} (got {tag!r})")


class Section(BaseModel):
    """A table of the file: unknown keys are errors, values are not changed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StudySettings(Section):
    """What is searched, and by which number."""

    tag: str = "study"
    """Name of the study: the branch `autoresearch/<tag>` and the prefix of its clusters."""
    metric: str = "val_bpb"
    """The summary line that is judged."""
    minimize: bool = True
    """Whether a lower metric is better."""
    editable: tuple[str, ...] = ("train.py",)
    """Files that an experiment may change, relative to the repository."""
    protected: tuple[str, ...] = ()
    """Files that nobody may change; all others that are not editable are refused as well."""
    task: str = "experiment.yaml"
    """The SkyPilot task of one run."""
    instructions: str = "instructions.md"
    """The brief of the researcher."""

    @field_validator("tag")
    @classmethod
    def _tag_is_a_ref(cls, tag: str) -> str:
        if not _TAG.fullmatch(tag):
            raise ValueError(_TAG_WORDS)
        return tag


class Limits(Section):
    """When a study, or a run, ends."""

    max_experiments: Annotated[int, Field(ge=1)] | None = None
    """Judged experiments after which the study ends."""
    max_hours: Annotated[float, Field(gt=0)] | None = None
    """Hours of wall-clock after which the study ends."""
    budget_usd: Annotated[float, Field(gt=0)] | None = None
    """Dollars (clusters and tokens) after which the study ends."""
    run_minutes: Annotated[float, Field(gt=0)] = 15.0
    """Minutes after which a run is stopped and judged a crash."""
    log_mb: Annotated[float, Field(gt=0)] = 32.0
    """Megabytes of a run's output that are kept; a run that prints ten times as much is stopped."""


class Approval(Section):
    """Who lets proposals run."""

    mode: ApprovalMode = ApprovalMode.AUTO
    """`auto`, `veto` (a countdown) or `manual`."""
    countdown_seconds: Annotated[float, Field(gt=0)] = 30.0
    """How long a proposal waits for a veto in the mode `veto`."""


class Scheduler(Section):
    """How clusters are kept busy."""

    queue_depth: Annotated[int, Field(ge=0, le=8)] = 1
    """Runs that wait on a cluster behind the one that runs."""
    ahead: Annotated[int, Field(ge=1)] | None = None
    """Approved experiments held ready beyond the clusters' queues; by default one a cluster."""

    max_attempts: Annotated[int, Field(ge=1, le=20)] = 3
    """Times that a run is tried which a machine loses, before its experiment is set aside."""


class Alarms(Section):
    """What the operator is told of before it costs a night."""

    crashes_in_a_row: Annotated[int, Field(ge=0)] = 5
    """Experiments that crash in a row before the study pauses; 0 never."""
    stalled_factor: Annotated[float, Field(ge=0)] = 3.0
    """Times the usual duration of a run for which none may end; 0 never."""
    least_seconds: Annotated[float, Field(gt=0)] = 60.0
    """Seconds that idleness or a stall lasts before it is one."""


class Local(Section):
    """The slots of this machine."""

    slots: Annotated[int, Field(ge=1, le=256)] | None = None
    """Runs at a time; by default one a GPU, or one a physical core where there is none."""
    any_accelerator: bool = False
    """Whether the task runs here whatever accelerator it asks for, as the packaged trainer does."""


_MOST_CLUSTERS = 256


class ClusterGroup(Section):
    """Clusters that are alike."""

    accelerator: str | None = None
    """Accelerators of each, such as `H100:1`; by default those that the task asks for."""
    count: Annotated[int, Field(ge=1, le=_MOST_CLUSTERS)] = 1
    """How many."""
    infra: str | None = None
    """Where, as SkyPilot's `--infra` has it; by default where the task or SkyPilot says."""
    image: str | None = None
    """The image in place of the task's own; `none` where the infrastructure takes none."""


_GROUP = re.compile(r"(?:(\d+)x)?((?![\w.-]*x\d+\b)[A-Za-z][\w.-]*(?::\d+)?)|(\d+)")


def parse_clusters(
    text: str, infra: str | None = None, image: str | None = None
) -> tuple[ClusterGroup, ...]:
    """Read `13xH100,3xH200`, or `16` of what the task asks for.

    Raises:
        ConfigError: the text is nothing of the kind.
    """
    groups: list[ClusterGroup] = []
    for part in text.split(","):
        found = _GROUP.fullmatch(part.strip())
        count = int((found[1] or found[3] or "1") if found else "0")
        if found is None or not 1 <= count <= _MOST_CLUSTERS:
            raise ConfigError(
                f"--clusters: {part.strip()!r} is not understood; as in 13xH100,3xH200, or 16 for "
                f"what the task asks for, at most {_MOST_CLUSTERS}"
            )
        kind = found[2]
        accelerator = kind if kind is None or ":" in kind else f"{kind}:1"
        kinds = {"accelerator": accelerator, "infra": infra, "image": image}
        groups.append(ClusterGroup(count=count, **kinds))
    return tuple(groups)


class SkyPilot(Section):
    """Clusters that SkyPilot brings up; without any, runs are executed on this machine."""

    clusters: tuple[ClusterGroup, ...] = ()
    """The clusters of the study, by groups that are alike; they are called `<tag>-01` and so on."""
    use: tuple[str, ...] = ()
    """Names of clusters that are up already; they are never stopped."""
    idle_minutes: Annotated[int, Field(ge=1)] = 30
    """Minutes without a run after which a cluster goes down by itself, whatever becomes of us."""
    setup_minutes: Annotated[float, Field(gt=0)] = 60.0
    """Minutes that a cluster's set-up may take."""
    pilot: Literal["auto", "never"] = "auto"
    """`auto`: where runs take less than two minutes, one job of SkyPilot's executes many of them;
    `never`: each run is a job of SkyPilot's."""
    down_at_end: bool = True
    """Whether clusters that the study has launched go down when it ends."""

    @field_validator("use")
    @classmethod
    def _use_names_each_once(cls, use: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(use)) < len(use):
            raise ValueError("names a cluster twice")
        return use

    @property
    def is_used(self) -> bool:
        """Whether the study runs on clusters of SkyPilot."""
        return bool(self.clusters or self.use)


class SandboxSettings(Section):
    """What a run on this machine may reach beside its own directory and the system's."""

    mode: Literal["auto", "require", "off"] = "auto"
    """`auto`: bubblewrap, else Landlock, else none, which is said; `require`: one of the two."""
    network: bool = False
    """Whether runs reach the network; the set-up always does."""
    read: tuple[str, ...] = ()
    """Directories that runs may read, such as data; `~/.cache` always."""
    write: tuple[str, ...] = ()
    """Directories that runs may write; what one leaves there, the next one sees."""
    env: tuple[str, ...] = ()
    """Variables of the engine's environment that runs see too."""

    @field_validator("env")
    @classmethod
    def _env_has_no_key(cls, env: tuple[str, ...]) -> tuple[str, ...]:
        if found := [name for name in env if name.startswith("ANTHROPIC_")]:
            raise ValueError(f"{found[0]} is the researcher's; runs must not see it")
        return env


class Judge(Section):
    """When a result counts."""

    baseline_repeats: Annotated[int, Field(ge=1, le=64)] = 4
    """Runs of the unchanged files at the start: the noise estimate."""
    keep_margin_sd: Annotated[float, Field(ge=0)] = 0.5
    """Gain, in standard deviations of the noise, above which an experiment is kept."""


class Axis(Section):
    """How the optimiser searches one constant; what is not given is derived from its value."""

    low: float | None = None
    high: float | None = None
    log: bool | None = None
    choices: tuple[Scalar, ...] | None = None

    @field_validator("choices")
    @classmethod
    def _choices_are_several(cls, choices: tuple[Scalar, ...] | None) -> tuple[Scalar, ...] | None:
        if choices is not None and len(choices) < 2:
            raise ValueError("needs at least two values")
        return choices


class Search(Section):
    """The optimiser's search space."""

    ignore: tuple[str, ...] = ()
    """Constants that are left as they are."""
    only: tuple[str, ...] = ()
    """When given, the only constants that are searched."""
    seed: int | None = None
    """Seed of the sampler, for studies that can be repeated."""
    space: dict[str, Axis] = Field(default_factory=dict)
    """Overrides, one table a constant: `[search.space.DEPTH]`."""


class Researcher(Section):
    """Who proposes."""

    kind: tuple[str, ...] = ("auto",)
    """`optimizer`; `llm`, a language model; `hybrid`, both; `none`: only proposals from outside.
    `auto` is `hybrid` where there is an API key, else `optimizer`. Or several at once: `optimizer`,
    `llm`, and `llm:<role>` for each of `llm.roles`."""
    exhausted: Literal["end", "repeat"] = "end"
    """What happens when nothing more can be proposed: the study ends at once, or it first repeats
    the best and the baseline, so that more can be said of their difference."""

    @field_validator("kind", mode="before")
    @classmethod
    def _kind_may_be_a_line(cls, kind: object) -> object:
        return [each.strip() for each in kind.split(",")] if isinstance(kind, str) else kind

    @field_validator("kind")
    @classmethod
    def _kind_is_known(cls, kind: tuple[str, ...]) -> tuple[str, ...]:
        is_one = len(kind) == 1 and kind[0] in ("auto", "hybrid", "none")
        if not kind or not (is_one or all(map(_MEMBER.fullmatch, kind))):
            raise ValueError(
                "must be auto, optimizer, llm, hybrid or none, or several of optimizer, llm and "
                "llm:<role>"
            )
        if len(set(kind)) < len(kind):
            raise ValueError("names a researcher twice")
        return kind


Effort = Literal["low", "medium", "high", "xhigh", "max"]


class Role(Section):
    """What one of several language models does."""

    words: str = ""
    """What it is told of itself; a role that is known needs none."""
    model: Annotated[str, Field(min_length=1)] | None = None
    """Its model, in place of `llm.model`."""
    effort: Effort | None = None


class Llm(Section):
    """The language model that proposes."""

    model: Annotated[str, Field(min_length=1)] = "claude-opus-5-5"
    """Its name, as the API has it."""
    effort: Effort = "high"
    """How much it thinks."""
    max_tokens: Annotated[int, Field(ge=1024)] = 32_000
    """Tokens that one answer of it may have, its thoughts included."""
    context_tokens: Annotated[int, Field(ge=4_000)] = 60_000
    """Tokens of what it is told of the study at the beginning of a turn, about."""
    rounds: Annotated[int, Field(ge=1)] = 24
    """Answers in one turn, each followed by what its tools gave."""
    share: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """Its share of the proposals beside the optimiser's; of several models together."""
    budget_usd: Annotated[float, Field(gt=0)] | None = None
    """Dollars for the tokens of all models; then they fall silent, and the study goes on without
    them."""
    roles: dict[str, Role] = Field(default_factory=dict[str, Role])
    """By the name that follows `llm:` in `researcher.kind`."""
    key_file: str = ""
    """A file that holds the API key, readable by its owner alone; else ANTHROPIC_API_KEY."""


class TokenPrice(Section):
    """Dollars a million tokens; the cache's are 1.25 and 0.1 times `input` where not given."""

    input: Annotated[float, Field(ge=0)]
    output: Annotated[float, Field(ge=0)]
    cache_write: Annotated[float, Field(ge=0)] | None = None
    cache_read: Annotated[float, Field(ge=0)] | None = None


class Prices(Section):
    """Dollars."""

    tokens: dict[str, TokenPrice] = Field(default_factory=dict[str, TokenPrice])
    """Prices by model, for those that are new or not at the list price."""

    accelerator_hour: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """Price of an hour of one cluster, by accelerator type."""


class Settings(Section):
    """The whole of `autoresearch.toml`."""

    study: StudySettings = StudySettings()
    limits: Limits = Limits()
    approval: Approval = Approval()
    scheduler: Scheduler = Scheduler()
    alarms: Alarms = Alarms()
    local: Local = Local()
    skypilot: SkyPilot = SkyPilot()
    llm: Llm = Llm()
    sandbox: SandboxSettings = SandboxSettings()
    judge: Judge = Judge()
    researcher: Researcher = Researcher()
    search: Search = Search()
    prices: Prices = Prices()


def parse_settings(text: str, source: str = CONFIG_NAME) -> Settings:
    """Read settings from TOML.

    Raises:
        ConfigError: the text is no TOML, or a key is unknown or its value does not fit.
    """
    try:
        return Settings.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source}: not valid TOML: {error}") from None
    except ValidationError as error:
        raise ConfigError(_first_problem(error, source)) from None


def load_settings(study: Path) -> Settings:
    """Read the settings of the study in the directory `study`; defaults where it has no file.

    Raises:
        ConfigError: as `parse_settings`, or the file cannot be read.
    """
    path = study / CONFIG_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    return parse_settings(text, str(path))


def with_overrides(settings: Settings, overrides: dict[str, object]) -> Settings:
    """Give dotted keys (`limits.max_hours`) new values, such as those of the command line.

    Raises:
        ConfigError: a value does not fit its key.
    """
    data = settings.model_dump()
    for dotted, value in overrides.items():
        table, key = dotted.split(".")
        data[table][key] = value
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        raise ConfigError(_first_problem(error, "command line")) from None


def _first_problem(error: ValidationError, source: str) -> str:
    problem = error.errors()[0]
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{source}: unknown key '{key}'; known keys stand in the README under Settings"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{source}: {key}: {message[:1].lower()}{message[1:]} (got {problem['input']!r})"
