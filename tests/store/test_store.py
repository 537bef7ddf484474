import sqlite3
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from autoresearch_tui.config import Settings
from autoresearch_tui.domain import (
    ApprovalMode,
    Cluster,
    ClusterStatus,
    ConstantEdit,
    CurvePoint,
    Experiment,
    ExperimentStatus,
    Judgement,
    Progress,
    Reading,
    ReplaceEdit,
    Run,
    RunStatus,
    Study,
    StudyStatus,
    Turn,
    Verdict,
)
from autoresearch_tui.errors import StudyError
from autoresearch_tui.lifecycle import State, events, handle
from autoresearch_tui.store import Writer, open_reader, open_writer
from autoresearch_tui.store.loading import load_state

STUDY = Study("night", "/repo", "abc", "val_bpb", True, StudyStatus.RUNNING, ApprovalMode.VETO, 1.0)


def experiment(number: int = 1, **changes: object) -> Experiment:
    values: dict[str, object] = {
        "id": f"e{number:04}",
        "number": number,
        "wave": 1,
        "status": ExperimentStatus.PROPOSED,
        "title": "DEPTH 4 → 6",
        "hypothesis": "deeper is better",
        "origin": "optimizer",
        "created_at": 2.0,
        "edits": (
            ConstantEdit("train.py", "DEPTH", 6),
            ReplaceEdit("train.py", "a = 1\n", "a = 'ü'\n"),
        ),
        "constants": {"DEPTH": 6, "LR": 0.1, "PATTERN": "SSSL", "FLAG": True},
        "digest": f"d{number}",
    }
    return Experiment(**values | changes)


@pytest.fixture
def writer(tmp_path):
    with open_writer(tmp_path / "state" / "study.db") as writer:
        writer.create_study(STUDY)
        yield writer


@pytest.fixture
def reader(writer, tmp_path):
    with open_reader(tmp_path / "state" / "study.db") as reader:
        yield reader


def test_what_is_written_is_read_back(writer: Writer, reader):
    first = experiment()
    run = Run("e0001-r1", "e0001", 1, RunStatus.PENDING, 42, 3.0, metrics={"val_bpb": 1.5})
    judgement = Judgement("e0001", "CPU", Verdict.KEEP, 2, 1.5, 0.1, "w", 4.0, is_best=True)
    cluster = Cluster("cpu-01", "local", "CPU", ClusterStatus.UP, 1.0, note="ok", price=0.5)
    writer.put_experiment(first)
    writer.put_run(run)
    writer.put_judgement(judgement)
    writer.put_cluster(cluster)
    points = [CurvePoint(1, 0.125, 7.0, 1.8e9 + 0.25), CurvePoint(2, 0.25, 6.5, 1.8e9 + 1.5)]
    progress = Progress("e0001-r1", 0.25, 2, 6.5, 9.0, "step 2", 6.0)
    reading = Reading("e0001-r1", "e0001-r1.2", 70, 60, {"summary": {"metrics": {"a": 1.0}}})
    writer.put_read([progress], {"e0001-r1": points[:1]}, [])
    writer.put_read([], {"e0001-r1": points}, [reading])
    writer.add_thought(1, "optimizer", "text", "hm")
    turns = [Turn(1, "optimizer", 3, 5.0, 7.5, 2, 10, 4, 0.1, "abc", ""), Turn(2, "llm", 1, 8.0)]
    for turn in turns:
        writer.put_turn(turn)

    assert reader.study() == STUDY
    assert reader.experiment("e0001") == first
    assert reader.experiment("e9") is None
    assert reader.run("e0001-r1") == run
    assert reader.clusters() == [cluster]
    assert reader.curve("e0001-r1") == points
    assert reader.curve("e0001-r2") == []
    assert reader.reading("e0001-r1") == reading
    assert [thought.text for thought in reader.thoughts()] == ["hm"]
    assert reader.turns() == turns
    assert reader.turns(after=1) == reader.open_turns() == turns[1:]
    assert reader.turn_seconds("optimizer", 5) == [2.5]
    assert writer.next_turn() == 3
    assert reader.judgements() == reader.judgements("e0001") == [judgement]
    assert reader.incumbents() == [judgement]
    assert reader.best("CPU") == first
    assert reader.best("H100") is None


