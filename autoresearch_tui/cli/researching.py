"""Commands that look at researchers: what came of them, and what they thought."""

from pathlib import Path

import click

from autoresearch_tui.cli.group import cli, json_option, paths_of, study_option
from autoresearch_tui.errors import StudyError


@cli.command()
@study_option
@json_option
def researchers(study: Path, as_json: bool) -> None:
    """Say what has come of the proposals of each origin, and what they cost."""
    from autoresearch_tui.judge.yields import yields
    from autoresearch_tui.report.export import to_json
    from autoresearch_tui.researcher_lines import yield_table
    from autoresearch_tui.store import open_reader

    with open_reader(paths_of(study).database) as reader:
        turns = reader.turns(limit=-1)
        found = yields(reader.experiments(), reader.runs(), turns)
    click.echo(to_json(found) if as_json else "\n".join(yield_table(found)))


@cli.command()
@click.argument("turn", type=click.IntRange(1), required=False)
@study_option
@json_option
def turns(turn: int | None, study: Path, as_json: bool) -> None:
    """List the newest turns of researchers, or print a TURN as it was thought."""
    from autoresearch_tui.report.export import to_json
    from autoresearch_tui.researcher_lines import turn_page, turn_table
    from autoresearch_tui.store import open_reader

    with open_reader(paths_of(study).database) as reader:
        if turn is None:
            found = reader.turns(limit=50)
            click.echo(to_json(found) if as_json else "\n".join(turn_table(found)))
            return
        one = reader.turns(after=turn - 1, limit=-1)[:1]
        if not one or one[0].id != turn:
            raise StudyError(f"{turn}: there is no such turn; `turns` lists them")
        thoughts = reader.thoughts_of(turn)
    if as_json:
        click.echo(to_json({"turn": one[0], "thoughts": thoughts}))
    else:
        click.echo("\n".join(turn_page(one[0], thoughts)))
