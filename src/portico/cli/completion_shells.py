"""What click's completion lacks: colons, blanks and commas in the words that are offered, which the names of models and
assistants have, and values behind `--option=`. Importing this module makes these classes known to click.
"""

from __future__ import annotations

import os
import re

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

_BASH = """\
%(complete_func)s() {
    local answer kind
    COMPREPLY=()
    while IFS= read -r answer; do
        kind=${answer%%%%,*}
        if [[ $kind == dir ]]; then
            compopt -o dirnames
        elif [[ $kind == file ]]; then
            compopt -o default
        elif [[ $kind == plain ]]; then
            COMPREPLY+=("${answer#*,}")
        fi
    done < <(env COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORD="${COMP_WORDS[COMP_CWORD]}" \\
        COMP_WORDBREAKS="$COMP_WORDBREAKS" %(complete_var)s=bash_complete "$1")
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""
_PLAIN = re.compile(r"[^\w@%+=:,./-]")


@add_completion_class
class Bash(BashComplete):
    """bash breaks a line into words at colons too, and takes what it is given as it stands: here the line itself is
    read, and the answer is what belongs in the place of the piece that bash will replace."""

    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        # The letter makes a word of an end that is a blank, whether the blank is quoted or ends the last word.
        *words, last = split_arg_string(os.environ["COMP_LINE"] + "x")
        return words[1:], last[:-1]

    def format_completion(self, item: CompletionItem[str]) -> str:
        quoted = os.environ.get("COMP_WORD", "").startswith(("'", '"'))
        if item.type != "plain" or quoted:
            return f"{item.type},{item.value}"
        value = _PLAIN.sub(r"\\\g<0>", item.value)
        if ":" in os.environ.get("COMP_WORDBREAKS", ""):
            _, incomplete = self.get_completion_args()
            there = incomplete.count(":")
            value = ":".join(value.split(":")[there:])
        return f"{item.type},{value}"


@add_completion_class
class Zsh(ZshComplete):
    """Its script is click's own, but that finds out by the first call only that it lies on `fpath`: at the second, it
    would set itself up instead of completing."""

    source_template = ZshComplete.source_template.replace(
        "[[ $zsh_eval_context[-1] == loadautofunc ]]", "(( $+compstate ))"
    )

    def format_completion(self, item: CompletionItem[str]) -> str:
        return super().format_completion(_with_option(self, item))


@add_completion_class
class Fish(FishComplete):
    """Its script is click's own, but a comma in a word or in its help is a part of it."""

    source_template = FishComplete.source_template.replace('string split ","', 'string split --max 1 ","')

    def format_completion(self, item: CompletionItem[str]) -> str:
        return super().format_completion(_with_option(self, item))


def _with_option(shell: ShellComplete, item: CompletionItem[str]) -> CompletionItem[str]:
    """`--model=name` for the `name` that click offers behind `--model=`: zsh and fish replace the whole word."""
    option, equals, _ = shell.get_completion_args()[1].partition("=")
    if item.type != "plain" or not equals or not option.startswith("-"):
        return item
    return CompletionItem(f"{option}={item.value}", help=item.help)