def test_a_draft_is_written_as_a_whole_with_its_instructions(writer: Writer, reader):
    state = State(Settings(), STUDY)
    event = events.Admitted(experiment(parent="e0"), "ada")
    writer.apply(draft := handle(state, event, 5.0))
    state.commit(draft)
    assert reader.experiment("e0001").approve_at == 35.0
    assert [(e.kind, e.actor, e.subject) for e in reader.events()][1:] == [
        ("experiment.proposed", "ada", "e0001")
    ]
    for event in (
        events.ClusterSeen("a", "local", "CPU", ClusterStatus.UP),
        events.Approved(("e0001",), "ada"),
    ):
        writer.apply(draft := handle(state, event, 6.0))
        state.commit(draft)
    assert reader.runs()[0].status is RunStatus.SUBMITTING
    assert [(order.do, order.target) for order in reader.outbox()] == [("submit", "a")]
    loaded = load_state(reader, Settings())
    assert loaded.experiments == state.experiments
    assert loaded.runs == state.runs
    assert loaded.outbox == state.outbox
    writer.apply(handle(state, events.Submitted("e0001-r1", "a", events.Answer.ACCEPTED), 7.0))
    assert reader.outbox() == []


def test_the_end_of_a_run_removes_its_progress(writer: Writer, reader):
    writer.put_experiment(experiment())
    run = Run("r", "e0001", 1, RunStatus.RUNNING, 1, 1.0)
    writer.put_run(run)
    progress = Progress("r", 0.5, 10, 2.0, 3.0, "step", 4.0)
    writer.put_read([progress], {"r": [CurvePoint(1, 0.5, 2.0)]}, [Reading("r", "r", 1, 1, {})])
    assert reader.progress()["r"].fraction == 0.5
    writer.put_run(replace(run, status=RunStatus.SUCCEEDED, value=1.0))
    assert reader.progress() == {}
    assert reader.reading("r") is None
    assert len(reader.curve("r")) == 1


def test_readers_learn_only_what_changed(writer: Writer, reader):
    for number in range(1, 4):
        writer.put_experiment(experiment(number))
    version, rev = reader.data_version(), reader.revision()
    assert reader.experiments_since(rev) == []
    writer.put_experiment(experiment(2, status=ExperimentStatus.QUEUED))
    assert reader.data_version() != version
    assert [e.id for e in reader.experiments_since(rev)] == ["e0002"]
    assert [e.id for e in reader.experiments([ExperimentStatus.QUEUED])] == ["e0002"]
    assert reader.experiment_counts() == {
        ExperimentStatus.PROPOSED: 2,
        ExperimentStatus.QUEUED: 1,
    }


def test_several_changes_are_committed_together_or_not_at_all(writer: Writer, reader):
    with pytest.raises(RuntimeError, match="crash"), writer.transaction():
        writer.put_experiment(experiment())
        raise RuntimeError("crash")
    assert reader.experiments() == []


def test_the_newest_of_the_record_come_in_order(writer: Writer, reader):
    for n in range(5):
        writer.record("note", str(n))
    assert [event.text for event in reader.events(limit=2)] == ["3", "4"]


def test_a_reader_cannot_write(writer: Writer, reader):
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader._execute("DELETE FROM experiments")


def test_a_reader_sees_the_study_when_no_writer_is_left(writer: Writer, tmp_path):
    writer.close()
    with open_reader(tmp_path / "state" / "study.db") as reader:
        assert reader.study() == STUDY


def test_no_study(tmp_path):
    with pytest.raises(StudyError, match="no study here yet"):
        open_reader(tmp_path / "study.db")


def test_a_database_without_a_study(tmp_path):
    open_writer(tmp_path / "study.db").close()
    with open_reader(tmp_path / "study.db") as reader, pytest.raises(StudyError, match="engine"):
        reader.study()


@pytest.mark.parametrize("opener", [open_reader, open_writer])
def test_a_damaged_database(tmp_path, opener):
    (tmp_path / "study.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StudyError, match=r"study\.db"):
        opener(tmp_path / "study.db")


@pytest.mark.parametrize("opener", [open_reader, open_writer])
def test_a_study_of_a_newer_version(tmp_path, opener, writer):
    writer.close()
    path = tmp_path / "state" / "study.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 9999")
    connection.close()
    with pytest.raises(StudyError, match="newer"):
        opener(path)


def test_a_study_of_an_older_version(tmp_path):
    path = tmp_path / "study.db"
    connection = sqlite3.connect(path)
    with pytest.raises(StudyError, match="not been started"):
        open_reader(path)
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    with pytest.raises(StudyError, match="older"):
        open_reader(path)


