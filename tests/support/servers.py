"""Starts `quern serve` for a test on a free port, waits until it is ready, talks to it, stops it, checks how it ended.

    sys.path.insert(0, <tests/support>); import paths, servers
    with servers.Server(paths.MODELS / "digits" / "model.onnx", "--max-body", "1MiB") as server:
        status, headers, body = server.request("POST", "/predict", {"input": [0.0] * 64})

Leaving the block sends SIGTERM and insists on exit code 0 and on no sanitizer report. A test of the life cycle uses
start(), signal(), wait() and stop() itself. What HTTP answers mean is the tests' business, not this file's.
"""

import http.client
import json
import os
import re
import signal as signals
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import paths

SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|MemorySanitizer|runtime error: ")
PORT_TAKEN = re.compile(r"in use|EADDRINUSE", re.IGNORECASE)


class ServerError(Exception):
    """The server did not start, did not get ready, or did not end well. Carries what it wrote to standard error."""


def free_port():
    """A TCP port of 127.0.0.1 that is free now. Another program may take it before it is used: start() tries again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def clean_environment(extra=None):
    """The environment without variables that are settings of quern, or would be taken for one, plus `extra`."""
    environment = {
        key: value
        for key, value in os.environ.items()
        if key == "QUERN_CPU" or not (key.startswith(("QUERN_", "AIP_")) or key == "PORT")
    }
    environment.update(extra or {})
    return environment


class Server:
    """One `quern serve` process.

    model: file or folder to serve; None: `serve` alone. options: further command-line words. port: None takes a free
    one; the server listens on 127.0.0.1. unix: path of a socket to listen on instead. env: additions to the cleaned
    environment. cwd: working directory, a fresh empty one by default so that no .env file is read by accident.
    ready_seconds: how long start() waits for /readyz to answer 200.
    """

    def __init__(self, model=None, *options, port=None, unix=None, env=None, cwd=None, ready_seconds=30.0):
        self.model = model if model is None or cwd else Path(model).resolve()
        self.options = [str(option) for option in options]
        self.fixed_port = port
        self.port = port
        self.unix = unix
        self.env = env
        self.cwd = cwd
        self.ready_seconds = ready_seconds
        self.process = None
        self.scratch = None
        self.connection = None

    # ---- life ----

    def start(self, wait=True):
        """Starts the process; with wait, returns when it is ready. A port lost to another program is tried anew."""
        for attempt in range(3):
            self._spawn()
            if not wait:
                return self
            if self._wait_ready():
                return self
            text = self.stderr()
            self.kill()
            retry = self.fixed_port is None and not self.unix and PORT_TAKEN.search(text)
            if not retry or attempt == 2:
                raise ServerError(f"{' '.join(self.command())} did not get ready:\n{text}")
        return self

    def command(self):
        """The command line."""
        listen = f"unix:{self.unix}" if self.unix else f"127.0.0.1:{self.port}"
        model = [str(self.model)] if self.model is not None else []
        return [paths.quern(), "serve", *model, "--listen", listen, *self.options]

    def _spawn(self):
        if self.scratch is None:
            self.scratch = tempfile.TemporaryDirectory(prefix="quern-server-")
        if self.fixed_port is None and not self.unix:
            self.port = free_port()
        folder = Path(self.scratch.name)
        cwd = self.cwd or folder / "cwd"
        Path(cwd).mkdir(exist_ok=True)
        with open(folder / "stdout", "wb") as out, open(folder / "stderr", "wb") as err:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=cwd,
                env=clean_environment(self.env)
            )

    def _wait_ready(self):
        end = time.monotonic() + self.ready_seconds
        pause = 0.002
        while time.monotonic() < end:
            if self.process.poll() is not None:
                return False
            try:
                if self.request("GET", "/readyz", timeout=5, fresh=True)[0] == 200:
                    return True
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(pause)
            pause = min(pause * 2, 0.1)
        return False

    def signal(self, number):
        """Sends a signal to the process."""
        self.process.send_signal(number)

    def wait(self, seconds=40.0):
        """Waits for the end and returns the exit code; ServerError when the process is still there after `seconds`."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerError(f"the server did not end within {seconds} s:\n{self.stderr()}") from None

    def kill(self):
        """Ends the process at once, if it still runs."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self, seconds=40.0):
        """SIGTERM, wait, check exit code 0 and that no sanitizer spoke. Does nothing when never started."""
        self.close()
        if self.process is None:
            return
        ended_before = self.process.poll()
        if ended_before is None:
            self.signal(signals.SIGTERM)
        code = self.wait(seconds)
        text = self.stderr()
        self._forget()
        if ended_before is not None:
            raise ServerError(f"the server had ended by itself with exit code {code}:\n{text}")
        if code != 0:
            raise ServerError(f"exit code {code} after SIGTERM:\n{text}")
        if SANITIZER.search(text):
            raise ServerError(f"sanitizer report:\n{text}")

    def _forget(self):
        self.process = None
        if self.scratch:
            self.scratch.cleanup()
            self.scratch = None

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.stop()
        else:
            self.close()
            self.kill()
            self._forget()

    def stdout(self):
        """All the process wrote to standard output so far."""
        return (Path(self.scratch.name) / "stdout").read_text("utf-8", "replace")

    def stderr(self):
        """All the process wrote to standard error so far."""
        return (Path(self.scratch.name) / "stderr").read_text("utf-8", "replace")

    @property
    def pid(self):
        return self.process.pid

    @property
    def url(self):
        """Base address for other programs, such as curl."""
        return f"http://127.0.0.1:{self.port}"

    # ---- talking ----

    def connect(self, timeout=30.0):
        """A new http.client connection that the caller closes."""
        if self.unix:
            return UnixConnection(self.unix, timeout)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def socket(self, timeout=30.0):
        """A raw connected socket, for requests no HTTP library would send; the caller closes it."""
        if not self.unix:
            return socket.create_connection(("127.0.0.1", self.port), timeout)
        plain = socket.socket(socket.AF_UNIX)
        plain.settimeout(timeout)
        plain.connect(self.unix)
        return plain

    def request(self, method, path, body=None, headers=None, timeout=30.0, fresh=False):
        """One request on the kept connection (or a fresh one): (status, headers as a message object, body bytes).

        A dict or list body is sent as JSON with its Content-Type; str and bytes are sent as they are. After an answer
        with `Connection: close` the next request opens a new connection; one closed without a word is an error.
        """
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        connection = self.connect(timeout) if fresh else self._kept(timeout)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        except BaseException:
            connection.close()
            raise
        finally:
            if fresh:
                connection.close()

    def json(self, method, path, body=None, headers=None):
        """As request(), the body parsed: (status, value)."""
        status, _, data = self.request(method, path, body, headers)
        return status, json.loads(data)

    def _kept(self, timeout):
        if self.connection is None:
            self.connection = self.connect(timeout)
        return self.connection

    def close(self):
        """Closes the kept connection."""
        if self.connection:
            self.connection.close()
            self.connection = None


class UnixConnection(http.client.HTTPConnection):
    """http.client over a unix socket."""

    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)
