"""Runs alertdeck in a pseudo-terminal and measures what a user waits for."""

import base64
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import statistics
import struct
import subprocess
import tempfile
import termios
import time

# The size of the terminal in rows and columns.
SIZE = (50, 200)
# The count of loaded alerts in the header, which is drawn together with the first rows.
ROWS = re.compile(rb"[1-9][0-9,]*(\x1b\[[0-9;]*[mH])*\s*loaded")
COMPLETE = re.compile(rb"(?<!in)complete")
DEADLINE = 300


class Console:
    """The console in a pseudo-terminal."""

    def __init__(self, program, *arguments, **variables):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ALERTDECK_")}
        environment |= {"TERM": "xterm-256color", "ALERTDECK_CONFIG": "", "NO_PROXY": "127.0.0.1", **variables}
        self.began = time.monotonic()
        self._process, self._terminal = pty.fork()
        if self._process == 0:
            os.execve(program, [program, *arguments], environment)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
        self._text = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self._process, signal.SIGTERM)
        os.waitpid(self._process, 0)
        os.close(self._terminal)

    def wait(self, pattern):
        """Waits until what is drawn contains a pattern. Returns the seconds since the start."""
        while not re.search(pattern, self._text):
            if time.monotonic() > self.began + DEADLINE:
                raise TimeoutError(f"{pattern} was not drawn: {self._text[-2000:]!r}")
            self._read(0.05)
        return time.monotonic() - self.began

    def rest(self, seconds):
        """Reads what is drawn for some time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._read(max(0, min(0.05, end - time.monotonic())))

    def _read(self, seconds):
        if select.select([self._terminal], [], [], seconds)[0]:
            # The end of what was drawn before may begin a word.
            self._text = self._text[-64:] + os.read(self._terminal, 1 << 16)

    def processor_time(self):
        """Returns the seconds of processor time that the program has used."""
        with open(f"/proc/{self._process}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """Returns the resident memory in bytes."""
        with open(f"/proc/{self._process}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def run(command, **variables):
    """Runs a command. Returns the seconds that it took and its largest resident memory in bytes."""
    environment = {**os.environ, "NO_PROXY": "127.0.0.1", **variables}
    began = time.monotonic()
    # Of a search whose output nobody reads, grep does only the start.
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, env=environment, stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise RuntimeError(f"{command[0]} failed with {process.returncode}")
    return time.monotonic() - began, usage.ru_maxrss * 1024


def open_file(program, path):
    """Opens a file in the console."""
    with Console(program, "open", path) as console:
        first = console.wait(ROWS)
        whole = console.wait(COMPLETE)
        megabytes = console.memory() >> 20
        cpu = console.processor_time()
    (lines, _), (grep, _) = run(["wc", "-l", path]), run(["grep", "-c", '"severity":"high"', path])
    print(
        f"open: first screen {first * 1000:.0f} ms, whole {whole:.2f} s, {cpu:.1f} s of processor time, "
        f"{megabytes} MB; beside it wc -l {lines:.2f} s, grep -c {grep:.2f} s",
        flush=True,
    )


def list_file(program, path):
    """Lists the alerts in a file that match a filter."""
    took, memory = run([program, "list", "severity:high", "--file", path])
    grep, _ = run(["grep", "-c", '"severity":"high"', path])
    print(f"list severity:high: {took:.2f} s, {memory >> 20} MB; beside it grep -c {grep:.2f} s", flush=True)


def first_row(program, base, request):
    """Opens the console on a tenant, with a token, and compares the first row with a bare request."""
    arguments = [program, "", "--graph-url", base]
    for _ in range(2):
        bare = request()
        with Console(*arguments, ALERTDECK_TOKEN="any") as console:
            first = console.wait(ROWS)
    print(
        f"first row: {first * 1000:.0f} ms; a bare request of one page {bare * 1000:.0f} ms, "
        f"{(first - bare) * 1000:.0f} ms more",
        flush=True,
    )


def token():
    """Returns a token that names an account, without which nothing is cached. Nobody checks its signature."""
    claims = {"tid": "00000000-0000-4000-8000-000000000001", "oid": "00000000-0000-4000-8000-000000000002"}
    claims |= {"upn": "ana@contoso.com", "aud": "https://graph.microsoft.com", "exp": int(time.time()) + 86_400}
    parts = [{"alg": "none", "typ": "JWT"}, claims]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + ".x"


def cached_start(program, base):
    """Loads all alerts of a tenant into the cache, and then starts the console on it."""
    arguments = [program, "", "--graph-url", base]
    with tempfile.TemporaryDirectory() as folder:
        variables = {"ALERTDECK_TOKEN": token(), "XDG_CACHE_HOME": folder, "XDG_STATE_HOME": folder}
        with Console(*arguments, **variables) as console:
            loaded = console.wait(COMPLETE)
        caches = [path for path in pathlib.Path(folder).rglob("*.db*") if path.is_file()]
        megabytes = sum(path.stat().st_size for path in caches) >> 20
        firsts = []
        for _ in range(3):
            with Console(*arguments, **variables) as console:
                firsts.append(console.wait(ROWS) * 1000)
                whole = console.wait(COMPLETE)
    print(
        f"start on a cache of {megabytes} MB: first rows {statistics.median(firsts):.0f} ms, "
        f"complete and up to date {whole:.2f} s; without a cache {loaded:.2f} s",
        flush=True,
    )


def idle(program, base, seconds=10):
    """Leaves the console alone while it polls for new alerts."""
    with Console(program, "age<7d", "--graph-url", base, ALERTDECK_TOKEN="any") as console:
        console.wait(COMPLETE)
        # Older alerts are still loaded in the background.
        while True:
            before = console.processor_time()
            console.rest(1)
            if console.processor_time() - before < 0.1:
                break
        before = console.processor_time()
        console.rest(seconds)
        used = console.processor_time() - before
    print(f"idle, polling: {used:.2f} s of processor time in {seconds} s", flush=True)