def test_a_study_whose_migrations_sqlite_utils_4_counted(tmp_path):
    path = tmp_path / "study.db"
    first = files("autoresearch_tui.store").joinpath("migrations/0001.sql").read_text()
    with sqlite3.connect(path) as connection:
        connection.executescript(first + "CREATE TABLE _sqlite_migrations (id, name);")
        connection.execute("INSERT INTO experiments (id) VALUES ('e0001')")
    connection.close()
    with open_writer(path) as writer:
        writer.create_study(STUDY)
        assert writer.study() == STUDY
        assert writer.next_number() == 1


def test_when_engines_lived(tmp_path):
    now = 0.0

    def clock() -> float:
        return now

    with open_writer(tmp_path / "study.db", clock) as writer:
        writer.create_study(STUDY)
        for at, kind in (
            (10, "engine.started"),
            (20, "engine.stopped"),
            (30, "engine.started"),
            (35, "run.queued"),
            (90, "engine.started"),
        ):
            now = float(at)
            writer.record(kind, "")
        writer.change_study(heartbeat_at=95.0)
        assert writer.lives(97.0) == [(10, 20), (30, 35), (90, 97)]
        assert writer.lives(1000.0)[-1] == (90, 95)
        now = 5000.0
        writer.record("engine.jumped", "")
        now = 5010.0
        writer.record("study.finished", "")
        assert writer.lives(9000.0)[-2:] == [(90, 90), (5000, 5010)]


def test_a_transaction_is_undone_as_a_whole(writer, reader):
    def break_off():
        writer.put_experiment(experiment(2))
        raise ValueError

    with pytest.raises(ValueError), writer.transaction():
        writer.put_experiment(experiment(1))
        break_off()
    assert reader.experiments() == []


def test_a_part_that_fails_is_undone_alone(writer, reader):
    with writer.transaction():
        writer.put_experiment(experiment(1))
        with pytest.raises(sqlite3.IntegrityError):
            writer.put_run(Run("r", "e9", 1, RunStatus.PENDING, 1, 1.0))
        writer.put_experiment(experiment(2))
    assert [e.id for e in reader.experiments()] == ["e0001", "e0002"]


def test_a_study_of_version_3_goes_on(tmp_path):
    """A database whose engine was killed in the middle of its runs."""
    path = tmp_path / "study.db"
    dump = (Path(__file__).parent / "version3.sql").read_text()
    with sqlite3.connect(path) as connection:
        connection.executescript(dump)
        connection.row_factory = sqlite3.Row
        best = connection.execute("SELECT * FROM experiments WHERE is_best = 1").fetchone()
        judged = connection.execute(
            "SELECT * FROM experiments WHERE verdict IS NOT NULL"
        ).fetchall()
        runs = connection.execute("SELECT * FROM runs").fetchall()
        points = connection.execute("SELECT * FROM curve WHERE run = 'e0001-r1'").fetchall()
        drawn = connection.execute("SELECT DISTINCT run FROM curve").fetchall()
    connection.close()
    with open_writer(path) as writer:
        assert len(points) > 1
        assert writer.curve("e0001-r1") == [
            CurvePoint(p["step"], p["fraction"], pytest.approx(p["loss"], rel=1e-6)) for p in points
        ]
        assert all(writer.curve(row["run"]) for row in drawn)
        state = load_state(writer, Settings())
        assert {turn.researcher for turn in writer.turns()} == {"optimizer"}
        assert state.turns == {}
        assert state.incumbents == {best["accelerator"]: best["id"]}
        draft = handle(state, events.Started(), 1e10)
        assert not [record for record in draft.records if record.kind == "defect"]
        writer.apply(draft)
        kept = {e.id: (e.verdict, e.value) for e in writer.experiments() if e.verdict is not None}
        assert kept == {row["id"]: (row["verdict"], row["value"]) for row in judged}
        found = {run.id: run for run in writer.runs()}
    assert {id: run.status for id, run in found.items()} == {r["id"]: r["status"] for r in runs}
    assert all(run.job == id and run.commit for id, run in found.items())
    active = {r["id"] for r in runs if r["status"] in ("queued", "running")}
    assert active == {run.id for each in state.runs.values() for run in each if run.id in active}


def test_what_accelerators_say_is_the_newest_only(writer):
    writer.put_telemetry({"a": "97 % 44/80 GB", "b": ""})
    assert writer.telemetry() == {"a": "97 % 44/80 GB"}
    writer.put_telemetry({"b": "3 %"})
    assert writer.telemetry() == {"b": "3 %"}
