"""Commands by which the operator talks with whoever proposes."""

from pathlib import Path

import click

from autoresearch_tui.cli.acting import ask
from autoresearch_tui.cli.group import cli, json_option, paths_of, study_option


@cli.command()
@click.argument("words", nargs=-1, required=True)
@study_option
def say(words: tuple[str, ...], study: Path) -> None:
    """Tell the researchers something: they hear it before they propose again."""
    ask(study, "say", words=" ".join(words))


@cli.command()
@click.option("-e", "--edit", is_flag=True, help="Change it in $EDITOR.")
@study_option
@json_option
def notepad(edit: bool, study: Path, as_json: bool) -> None:
    """Print the notepad that operator and researchers share."""
    from autoresearch_tui.report.export import to_json
    from autoresearch_tui.store import open_reader

    with open_reader(paths_of(study).database) as reader:
        note = reader.notepad()
    if not edit:
        click.echo(to_json(note) if as_json else note.text.rstrip("\n"))
        return
    text = click.edit(note.text, extension=".md")
    if text is not None and text != note.text:
        ask(study, "write_notepad", text=text, version=note.version)
