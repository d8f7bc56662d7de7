"""A talk on a terminal: reads lines, shows answers as they come, and knows a few commands that begin with a slash."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from portico.sdk.profile_file import write_private

from .ask import Question, ask, check_found, end_line, find_models, show_text, tell
from .errors import explain
from .history import line_editing
from .inputs import read_word
from .options import Options
from .output import note

if TYPE_CHECKING:
    from .remote import Remote

HELP = """/help            this list
/model [NAME]    answer with another model; without NAME, show the local ones
/system [TEXT]   set the system prompt (@file works); without TEXT, show it
/save FILE       write the talk to a file: JSON when its name ends in .json, else Markdown
/clear           forget what was said
/quit            leave, as Ctrl-D does
A line that ends in \\ goes on in the next one. Ctrl-C stops the answer, not the talk."""

_COMMANDS = [line.split()[0] for line in HELP.splitlines() if line.startswith("/")]


@dataclass(slots=True)
class Talk:
    """What was said so far, and with whom it goes on."""

    remote: Remote
    question: Question
    usage: bool
    done: bool = False
    heard: list[str] = field(default_factory=list)

    def turn(self, line: str) -> None:
        """One line of the person: a command or a question. Errors end the turn, not the talk."""
        try:
            if line.startswith("/"):
                self._obey(*line.partition(" ")[::2])
            elif line.strip():
                self._answer(line)
        except KeyboardInterrupt:
            note("(stopped)")
        except Exception as error:
            failure = explain(error)
            if failure is None:
                raise
            click.echo(failure.line, err=True)

    def _answer(self, line: str) -> None:
        asked = self.question.asking(line)
        self.heard.clear()
        try:
            reply = ask(self.remote, asked, self._show)
        except BaseException:
            # What was heard before it broke is part of the talk; a question without any answer is not.
            if self.heard:
                click.echo()
                self.question = asked.answered("".join(self.heard))
            raise
        check_found(reply)
        end_line(reply.text)
        # The next turn goes to the same model: it has the talk in its prompt cache.
        self.question = replace(asked.answered(reply.text), model=reply.model)
        tell(reply, usage=self.usage)

    def _show(self, text: str) -> None:
        self.heard.append(text)
        show_text(text)

    def _obey(self, command: str, rest: str) -> None:
        rest = rest.strip()
        obey: dict[str, Callable[[str], None]] = {
            "/help": lambda _: click.echo(HELP),
            "/model": self._set_model,
            "/system": self._set_system,
            "/save": self._save,
            "/clear": self._clear,
            "/quit": self._quit,
            "/exit": self._quit,
        }
        if command not in obey:
            raise click.UsageError(f"no command {command}; /help shows them")
        obey[command](rest)

    def _set_model(self, name: str) -> None:
        if name:
            self.question = replace(self.question, model=name)
            return
        click.echo(f"now: {self.question.model or 'the best local model that is ready'}")
        for known in find_models(self.remote):
            click.echo(f"     {known}")

    def _set_system(self, text: str) -> None:
        if text:
            self.question = replace(self.question, system=read_word(text))
        else:
            click.echo(self.question.system or "no system prompt")

    def _save(self, name: str) -> None:
        if not name:
            raise click.UsageError("/save needs the name of a file")
        path = Path(name).expanduser()
        text = self._as_json() if path.suffix == ".json" else self._as_markdown()
        try:
            write_private(path, text)
        except OSError as error:
            raise click.UsageError(f"cannot write {path}: {error.strerror}") from None
        note(f"saved to {path}")

    def _as_json(self) -> str:
        talk = {"model": self.question.model, "messages": self.question.all_messages()}
        return json.dumps(talk, indent=2, ensure_ascii=False) + "\n"

    def _as_markdown(self) -> str:
        messages = self.question.all_messages()
        return "".join(f"**{message['role']}**\n\n{message['content']}\n\n" for message in messages)

    def _clear(self, _: str) -> None:
        self.question = replace(self.question, messages=())

    def _quit(self, _: str) -> None:
        self.done = True


def talk(question: Question, *, usage: bool) -> None:
    """Talk until Ctrl-D or /quit."""
    from .remote import opened

    with opened(max_retries=0) as remote, line_editing(_COMMANDS):
        ongoing = Talk(remote, question, usage)
        note(
            "A talk with " + (question.model or "the best local model that is ready") + "; /help helps, Ctrl-D ends it."
        )
        while not ongoing.done:
            try:
                line = _read_line()
            except EOFError:
                click.echo()
                return
            except KeyboardInterrupt:
                click.echo()
                continue
            ongoing.turn(line)


def _read_line() -> str:
    lines = [input(_prompt("> "))]
    while lines[-1].endswith("\\"):
        lines[-1] = lines[-1][:-1]
        lines.append(input(_prompt(". ")))
    return "\n".join(lines)


def _prompt(text: str) -> str:
    # \001 and \002 tell readline what takes no room on the line.
    return f"\001\033[1;36m\002{text}\001\033[0m\002" if Options.current().color else text
