"""The life of a server: start, settings and their sources, slow clients, crowds, draining, signals, `quern health`."""

import concurrent.futures
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import paths  # noqa: E402
import servers  # noqa: E402

MODEL = paths.MODELS / "tutorial" / "model.onnx"
BODY = b'{"input":[1,2,3,4]}'
POST = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 19\r\n\r\n" + BODY
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


def serve(*words, env=None, dotenv=None, files=None, seconds=20):
    """Runs `quern serve` with words to its end, in a fresh folder: (exit code, standard output, standard error)."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (files or {}).items():
            (Path(folder) / name).write_text(text)
        if dotenv is not None:
            (Path(folder) / ".env").write_text(dotenv)
        done = subprocess.run([paths.quern(), "serve", *map(str, words)], cwd=folder, capture_output=True, text=True,
                              env=servers.clean_environment(env), timeout=seconds, check=False)
    return done.returncode, done.stdout, done.stderr


def settings(*words, **where):
    """What --print-config shows: {name: (value, source)}."""
    code, out, err = serve("--print-config", *words, **where)
    assert code == 0, err
    found = {}
    for line in out.splitlines():
        name, _, rest = line.partition(" = ")
        value, _, source = rest.rpartition("  (")
        found[name] = (value, source.rstrip(")"))
    return found


class SettingsTest(unittest.TestCase):
    def test_defaults(self):
        found = settings()
        self.assertEqual(found["listen"], ("127.0.0.1:8080", "default"))
        self.assertEqual(found["max-batch"], ("64", "default"))
        self.assertEqual(found["max-connections"], ("1024", "default"))
        self.assertEqual(found["timeout-ms"], ("30000", "default"))
        self.assertEqual(found["drain-ms"], ("25000", "default"))
        self.assertEqual(found["threads"], ("auto", "default"))
        self.assertEqual(found["model"], ("", "not set"))

    def test_precedence(self):
        everywhere = {
            "files": {"c.json": '{"max-batch": 1, "max-body": "1MiB", "timeout_ms": 1, "queue": 1, "cors": "*"}'},
            "dotenv": "QUERN_MAX_BATCH=2\nQUERN_TIMEOUT_MS=2\nQUERN_CONFIG=c.json\nQUERN_QUEUE=2\n"
                      "QUERN_LISTEN=127.0.0.1:2\n",
        }
        env = {"QUERN_MAX_BATCH": "3", "QUERN_QUEUE": "3", "PORT": "81"}
        found = settings("--max-batch", "4", env=env, **everywhere)
        self.assertEqual(found["max-batch"], ("4", "flag"))
        self.assertEqual(found["queue"], ("3", "environment"))
        self.assertEqual(found["listen"], ("0.0.0.0:81", "hosting environment"))
        self.assertEqual(found["timeout-ms"], ("2", ".env"))
        self.assertEqual(found["max-body"], ("1048576", "config file"))
        self.assertEqual(found["cors"], ("*", "config file"))
        found = settings(env={"QUERN_LISTEN": "127.0.0.1:3", "PORT": "81"}, **everywhere)
        self.assertEqual(found["listen"], ("127.0.0.1:3", "environment"))
        found = settings(env={"AIP_HTTP_PORT": "82", "PORT": "81"})
        self.assertEqual(found["listen"], ("0.0.0.0:82", "hosting environment"))

    def test_lists_and_forms(self):
        found = settings("--listen", "127.0.0.1:1", "--listen=unix:/x", "m.onnx", "--max-memory=2GiB")
        self.assertEqual(found["listen"], ("127.0.0.1:1,unix:/x", "flag"))
        self.assertEqual(found["max-memory"], (str(2 << 30), "flag"))
        self.assertEqual(found["model"], ("m.onnx", "flag"))
        found = settings("--", "--odd name")
        self.assertEqual(found["model"], ("--odd name", "flag"))
        found = settings(files={"c.json": '{"listen":["127.0.0.1:1","127.0.0.1:2"]}'}, env={"QUERN_CONFIG": "c.json"})
        self.assertEqual(found["listen"], ("127.0.0.1:1,127.0.0.1:2", "config file"))

    def test_dotenv_syntax(self):
        text = ('# a comment\n\nOTHER=1\nwhatever\nexport QUERN_CORS="*" # all\n QUERN_MAX_BATCH = 7 # seven\n'
                "QUERN_NAME='a # b'\r\nQUERN_TOKEN_FILE=\n")
        found = settings(dotenv=text)
        self.assertEqual(found["cors"], ("*", ".env"))
        self.assertEqual(found["max-batch"], ("7", ".env"))
        self.assertEqual(found["name"], ("a # b", ".env"))
        self.assertEqual(found["token-file"], ("", "not set"))

    def test_what_is_refused(self):
        cases = [
            (["--nothing"], {}, "unknown flag --nothing"),
            (["--max-batch"], {}, "--max-batch needs a value"),
            (["--max-batch", "0"], {}, "--max-batch must be from 1 to"),
            (["--max-batch", "x"], {}, "takes a whole number"),
            (["--max-batch", "-1"], {}, "takes a whole number"),
            (["--max-batch", "1e3"], {}, "takes a whole number"),
            (["--max-batch", ""], {}, "takes a whole number"),
            (["--max-batch", "99999999999999999999"], {}, "too large"),
            (["--max-body", "1G"], {}, "takes a size"),
            (["--max-body", "9999999TiB"], {}, "must be from"),
            (["--max-body", "-1"], {}, "takes a size"),
            (["--threads", "0"], {}, "--threads must be from 1"),
            (["--threads", "1000000000"], {}, "--threads must be from 1"),
            (["--max-batch", "1", "--max-batch", "1"], {}, "--max-batch is given twice"),
            (["--listen", "8080"], {}, "is not ADDRESS:PORT"),
            (["--listen", "127.0.0.1:65536"], {}, "is not ADDRESS:PORT"),
            (["--listen", "127.0.0.1:80x"], {}, "is not ADDRESS:PORT"),
            (["--listen", "unix:"], {}, "unix socket"),
            (["--listen", "unix:" + "x" * 300], {}, "unix socket"),
            (["--nan", "zero"], {}, "--nan must be one of null|string|token"),
            (["--log", "loud"], {}, "log filter"),
            (["--cors", "example.org"], {}, "cors takes"),
            (["--config", "none.json"], {}, "none.json"),
            (["--print-config=1"], {}, "takes no value"),
            (["-x"], {}, "unknown flag -x"),
            (["a.onnx", "b.onnx"], {}, "the model is given twice"),
            ([""], {}, "must not be empty"),
            ([], {"env": {"QUERN_NOTHING": "1"}}, "QUERN_NOTHING is not a setting"),
            ([], {"env": {"QUERN_MAX_BATCH": "x"}}, "QUERN_MAX_BATCH takes a whole number"),
            (["--max-batch", "1"], {"env": {"QUERN_MAX_BATCH": "x"}}, "QUERN_MAX_BATCH takes a whole number"),
            ([], {"env": {"QUERN_HELP": "1"}}, "QUERN_HELP is not a setting"),
            ([], {"env": {"PORT": "0"}}, "PORT must be a port"),
            ([], {"env": {"PORT": "80x"}}, "PORT must be a port"),
            ([], {"env": {"AIP_HTTP_PORT": "abc"}}, "AIP_HTTP_PORT must be a port"),
            ([], {"dotenv": "\nQUERN_NOTHING=1\n"}, ".env line 2: QUERN_NOTHING is not a setting"),
            ([], {"dotenv": "QUERN_CORS\n"}, ".env line 1: expected NAME=VALUE"),
            ([], {"dotenv": 'QUERN_CORS="*\n'}, "quote is not closed"),
            ([], {"dotenv": "QUERN_CORS=*\nQUERN_CORS=*\n"}, ".env line 2: QUERN_CORS is given twice"),
            (["--config", "c"], {"files": {"c": "{"}}, "c is not a JSON object"),
            (["--config", "c"], {"files": {"c": "[]"}}, "c is not a JSON object"),
            (["--config", "c"], {"files": {"c": "{} x"}}, "c is not a JSON object"),
            (["--config", "c"], {"files": {"c": '{"x":1}'}}, 'c: "x" is not a setting'),
            (["--config", "c"], {"files": {"c": '{"queue":1.5}'}}, "must be a string or a whole number"),
            (["--config", "c"], {"files": {"c": '{"queue":1,"queue":1}'}}, "given twice"),
            (["--config", "c"], {"files": {"c": '{"queue":null}'}}, "must be a string or a whole number"),
        ]
        for words, where, message in cases:
            with self.subTest(f"{words} {where}"):
                code, out, err = serve(*words, **where)
                self.assertEqual((code, out), (2, ""), err)
                self.assertIn(message, err)
                self.assertEqual(err.count("\n"), 1)
                self.assertTrue(err.startswith("quern: serve: "), err)

    def test_variables_of_others(self):
        """What Kubernetes sets for a service called "quern" is no setting."""
        env = {"QUERN_SERVICE_HOST": "10.0.0.1", "QUERN_SERVICE_PORT": "80", "QUERN_PORT": "tcp://10.0.0.1:80",
               "QUERN_PORT_80_TCP_ADDR": "10.0.0.1", "QUERN_CPU": "generic"}
        self.assertEqual(settings(env=env)["listen"], ("127.0.0.1:8080", "default"))

    def test_help(self):
        code, out, err = serve("--help")
        self.assertEqual((code, err), (0, ""))
        for word in ("--listen", "--max-body", "QUERN_", "[64]"):
            self.assertIn(word, out)


class StartTest(unittest.TestCase):
    def test_failures_have_their_codes(self):
        with tempfile.TemporaryDirectory() as folder:
            text = Path(folder) / "text.onnx"
            text.write_text("this is no model")
            empty = Path(folder) / "empty"
            empty.mkdir()
            for words, code, message in [
                ([Path(folder) / "none.onnx"], 6, "none.onnx"),
                ([text], 3, "text"),
                ([empty], 6, "no model in"),
                ([MODEL, "--token-file", Path(folder) / "none"], 6, "none"),
                ([MODEL, "--listen", "192.0.2.1:80"], 6, "cannot listen on 192.0.2.1:80"),
                ([MODEL, "--listen", f"unix:{folder}/none/socket"], 6, "cannot listen on unix:"),
            ]:
                with self.subTest(message):
                    got, out, err = serve(*words)
                    self.assertEqual((got, out), (code, ""), err)
                    self.assertIn(message, err)
                    self.assertEqual(err.count("\n"), 1, err)

    def test_port_in_use(self):
        with servers.Server(MODEL, "--drain-ms", "500") as server:
            code, _, err = serve(MODEL, "--listen", f"127.0.0.1:{server.port}")
            self.assertEqual(code, 6)
            self.assertIn("in use", err)

    def test_few_files_and_threads(self):
        """With 64 files connections take turns; with too few files or threads there is one line."""
        def limited(which, number, **more):
            script = f"ulimit -{which} {number}; exec {paths.quern()} serve {MODEL} --listen 127.0.0.1:0 --log warn"
            return subprocess.run(["timeout", "2", "bash", "-c", script], capture_output=True, text=True, check=False,
                                  cwd="/", env=servers.clean_environment(), **more)

        done = limited("n", 32)
        self.assertEqual((done.returncode, done.stdout), (5, ""))
        self.assertRegex(done.stderr, r"^quern: serve: 32 open files are too few to serve \(ulimit -n\)\n$")
        self.assertIn("listening", limited("n", 64).stdout)
        try:
            done = limited("u", 100, **({"user": 65534} if os.geteuid() == 0 else {}))
        except OSError as problem:
            self.skipTest(f"no other user: {problem}")
        if done.returncode != 126:  # else that user cannot reach the binary
            self.assertEqual((done.returncode, done.stdout), (5, ""), done.stderr)
            self.assertIn("--max-connections asks for fewer", done.stderr)

    def test_start_up_line(self):
        with servers.Server(MODEL, "--drain-ms", "500", "--name", "demo") as server:
            lines = server.stdout().splitlines()
            self.assertEqual(len(lines), 1)
            self.assertIn(f"http://127.0.0.1:{server.port}", lines[0])
            self.assertIn("demo", lines[0])
            self.assertIn("context", lines[0])
            self.assertIn("memory", lines[0])
            self.assertEqual(server.request("POST", "/predict/demo", BODY)[0], 200)

    def test_several_addresses(self):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/socket"
            second = servers.free_port()
            with servers.Server(MODEL, "--drain-ms", "500", "--listen", f"unix:{path}", "--listen",
                                f"127.0.0.1:{second}") as server:
                self.assertEqual(server.request("POST", "/predict", BODY)[0], 200)
                with socket.create_connection(("127.0.0.1", second), 5) as raw:
                    raw.sendall(POST)
                    self.assertIn(b" 200 OK", raw.recv(65536))
                for _ in range(3):
                    with socket.socket(socket.AF_UNIX) as raw:
                        raw.settimeout(5)
                        raw.connect(path)
                        for _ in range(3):
                            raw.sendall(POST)
                            self.assertIn(b" 200 OK", raw.recv(65536))
            self.assertFalse(os.path.exists(path))

    def test_accepts_at_once(self):
        """The first connection after the start-up line is served without delay."""
        for _ in range(5):
            with servers.Server(MODEL, "--drain-ms", "0") as server:
                start = time.monotonic()
                with server.socket() as raw:
                    raw.sendall(GET)
                    raw.recv(1000)
                self.assertLess(time.monotonic() - start, 1)

    def test_log_lines(self):
        with servers.Server(MODEL, "--drain-ms", "500", "--log-format", "json") as server:
            server.request("POST", "/predict", '{"input":[1234567,2,3,4]}', {"X-Request-Id": "the-id"})
            server.request("GET", "/nothing")
            time.sleep(0.1)
            text = server.stderr()
        self.assertNotIn("1234567", text)
        lines = [json.loads(line) for line in text.splitlines()]
        found = [line for line in lines if line.get("id") == "the-id"]
        self.assertEqual(len(found), 1)
        self.assertEqual((found[0]["route"], found[0]["status"], found[0]["level"]), ("/predict", 200, "info"))
        self.assertEqual([line["status"] for line in lines if line.get("route") == ""], [404])
        with servers.Server(MODEL, "--drain-ms", "500", "--log", "warn") as server:
            server.request("POST", "/predict", BODY)
            self.assertEqual(server.stderr(), "")


class CrowdTest(unittest.TestCase):
    """More clients than workers: 8 connections and 16 more that are kept in reserve."""

    WORKERS = 24

    def setUp(self):
        self.server = servers.Server(MODEL, "--drain-ms", "500", "--max-connections", "8").start()
        self.sockets = []

    def tearDown(self):
        for raw in self.sockets:
            raw.close()
        self.server.stop()

    def open(self, count, data):
        for _ in range(count):
            raw = self.server.socket()
            raw.sendall(data)
            self.sockets.append(raw)

    def health_ms(self):
        start = time.monotonic()
        status = self.server.request("GET", "/healthz", fresh=True)[0]
        self.assertEqual(status, 200)
        return (time.monotonic() - start) * 1000

    def test_idle_connections_make_room(self):
        self.open(self.WORKERS, GET)
        for raw in self.sockets:
            self.assertIn(b" 200 OK", raw.recv(1000))
        time.sleep(0.2)
        self.assertLess(self.health_ms(), 1000)

    def test_silent_connections_take_no_room(self):
        """They wait in the system until they say something, and are then served."""
        self.open(4 * self.WORKERS, b"")
        self.assertLess(self.health_ms(), 1000)
        time.sleep(0.5)
        for raw in self.sockets:
            raw.sendall(POST)
            self.assertIn(b" 200 OK\r\n", raw.recv(65536))

    def test_slow_headers_make_room(self):
        self.open(4 * self.WORKERS, b"POST /predict HTTP/1.1\r\nHost: x\r\n")
        self.assertLess(self.health_ms(), 3000)

    def test_slow_bodies_make_room(self):
        """Also those behind them in the line, whose patience began when they connected."""
        self.open(4 * self.WORKERS, POST[:-5])
        self.assertLess(self.health_ms(), 1000)

    def test_steady_bodies_stay(self):
        """A body that comes at a fair rate is no slow one, however long it takes."""
        body = b" " * 400000 + BODY
        done = []

        def send():
            with self.server.socket() as raw:
                raw.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body))
                for at in range(0, len(body), 10000):
                    raw.sendall(body[at : at + 10000])
                    time.sleep(0.05)
                done.append(raw.recv(65536)[:12])

        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.2)
        self.open(2 * self.WORKERS, POST[:-5])
        for thread in threads:
            thread.join()
        self.assertEqual(done, [b"HTTP/1.1 200"] * 4)

    def test_more_clients_than_workers_are_all_served(self):
        def client(_):
            served = 0
            connection = None
            for _ in range(20):
                for _ in range(50):
                    try:
                        connection = connection or self.server.connect(10)
                        connection.request("POST", "/predict", BODY)
                        answer = connection.getresponse()
                        answer.read()
                        served += answer.status == 200
                        if answer.headers["Connection"] == "close":
                            connection.close()
                            connection = None
                        break
                    except (OSError, servers.http.client.HTTPException):
                        connection.close()  # closed while idle: asked again, as any client does
                        connection = None
            return served

        with concurrent.futures.ThreadPoolExecutor(3 * self.WORKERS) as pool:
            served = list(pool.map(client, range(3 * self.WORKERS)))
        self.assertEqual(served, [20] * len(served))


class MemoryTest(unittest.TestCase):
    def resident_kb(self, server):
        return int(Path(f"/proc/{server.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024

    def test_memory_after_loading_is_what_serving_needs(self):
        """Within 1 %, after twelve thousand requests over 64 connections at a time."""
        version = subprocess.run([paths.quern(), "--version"], capture_output=True, text=True, check=True).stdout
        if "sanitize=" in version:
            self.skipTest("sanitizers keep freed memory")
        with servers.Server(MODEL, "--log", "warn") as server:
            before = self.resident_kb(server)
            clients = [server.socket() for _ in range(64)]
            for _ in range(200):
                for client in clients:
                    client.sendall(POST)
                for client in clients:
                    self.assertIn(b" 200 OK", client.recv(4096))
            after = self.resident_kb(server)
            for client in clients:
                client.close()
        print(f"resident: {before} kB after loading, {after} kB after 12,800 requests")
        self.assertLess(after, before * 1.01)


class Load:
    """Clients that ask without pause, and what became of their requests. lost: sent on a new connection, no answer."""

    def __init__(self, server, clients=8):
        self.server = server
        self.ends = False
        self.ok = 0
        self.cut = []
        self.lost = []
        self.other = []
        self.threads = [threading.Thread(target=self.ask) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def ask(self):
        raw = None
        while not self.ends:
            received = b""
            is_new = raw is None
            try:
                raw = raw or self.server.socket(10)
            except OSError:
                return  # nobody listens any more
            try:
                raw.sendall(POST)
                while b"\r\n\r\n" not in received or not received.endswith(b"}"):
                    part = raw.recv(65536)
                    if not part:
                        raise ConnectionError
                    received += part
            except OSError as problem:
                if received:
                    self.cut.append(received)
                elif is_new:
                    self.lost.append(problem)
                raw.close()
                raw = None
                continue
            if received.startswith(b"HTTP/1.1 200 "):
                self.ok += 1
            else:
                self.other.append(received)
            if b"\r\nConnection: close\r\n" in received:
                raw.close()
                raw = None
        if raw:
            raw.close()

    def join(self):
        for thread in self.threads:
            thread.join()


class EndTest(unittest.TestCase):
    def test_drain_under_load(self):
        """No answer is cut, none but 200 is given, who could connect is answered, and the exit code is 0."""
        for _ in range(2):
            server = servers.Server(MODEL, "--drain-ms", "25000", "--log", "warn").start()
            load = Load(server)
            time.sleep(0.3)
            start = time.monotonic()
            server.signal(signal.SIGTERM)
            code = server.wait(10)
            load.ends = True
            load.join()
            self.assertEqual(code, 0, server.stderr())
            self.assertLess(time.monotonic() - start, 4.5)
            self.assertGreater(load.ok, 10)
            self.assertEqual((load.cut, load.other, load.lost), ([], [], []))

    def test_readiness_goes_first(self):
        server = servers.Server(MODEL, "--drain-ms", "25000").start()
        server.signal(signal.SIGTERM)
        time.sleep(0.2)
        status, fields, data = server.request("GET", "/readyz", fresh=True)
        self.assertEqual((status, json.loads(data)["code"], fields["Retry-After"]), (503, "draining", "1"))
        self.assertEqual(server.request("GET", "/healthz", fresh=True)[0], 503)
        self.assertEqual(server.request("GET", "/livez", fresh=True)[0], 200)
        status, fields, _ = server.request("POST", "/predict", BODY, fresh=True)
        self.assertEqual((status, fields["Connection"]), (200, "close"))
        self.assertEqual(server.wait(10), 0)

    def test_idle_connections_do_not_hold_the_end(self):
        server = servers.Server(MODEL, "--drain-ms", "20000").start()
        sockets = [server.socket() for _ in range(20)]
        for raw in sockets[:10]:
            raw.sendall(GET)
            raw.recv(1000)
        start = time.monotonic()
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(15), 0)
        self.assertLess(time.monotonic() - start, 6)
        for raw in sockets:
            raw.close()

    def test_a_request_in_flight_is_finished(self):
        server = servers.Server(MODEL, "--drain-ms", "15000").start()
        with server.socket() as raw:
            raw.sendall(POST[:-5])
            time.sleep(0.2)
            server.signal(signal.SIGTERM)
            time.sleep(1.5)
            with self.assertRaises(OSError):
                server.socket(1)
            raw.sendall(POST[-5:])
            received = raw.recv(65536)
        self.assertIn(b" 200 OK\r\n", received)
        self.assertIn(b"Connection: close\r\n", received)
        self.assertEqual(server.wait(10), 0)

    def test_the_time_to_drain_ends(self):
        server = servers.Server(MODEL, "--drain-ms", "1000").start()
        with server.socket() as raw:
            raw.sendall(POST[:-5])
            time.sleep(0.2)
            start = time.monotonic()
            server.signal(signal.SIGTERM)
            self.assertEqual(server.wait(10), 0)
            self.assertLess(time.monotonic() - start, 3)

    def test_a_second_signal_ends_at_once(self):
        server = servers.Server(MODEL, "--drain-ms", "20000").start()
        with server.socket() as raw:
            raw.sendall(POST[:-5])
            time.sleep(0.2)
            server.signal(signal.SIGTERM)
            time.sleep(0.3)
            start = time.monotonic()
            server.signal(signal.SIGTERM)
            self.assertNotEqual(server.wait(10), 0)
            self.assertLess(time.monotonic() - start, 1)

    def test_a_repeated_signal_is_one(self):
        """As sent to a process group, and passed on by a parent in it."""
        server = servers.Server(MODEL, "--drain-ms", "10000").start()
        with server.socket() as raw:
            raw.sendall(POST[:-5])
            time.sleep(0.2)
            for _ in range(3):
                server.signal(signal.SIGTERM)
                time.sleep(0.01)
            raw.sendall(POST[-5:])
            self.assertIn(b" 200 OK\r\n", raw.recv(65536))
        self.assertEqual(server.wait(10), 0)

    def test_interrupt_ends_without_grace(self):
        def seconds(number):
            server = servers.Server(MODEL, "--drain-ms", "25000").start()
            start = time.monotonic()
            server.signal(number)
            self.assertEqual(server.wait(10), 0)
            return time.monotonic() - start

        self.assertLess(seconds(signal.SIGINT) + 0.5, seconds(signal.SIGTERM))

    def test_hangup_is_survived(self):
        with servers.Server(MODEL, "--drain-ms", "500") as server:
            server.signal(signal.SIGHUP)
            time.sleep(0.1)
            self.assertEqual(server.request("POST", "/predict", BODY)[0], 200)


class HealthTest(unittest.TestCase):
    def health(self, *words, env=None):
        with tempfile.TemporaryDirectory() as folder:
            return subprocess.run([paths.quern(), "health", *words], cwd=folder, capture_output=True, timeout=20,
                                  env=servers.clean_environment(env), check=False).returncode

    def test_health(self):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/socket"
            with servers.Server(MODEL, "--drain-ms", "25000", "--listen", f"unix:{path}") as server:
                address = f"127.0.0.1:{server.port}"
                self.assertEqual(self.health(f"http://{address}"), 0)
                self.assertEqual(self.health(f"http://{address}/livez"), 0)
                self.assertEqual(self.health(address), 0)
                self.assertEqual(self.health(f"unix:{path}"), 0)
                self.assertEqual(self.health(env={"QUERN_LISTEN": address}), 0)
                self.assertEqual(self.health(env={"PORT": str(server.port)}), 0)
                self.assertEqual(self.health(f"http://{address}/nothing"), 1)
                self.assertEqual(self.health(f"http://127.0.0.1:{servers.free_port()}"), 1)
                server.signal(signal.SIGTERM)
                time.sleep(0.2)
                self.assertEqual(self.health(f"http://{address}"), 1)
                self.assertEqual(self.health(f"http://{address}/livez"), 0)
                self.assertEqual(server.wait(10), 0)
                server._forget()  # it ended as it should

    def test_usage(self):
        self.assertEqual(self.health("ftp://x"), 2)
        self.assertEqual(self.health("a", "b"), 2)
        self.assertEqual(self.health("--what"), 2)
        self.assertEqual(self.health("--help"), 0)


if __name__ == "__main__":
    unittest.main()
