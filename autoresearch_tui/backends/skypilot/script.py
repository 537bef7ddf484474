"""What a job executes on a cluster, and how it is told apart from others there."""

import shlex
from importlib.resources import files

from autoresearch_tui.backends.base import Job

CUT_OFF = 124
"""Exit code of a job that reached its time limit."""

NOT_READY = 95
"""Exit code of a job on a cluster whose set-up is not proved."""

NO_SPACE = 96
"""Exit code of a job that found no room for its own few marks, or its files missing."""

SETUP = "setup"
"""Name of the job that sets a cluster up, among the names of jobs."""

WORKER = "worker"
"""Name of the job that executes others."""

# A queue runs what it holds, whoever put it there and however often: the directory of its marks is
# the one leave to run, which a withdrawal takes as well. That of its name is for a second
# submission of the same job, which an engine that died between request and answer may cause.
_RUN = """\
S="$HOME/.autoresearch/{uid}"
mkdir -p "$S/jobs" "$S/names" || exit {no_space}
if ! mkdir "$S/jobs/{key}" 2> /dev/null; then
  test -d "$S/jobs/{key}" && exit 0
  echo "autoresearch: $S cannot be written" >&2
  exit {no_space}
fi
M="$S/jobs/{key}"
mkdir "$S/names/{name}" 2> /dev/null || {{ touch "$M/twin"; exit 0; }}
date +%s.%N > "$M/begun" && test -s "$M/begun" || exit {no_space}
end() {{ echo "$1 $(date +%s.%N)" > "$M/end.new" && mv "$M/end.new" "$M/end"; exit "$1"; }}
test -e "$S/ready/{token}" || end {not_ready}
cd "$HOME/sky_workdir/runs/{key}" && test -e ../{key}.sh || end {no_space}
SECONDS=0
pass_on() {{
  $(command -v stdbuf > /dev/null && echo stdbuf -o0) head -c {output}
  # What prints on is ended by the end of its pipe.
  test -z "$(head -c 1 | tr '\\0' x)" || echo "printed more than {megabytes} MB" > "$M/why"
}}
exec 3> >(pass_on)
reader=$!
timeout -k 10 {limit} bash ../{key}.sh >&3 2>&1 3>&-
code=$?
exec 3>&-
# A process that the job has left behind may hold its output for ever.
for _ in $(seq 50); do kill -0 $reader 2> /dev/null || break; sleep 0.1; done
if [ $SECONDS -ge {whole} ] && [ $code -ge {cut_off} ]; then code={cut_off}; fi
end $code
"""

_READY = """\
S="$HOME/.autoresearch/{uid}"
mkdir -p "$S/ready" && rm -f "$S"/ready/* && touch "$S/ready/{token}"
"""


_WORKER = """\
for P in "$SKY_RUNTIME_DIR/skypilot-runtime/bin/python" "$HOME/skypilot-runtime/bin/python"; do
  test -x "$P" && break
  P=python3
done
exec "$P" -c {worker} "$HOME/.autoresearch/{uid}" {key} {idle}
"""

_IDLE_SECONDS = 60
"""After which a worker without work ends: its cluster must not look busy for ever."""


def run_script(job: Job, uid: str, key: str, token: str) -> str:
    """The commands of `job` under the folder name `key`, once a cluster has the set-up `token`."""
    return _RUN.format(
        uid=uid,
        key=key,
        name=shlex.quote(job.name),
        token=token,
        limit=f"{job.time_limit:.3f}",
        whole=int(job.time_limit),
        output=job.output_limit,
        megabytes=job.output_limit // 1_000_000,
        cut_off=CUT_OFF,
        not_ready=NOT_READY,
        no_space=NO_SPACE,
    )


def worker_script(uid: str, key: str) -> str:
    """The commands of a worker."""
    worker = (files("autoresearch_tui.backends.skypilot") / "worker.py").read_text()
    return _WORKER.format(uid=uid, key=key, worker=shlex.quote(worker), idle=_IDLE_SECONDS)


def ready_script(uid: str, token: str) -> str:
    """The commands that prove a set-up: they run only where it has succeeded."""
    return _READY.format(uid=uid, token=token)


def job_name(uid: str, key: str) -> str:
    """What SkyPilot calls a job."""
    return f"{uid}_{key}"


def name_of(key: str) -> str:
    """The name of the job that a folder is of."""
    return key.rpartition("_")[0]


def agent_command(slurm: str, agent: str, arguments: str) -> str:
    """The shell command that runs `agent`, the text of a program, where a cluster's jobs run.

    `slurm` is the name of the cluster's allocation, where it is one: there one logs in beside it.
    `arguments` are those of the program, as text.
    """
    python = 'P="$R/skypilot-runtime/bin/python"; test -x "$P" || P=python3'
    run = f'exec "$P" -c {shlex.quote(agent)} "$HOME" "$R" "$A"'
    begin = f"export A={shlex.quote(arguments)}"
    if not slurm:
        return f'{begin}; R="$HOME"; {python}; {run}'
    name = shlex.quote(slurm)
    inner = f'export HOME="$H"; R=/tmp/{name}; {python}; {run}'
    return (
        f"{begin}; export H=~/.sky_clusters/{name}; "
        f"J=$(squeue -h -t RUNNING -o %i -n {name} | head -n 1); "
        f'test -n "$J" || {{ echo "no allocation called {name}" >&2; exit 3; }}; '
        f'exec srun -u --overlap --jobid="$J" -N 1 -n 1 bash -c {shlex.quote(inner)}'
    )
