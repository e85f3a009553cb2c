#!/usr/bin/python3
"""Presses the completion key in a shell, and runs the line that it makes.

completion_peer.py SHELL DIRECTORY: the shell is bash or zsh, and begins in the
directory, which has an inventory. The completion scripts must be where the
shell's own set-up finds them.
"""
import os
import pathlib
import pty
import select
import sys
import tempfile
import time

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], ". /usr/share/bash-completion/bash_completion"),
    "zsh": (["zsh", "-f", "-i"], "autoload -Uz compinit && compinit -u -D"),
}

# What is typed, what the key makes of it, and what the whole line prints.
LINES = [
    ("dpremote sites --no-headers -o csv --columns site --group eme", "emea", "PS1"),
    ("dpremote sites --no-headers -o csv --columns site --site PS1,C", "PS1,CAS", "CAS\nPS1"),
    ("dpremote sites --no-headers -o csv --site PS2 --columns=siteC", "siteCode", "PS2"),
    ("dpremote vers", "version", "PLATFORM"),
]


class Terminal:
    def __init__(self, argv, directory):
        pid, self.fd = pty.fork()
        if pid == 0:
            os.chdir(directory)
            os.environ.update(TERM="xterm", LC_ALL="C.UTF-8", HISTFILE="")
            os.environ.pop("DPREMOTE_INVENTORY", None)
            os.execvp(argv[0], argv)
        self.shown = ""

    def write(self, text):
        os.write(self.fd, text.encode())

    def until(self, done, what):
        """Reads what the shell shows until done() says so."""
        deadline = time.monotonic() + 30
        while not done():
            if time.monotonic() > deadline:
                sys.exit(f"no {what} in 30 s; the terminal shows:\n{self.shown}")
            if select.select([self.fd], [], [], 0.05)[0]:
                self.shown += os.read(self.fd, 65536).decode(errors="replace")


def main():
    shell, directory = sys.argv[1:]
    argv, setup = SHELLS[shell]
    work = pathlib.Path(tempfile.mkdtemp())
    terminal = Terminal(argv, directory)
    terminal.write(f"{setup}; : > {work}/ready\n")
    terminal.until((work / "ready").exists, "shell")
    for i, (typed, made, prints) in enumerate(LINES):
        out, done = work / f"{i}.out", work / f"{i}.done"
        terminal.until(lambda: not select.select([terminal.fd], [], [], 0.3)[0], "prompt")
        terminal.shown = ""
        terminal.write(typed + "\t")
        terminal.until(lambda: made in terminal.shown, made)
        terminal.write(f" > {out} 2>&1; : > {done}\n")
        terminal.until(done.exists, "end of the command")
        got = out.read_text().strip()
        if prints not in got:
            sys.exit(f"{shell}: {typed}<TAB> printed {got!r}, not {prints!r}; the terminal shows:\n{terminal.shown}")
    terminal.write("exit\n")
    print(f"{shell} completes {len(LINES)} lines")


main()
