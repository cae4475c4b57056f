"""HTTP over a raw socket: framing that must be refused or accepted, limits, headers, errors, CORS, tokens.

One request with doubtful framing must get one answer and the end of the connection, never two answers.
"""

import http.client
import json
import re
import socket
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


def post(body=BODY, headers=b"", path=b"/predict", version=b"1.1", host=b"Host: x\r\n", length=True):
    """A POST request as bytes."""
    size = b"Content-Length: %d\r\n" % len(body) if length else b""
    return b"POST %s HTTP/%s\r\n%s%s%s\r\n%s" % (path, version, host, size, headers, body)


def chunked(body):
    """A POST request with these bytes as its chunked body."""
    return post(body, b"Transfer-Encoding: chunked\r\n", length=False)


GET = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


def read_all(raw, seconds=5.0):
    """Bytes until the server closes, or until nothing has come for `seconds`; and whether it closed."""
    data = b""
    raw.settimeout(seconds)
    while True:
        try:
            part = raw.recv(65536)
        except (socket.timeout, TimeoutError):
            return data, False
        except ConnectionError:
            return data, True
        if not part:
            return data, True
        data += part


def answers(data):
    """Status and body of every answer in the bytes; asserts that each is complete."""
    found = []
    while data:
        head, end, rest = data.partition(b"\r\n\r\n")
        assert end, f"cut header: {data!r}"
        status = int(re.match(rb"HTTP/1\.1 (\d{3}) [A-Z][A-Za-z ]+\r\n", head).group(1))
        if status == 100:
            data = rest
            continue
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = int(fields.get(b"Content-Length", b"0"))
        assert len(rest) >= length, f"cut body: {data!r}"
        found.append((status, fields, rest[:length]))
        data = rest[length:]
    return found


class HttpTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = servers.Server(MODEL, "--drain-ms", "2000", "--max-body", "64KiB").start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def talk(self, data, seconds=5.0, shut=False):
        """Sends bytes on a new connection and reads to the end: (answers, whether the server closed)."""
        with self.server.socket() as raw:
            try:
                raw.sendall(data)
                if shut:
                    raw.shutdown(socket.SHUT_WR)
            except ConnectionError:
                pass
            received, closed = read_all(raw, seconds)
        return answers(received), closed

    def refused(self, data, status, seconds=5.0):
        """One answer of that status, with a JSON error, then the end."""
        found, closed = self.talk(data, seconds)
        self.assertEqual([one[0] for one in found], [status], data[:200])
        self.assertTrue(closed, data[:200])
        error = json.loads(found[0][2])
        self.assertEqual(sorted(error), ["code", "error", "request_id"])
        self.assertEqual(error["request_id"], found[0][1][b"X-Request-Id"].decode())
        return error

    def accepted(self, data, count=1):
        """That many answers of status 200, then an open connection is closed by us."""
        with self.server.socket() as raw:
            raw.sendall(data)
            received = b""
            while len(answers_so_far(received)) < count:
                part = raw.recv(65536)
                self.assertTrue(part, f"closed after {received!r}")
                received += part
        found = answers(received)
        self.assertEqual([one[0] for one in found], [200] * count, data[:200])
        return found

    # ---- framing ----

    def test_refuses_doubtful_framing(self):
        chunk = b"0\r\n\r\n"
        cases = {
            "length and chunked": post(chunk, b"Transfer-Encoding: chunked\r\n"),
            "chunked and length": b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                                  b"Content-Length: 5\r\n\r\n" + chunk,
            "two lengths": post(headers=b"Content-Length: 3\r\n"),
            "two equal lengths": post(headers=b"Content-Length: %d\r\n" % len(BODY)),
            "length in hexadecimal": post(length=False, headers=b"Content-Length: 0x13\r\n"),
            "length with sign": post(length=False, headers=b"Content-Length: +19\r\n"),
            "negative length": post(length=False, headers=b"Content-Length: -1\r\n"),
            "length with letters": post(length=False, headers=b"Content-Length: 19abc\r\n"),
            "list of lengths": post(length=False, headers=b"Content-Length: 19, 19\r\n"),
            "empty length": post(length=False, headers=b"Content-Length:\r\n"),
            "length 2^63": post(length=False, headers=b"Content-Length: 9223372036854775808\r\n"),
            "length 2^64+19": post(length=False, headers=b"Content-Length: 18446744073709551635\r\n"),
            "space before colon": post(headers=b"X-A : b\r\n"),
            "space before colon of chunked": post(chunk, b"Transfer-Encoding : chunked\r\n", length=False),
            "space before colon of length": post(length=False, headers=b"Content-Length : 19\r\n"),
            "folded line": post(headers=b"X-A: b\r\n c\r\n"),
            "length behind a folded line": post(length=False, headers=b"X-A: b\r\n c\r\nContent-Length: 19\r\n"),
            "folded first line": b"POST /predict HTTP/1.1\r\n X: y\r\nHost: x\r\n\r\n",
            "no colon": post(headers=b"X-A\r\n"),
            "empty name": post(headers=b": b\r\n"),
            "bad name": post(headers=b"X(A): b\r\n"),
            "name beyond ASCII": post(headers=b"X-\xe9: b\r\n"),
            "bare LF after the request line": b"GET /livez HTTP/1.1\nHost: x\r\n\r\n",
            "bare LF after a header": b"GET /livez HTTP/1.1\r\nHost: x\nX-A: b\r\n\r\n",
            "bare LF at the end": b"GET /livez HTTP/1.1\r\nHost: x\n\n",
            "bare CR in a value": b"GET /livez HTTP/1.1\r\nHost: x\r\nX-A: b\rc\r\n\r\n",
            "zero byte in a value": b"GET /livez HTTP/1.1\r\nHost: x\r\nX-A: b\0c\r\n\r\n",
            "no host": b"GET /livez HTTP/1.1\r\n\r\n",
            "no host, other header": b"GET /livez HTTP/1.1\r\nX-A: b\r\n\r\n",
            "two hosts": b"GET /livez HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
            "host with path": b"GET /livez HTTP/1.1\r\nHost: x/y\r\n\r\n",
            "host with user": b"GET /livez HTTP/1.1\r\nHost: a@x\r\n\r\n",
            "host with a malformed port": b"GET /livez HTTP/1.1\r\nHost: x:8x\r\n\r\n",
            "two types": post(headers=b"Content-Type: application/json\r\nContent-Type: text/plain\r\n"),
            "two content encodings": post(headers=b"Content-Encoding: identity\r\nContent-Encoding: gzip\r\n"),
            "two expectations": post(headers=b"Expect: 100-continue\r\nExpect: foo\r\n"),
            "two spaces in the request line": b"GET  /livez HTTP/1.1\r\nHost: x\r\n\r\n",
            "two spaces before the version": b"GET /livez  HTTP/1.1\r\nHost: x\r\n\r\n",
            "no version": b"GET /livez\r\nHost: x\r\n\r\n",
            "lower-case version": b"GET /livez http/1.1\r\nHost: x\r\n\r\n",
            "no path": b"GET HTTP/1.1\r\nHost: x\r\n\r\n",
            "tabs in the request line": b"GET\t/livez\tHTTP/1.1\r\nHost: x\r\n\r\n",
            "header in the request line": b"GET /livez HTTP/1.1 Host: x\r\n\r\n",
            "control in the path": b"GET /livez\x7f HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET *": b"GET * HTTP/1.1\r\nHost: x\r\n\r\n",
            "authority": b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n",
            "another scheme": b"GET ftp://x/livez HTTP/1.1\r\nHost: x\r\n\r\n",
            "bytes of all kinds": bytes(range(256)),
            "lines before the request": b"\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
            "xchunked": post(chunk, b"Transfer-Encoding: xchunked\r\n", length=False),
            "chunked twice": post(chunk, b"Transfer-Encoding: chunked, chunked\r\n", length=False),
            "two encodings": post(chunk, b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", length=False),
            "gzip, chunked": post(chunk, b"Transfer-Encoding: gzip, chunked\r\n", length=False),
            "identity": post(headers=b"Transfer-Encoding: identity\r\n"),
            "chunked in HTTP/1.0": post(chunk, b"Transfer-Encoding: chunked\r\n", version=b"1.0", length=False),
            "chunk size with sign": chunked(b"+13\r\n" + BODY + b"\r\n" + chunk),
            "negative chunk size": chunked(b"-13\r\n" + BODY + b"\r\n" + chunk),
            "chunk size 0x13": chunked(b"0x13\r\n" + BODY + b"\r\n" + chunk),
            "chunk size with space": chunked(b"13 \r\n" + BODY + b"\r\n" + chunk),
            "chunk without CR LF": chunked(b"13\r\n" + BODY + b"xx" + chunk),
            "chunk extension": chunked(b"13;a=b\r\n" + BODY + b"\r\n" + chunk),
            "endless chunk extension": chunked(b"13;" + b"a" * 1000000),
            "endless chunk size": chunked(b"0" * 1000000),
            "chunk size with a leading space": chunked(b" 13\r\n" + BODY + b"\r\n" + chunk),
            "chunk size ended by LF": chunked(b"13\n" + BODY + b"\r\n" + chunk),
            "chunk ended by LF": chunked(b"13\r\n" + BODY + b"\n" + chunk),
            "no chunk size": chunked(b"\r\n" + BODY + b"\r\n" + chunk),
            "chunked and a control": post(chunk, b"Transfer-Encoding: chunked\x0b\r\n", length=False),
            "empty encoding": post(b"", b"Transfer-Encoding:\r\n", length=False),
            "%00 in the path": b"GET /livez%00x HTTP/1.1\r\nHost: x\r\n\r\n",
            "%ff in the path": b"GET /livez%ff HTTP/1.1\r\nHost: x\r\n\r\n",
            "bad escape": b"GET /livez%zz HTTP/1.1\r\nHost: x\r\n\r\n",
            "cut escape": b"GET /livez% HTTP/1.1\r\nHost: x\r\n\r\n",
            "line feed in the path": b"GET /livez%0a HTTP/1.1\r\nHost: x\r\n\r\n",
            "fragment": b"GET /livez#x HTTP/1.1\r\nHost: x\r\n\r\n",
            "TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",
        }
        for name, data in cases.items():
            with self.subTest(name):
                # Whatever follows must not be taken for another request.
                self.refused(data + GET, 400)

    def test_refuses_other_protocols(self):
        for data, status in [
            (b"GET /livez HTTP/2.0\r\nHost: x\r\n\r\n", 505),
            (b"GET /livez HTTP/1.2\r\nHost: x\r\n\r\n", 505),
            (b"GET /livez HTTP/0.9\r\nHost: x\r\n\r\n", 505),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 501),
            (b"BREW /livez HTTP/1.1\r\nHost: x\r\n\r\n", 501),
            (b"get /livez HTTP/1.1\r\nHost: x\r\n\r\n", 501),
            (b"TRACE /livez HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        ]:
            with self.subTest(data):
                self.refused(data, status)

    def test_accepts_what_is_allowed(self):
        cases = {
            "plain": post(),
            "empty line first": b"\r\n" + post(),
            "names in any case": b"POST /predict HTTP/1.1\r\nhOST: x\r\ncontent-LENGTH:19  \r\n\r\n" + BODY,
            "empty host": post(host=b"Host:\r\n"),
            "host with port": post(host=b"Host: [::1]:80\r\n"),
            "empty value": post(headers=b"X-A:\r\n"),
            "value beyond ASCII": post(headers=b"X-A: \xc3\xa9\r\n"),
            "query": post(path=b"/predict?a=b%20c&d"),
            "escaped path": post(path=b"/%70redict"),
            "absolute URI": post(path=b"http://x:%d/predict" % self.server.port),
            "HTTP/1.0": post(version=b"1.0", host=b""),
            "63 headers": post(headers=b"".join(b"X-%d: y\r\n" % i for i in range(61))),
            "another authority": post(path=b"http://elsewhere.example/predict"),
            "another scheme": post(path=b"https://elsewhere.example:8443/predict"),
            "ignored headers": post(headers=b"Range: bytes=0-1\r\nIf-None-Match: *\r\nUpgrade: h2c\r\nAccept: x/y\r\n"),
            "chunked": chunked(b"13\r\n" + BODY + b"\r\n0\r\n\r\n"),
            "Chunked": post(b"13\r\n" + BODY + b"\r\n0\r\n\r\n", b"Transfer-Encoding: Chunked\r\n", length=False),
            "many chunks": chunked(b"".join(b"1\r\n%c\r\n" % byte for byte in BODY) + b"0\r\n\r\n"),
            "padded chunk size": chunked(b"0000000000000013\r\n" + BODY + b"\r\n0\r\n\r\n"),
            "trailer": chunked(b"13\r\n" + BODY + b"\r\n0\r\nX-A: b\r\n\r\n"),
        }
        for name, data in cases.items():
            with self.subTest(name):
                self.accepted(data)

    def test_pipelining(self):
        data = b"".join(post(b'{"input":[%d,0,0,0]}' % i) + GET for i in range(100))
        found = self.accepted(data, 200)
        values = [json.loads(one[2])["prediction"][0] for one in found[::2]]
        for i in range(8):
            self.assertAlmostEqual(values[i], i, delta=0.5)
        self.assertEqual(len(set(values)), 100)

    def test_trailers_are_no_requests(self):
        """One answer, whatever the trailer looks like."""
        for trailer in (b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b": x\r\n", b"A: b\r\n c\r\n",
                        b"A: b\n", b"A: b\n\n" + GET, b"A: " + b"x" * 1000000 + b"\r\n", b"A: b\r\n" * 10000):
            with self.subTest(trailer[:40]):
                found, closed = self.talk(chunked(b"13\r\n" + BODY + b"\r\n0\r\n" + trailer + b"\r\n") + GET)
                self.assertEqual([one[0] for one in found], [200])
                self.assertTrue(closed)

    def test_targets_of_other_forms(self):
        """A request for another authority is for this server; "*" is the server as a whole."""
        found, closed = self.talk(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n" + GET)
        self.assertEqual([(one[0], one[1][b"Allow"]) for one in found], [(204, b"GET, HEAD, POST, OPTIONS")])
        self.assertTrue(closed)
        for path, status in [(b"/predict", 200), (b"/nothing", 404), (b"/predict?x=y", 200)]:
            found, closed = self.talk(post(path=b"/predict?q") + post(path=b"http://elsewhere.example" + path) + GET)
            self.assertEqual(([one[0] for one in found], closed), ([200, status], True))
            self.assertEqual(found[1][1][b"Connection"], b"close")
        self.refused(post(path=b"http://elsewhere.example/%00"), 400)
        found, _ = self.talk(post(path=b"http://elsewhere.example/predict", body=b" " * 50000 + BODY))
        self.assertEqual([one[0] for one in found], [200])

    def test_an_answer_before_more_input_arrives(self):
        """Closing with input unread resets the connection; the answer must be there first."""
        for _ in range(20):
            data = post(headers=b"Connection: close\r\n") + GET * 2000
            found, closed = self.talk(data)
            self.assertEqual(([one[0] for one in found], closed), ([200], True))

    def test_half_close_is_answered(self):
        found, closed = self.talk(post(), shut=True)
        self.assertEqual([one[0] for one in found], [200])
        self.assertTrue(closed)

    def test_incomplete_body(self):
        with self.server.socket() as raw:
            raw.sendall(post()[:-3])
            raw.shutdown(socket.SHUT_WR)
            received, closed = read_all(raw)
        self.assertTrue(closed)
        self.assertEqual([one[0] for one in answers(received)], [400])

    def test_body_longer_than_its_length(self):
        # The rest is the beginning of another request, and no valid one.
        found, closed = self.talk(post(length=False, headers=b"Content-Length: 19\r\n") + b"xyz\r\n\r\n")
        self.assertEqual([one[0] for one in found], [200, 400])
        self.assertTrue(closed)

    # ---- connections ----

    def test_keep_alive(self):
        def header(data, version=b"1.1"):
            with self.server.socket() as raw:
                raw.sendall(data)
                received, closed = read_all(raw, 0.5)
            return answers(received)[0][1].get(b"Connection", b""), closed

        self.assertEqual(header(post()), (b"", False))
        self.assertEqual(header(post(headers=b"Connection: keep-alive\r\n")), (b"", False))
        self.assertEqual(header(post(headers=b"Connection: close\r\n")), (b"close", True))
        self.assertEqual(header(post(headers=b"Connection: Close, X\r\n")), (b"close", True))
        self.assertEqual(header(post(headers=b"Connection: keep-alive\r\nConnection: close\r\n")), (b"close", True))
        self.assertEqual(header(post(version=b"1.0")), (b"close", True))
        self.assertEqual(header(post(version=b"1.0", headers=b"Connection: keep-alive\r\n")), (b"keep-alive", False))
        self.assertEqual(header(post(b"{")), (b"", False))

    def test_refusals_before_a_short_body_keep_the_connection(self):
        data = b"".join((post(path=b"/nothing"), post(headers=b"Content-Type: text/plain\r\n"), post(path=b"/livez"),
                         post(), post(b"")))
        found, closed = self.talk(data, 0.5)
        self.assertEqual([one[0] for one in found], [404, 415, 405, 200, 400])
        self.assertFalse(closed)

    def test_one_packet_per_answer(self):
        with self.server.socket() as raw:
            for _ in range(50):
                raw.sendall(post())
                self.assertEqual(len(answers(raw.recv(65536))), 1)

    def test_many_connections(self):
        sockets = [self.server.socket() for _ in range(200)]
        try:
            for _ in range(3):
                for raw in sockets:
                    raw.sendall(post())
                for raw in sockets:
                    self.assertEqual([one[0] for one in answers(raw.recv(65536))], [200])
        finally:
            for raw in sockets:
                raw.close()

    def test_concurrency(self):
        problems = []

        def work(seed):
            try:
                connection = self.server.connect()
                for i in range(60):
                    a = (seed * 7 + i * 3) % 8 - 4
                    connection.request("POST", "/predict", json.dumps({"input": [a, 0, 0, 0]}),
                                       {"Content-Type": "application/json"})
                    value = json.loads(connection.getresponse().read())["prediction"][0]
                    if abs(value - abs(a)) > 0.5:
                        problems.append((a, value))
                connection.close()
            except Exception as problem:  # noqa: BLE001
                problems.append(problem)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(problems, [])

    # ---- limits ----

    def test_body_limit(self):
        start = time.monotonic()
        error = self.refused(post(length=False, headers=b"Content-Length: 65537\r\n", body=b""), 413)
        self.assertLess(time.monotonic() - start, 4)  # without waiting for the body
        self.assertIn("65536", error["error"])
        self.assertEqual(error["code"], "body_too_large")
        self.refused(post(length=False, headers=b"Content-Length: 999999999999999999\r\n", body=b""), 413)
        found, closed = self.talk(post(b" " * 70000 + BODY))
        self.assertEqual(([one[0] for one in found], closed), ([413], True))
        self.accepted(post(b" " * (65536 - len(BODY)) + BODY))

    def test_chunked_body_limit(self):
        chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
        headers = b"Transfer-Encoding: chunked\r\n"
        self.accepted(post(chunk * 3 + b"13\r\n" + BODY + b"\r\n0\r\n\r\n", headers, length=False))
        self.refused(post(chunk * 5 + b"0\r\n\r\n", headers, length=False), 413)
        self.refused(post(b"FFFFFFFF\r\n" + b" " * 80000, headers, length=False), 413)
        self.refused(post(b"FFFFFFFFFFFFFFFF\r\n" + b" " * 80000, headers, length=False), 400)
        found, closed = self.talk(post(b"7FFFFFFFFFFFFFFF\r\n ", headers, length=False), shut=True)
        self.assertEqual(([one[0] for one in found], closed), ([400], True))

    def test_a_large_refused_body_does_not_hide_the_answer(self):
        size = 8 << 20
        with self.server.socket() as raw:
            raw.sendall(post(length=False, headers=b"Content-Length: %d\r\n" % size, body=b""))
            try:
                raw.sendall(b" " * size)
            except ConnectionError:
                pass
            received, _ = read_all(raw)
        self.assertEqual([one[0] for one in answers(received)], [413])

    def test_header_limits(self):
        self.refused(post(headers=b"".join(b"X-%d: y\r\n" % i for i in range(62))), 431)
        self.refused(post(headers=b"".join(b"X-%d: y\r\n" % i for i in range(1000))), 431)
        self.refused(post(headers=b"X-A: " + b"y" * 17000 + b"\r\n"), 431)
        self.refused(post(path=b"/" + b"x" * 8300), 414)
        self.assertEqual(self.talk(post(path=b"/" + b"x" * 8000) + GET)[0][0][0], 404)

    def test_smuggling_behind_the_64th_header(self):
        filler = b"".join(b"X-%d: y\r\n" % i for i in range(63))
        self.refused(post(length=False, headers=filler + b"Content-Length: 19\r\n") + GET, 431)

    def test_slow_header_and_body(self):
        """Ten seconds each, at the same time: a header, a body, and a body that drips, all never finished."""
        def starve(first, drip):
            with self.server.socket(timeout=20) as raw:
                raw.sendall(first)
                start = time.monotonic()
                received = b""
                while time.monotonic() - start < 16:
                    try:
                        if drip:
                            raw.sendall(b" ")
                        raw.settimeout(0.5)
                        part = raw.recv(65536)
                        if not part:
                            break
                        received += part
                    except (socket.timeout, TimeoutError):
                        continue
                    except ConnectionError:
                        break
                seen.append((first[:12], [one[0] for one in answers(received)], time.monotonic() - start))

        seen = []
        long_body = post(length=False, headers=b"Content-Length: 60000\r\n", body=b"{")
        jobs = [(b"POST /predict HTTP/1.1\r\nHost: x\r\n", False), (b"POST /predict HTTP/1.1\r\nX: ", True),
                (long_body, False), (long_body, True)]
        threads = [threading.Thread(target=starve, args=job) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(seen), len(jobs))
        for first, statuses, seconds in seen:
            self.assertEqual(statuses, [408], first)
            self.assertLess(seconds, 14, first)
            self.assertGreater(seconds, 8, first)

    # ---- headers and errors ----

    def test_expectations(self):
        with self.server.socket() as raw:
            raw.sendall(post(headers=b"Expect: 100-continue\r\n", body=b"", length=False)[:-2]
                        + b"Content-Length: 19\r\n\r\n")
            self.assertEqual(raw.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
            raw.sendall(BODY)
            self.assertEqual([one[0] for one in answers(raw.recv(65536))], [200])
        self.refused(post(headers=b"Expect: foo\r\n"), 417)
        # No invitation for a body that would be refused.
        self.refused(post(headers=b"Expect: 100-continue\r\nContent-Length: 70000\r\n", body=b"", length=False), 413)

    def test_request_id(self):
        def sent(value):
            return self.accepted(post(headers=b"X-Request-Id: " + value + b"\r\n"))[0][1][b"X-Request-Id"]

        self.assertEqual(sent(b"abc-1.2_3:4"), b"abc-1.2_3:4")
        self.assertEqual(sent(b"x" * 128), b"x" * 128)
        made = [self.accepted(post())[0][1][b"X-Request-Id"] for _ in range(2)]
        made += [sent(b"x" * 129), sent(b'a"b'), sent(b"a b"), sent(b""), sent(b"\xc3\xa9"),
                 sent(b"a\r\nX-Request-Id: b")]
        for one in made:
            self.assertRegex(one, rb"^[0-9a-f]{16}$")
        self.assertEqual(len(set(made)), len(made))

    def test_server_timing_and_date(self):
        fields = self.accepted(post())[0][1]
        self.assertRegex(fields[b"Server-Timing"],
                         rb"^parse;dur=\d+\.\d{3}, queue;dur=\d+\.\d{3}, infer;dur=\d+\.\d{3}, write;dur=\d+\.\d{3}$")
        self.assertRegex(fields[b"Date"], rb"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")
        self.assertEqual(fields[b"Content-Type"], b"application/json")

    def test_routes(self):
        for method, path, status, allow in [
            ("GET", "/livez", 200, None), ("GET", "/readyz", 200, None), ("GET", "/healthz", 200, None),
            ("GET", "/predict", 405, "POST, OPTIONS"), ("DELETE", "/predict/model", 405, "POST, OPTIONS"),
            ("POST", "/livez", 405, "GET, HEAD, OPTIONS"), ("OPTIONS", "/livez", 204, "GET, HEAD, OPTIONS"),
            ("GET", "/nothing", 404, None), ("POST", "/predict/", 404, None), ("POST", "/predict/other", 404, None),
            ("POST", "/predict/model/x", 404, None), ("POST", "//predict", 404, None),
            ("POST", "/x/../predict", 404, None), ("POST", "/predict", 200, None),
            ("POST", "/predict/model", 200, None),
        ]:
            with self.subTest(f"{method} {path}"):
                body = BODY.decode() if method == "POST" else None
                got, fields, data = self.server.request(method, path, body, fresh=True)
                self.assertEqual((got, fields["Allow"]), (status, allow))
                if status >= 400:
                    self.assertEqual(sorted(json.loads(data)), ["code", "error", "request_id"])

    def test_head(self):
        with self.server.socket() as raw:
            raw.sendall(b"HEAD /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            received, closed = read_all(raw)
        self.assertTrue(closed)
        self.assertTrue(received.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertTrue(received.endswith(b"\r\n\r\n"))
        self.assertIn(b"\r\nContent-Length: 13\r\n", received)

    def test_get_with_body(self):
        found, _ = self.talk(GET[:-2] + b"Content-Length: 3\r\n\r\nabc" + GET, 0.5)
        self.assertEqual([one[0] for one in found], [200, 200])
        self.refused(GET[:-2] + b"Content-Length: 1000000\r\n\r\n", 413)

    def test_media_types(self):
        for kind, status in [
            ("application/json", 200), ("application/json; charset=utf-8", 200), (None, 200),
            ('Application/JSON;charset="UTF-8"', 200),
            ("application/json; charset=utf-16", 415), ("text/plain", 415), ("application/jsonx", 415),
            ("multipart/form-data; boundary=x", 415), ("", 415),
        ]:
            with self.subTest(kind):
                headers = {} if kind is None else {"Content-Type": kind}
                self.assertEqual(self.server.request("POST", "/predict", BODY, headers)[0], status)
        for encoding, status in [("gzip", 415), ("br", 415), ("identity, gzip", 415), ("identity", 200)]:
            with self.subTest(encoding):
                got = self.server.request("POST", "/predict", BODY, {"Content-Encoding": encoding})[0]
                self.assertEqual(got, status)

    def test_errors_leak_nothing(self):
        text = str(MODEL.parent)
        for data in (post(b"{\"a\x01\xff\":1}"), post(b"\xff\xfe"), post(path=b"/%2e%2e/etc")):
            found, _ = self.talk(data, 0.3)
            self.assertNotIn(text, found[0][2].decode())
            self.assertNotIn("\x01", found[0][2].decode())


def answers_so_far(data):
    """The complete answers at the beginning of the bytes."""
    found = []
    while data:
        head, end, rest = data.partition(b"\r\n\r\n")
        match = re.search(rb"\r\nContent-Length: (\d+)\r\n", head + b"\r\n")
        length = int(match.group(1)) if match else 0
        if not end or len(rest) < length:
            break
        found.append(head)
        data = rest[length:]
    return found


class AccessTest(unittest.TestCase):
    """CORS and bearer tokens."""

    def test_cors_is_off(self):
        with servers.Server(MODEL, "--drain-ms", "500") as server:
            fields = server.request("POST", "/predict", BODY, {"Origin": "https://a.example"})[1]
            self.assertIsNone(fields["Access-Control-Allow-Origin"])
            fields = server.request("OPTIONS", "/predict", None,
                                    {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"})[1]
            self.assertIsNone(fields["Access-Control-Allow-Methods"])

    def test_cors_for_all(self):
        with servers.Server(MODEL, "--drain-ms", "500", "--cors", "*") as server:
            status, fields, _ = server.request("POST", "/predict", BODY, {"Origin": "https://a.example"})
            self.assertEqual((status, fields["Access-Control-Allow-Origin"], fields["Vary"]), (200, "*", None))
            fields = server.request("POST", "/predict", "{", {"Origin": "x"})[1]
            self.assertEqual(fields["Access-Control-Allow-Origin"], "*")
            self.assertIsNone(server.request("POST", "/predict", BODY)[1]["Access-Control-Allow-Origin"])

    def test_cors_for_some(self):
        origins = "https://a.example,http://b.example:81"
        with servers.Server(MODEL, "--drain-ms", "500", "--cors", origins) as server:
            for origin, allowed in [("https://a.example", True), ("http://b.example:81", True),
                                    ("http://b.example", False), ("https://a.example.evil", False), ("null", False)]:
                status, fields, _ = server.request("POST", "/predict", BODY, {"Origin": origin})
                self.assertEqual(status, 200)
                self.assertEqual(fields["Access-Control-Allow-Origin"], origin if allowed else None)
                self.assertEqual(fields["Vary"], "Origin" if allowed else None)
            status, fields, data = server.request("OPTIONS", "/predict", None, {
                "Origin": "https://a.example", "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type"})
            self.assertEqual((status, data), (204, b""))
            self.assertIn("POST", fields["Access-Control-Allow-Methods"])
            self.assertIn("Content-Type", fields["Access-Control-Allow-Headers"])

    def test_token(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "token"
            file.write_text("s3cret-token\n")
            with servers.Server(MODEL, "--drain-ms", "500", "--token-file", file) as server:
                for value, status in [
                    (None, 401), ("Bearer s3cret-token", 200), ("bearer s3cret-token", 200),
                    ("Bearer s3cret-toke", 401),
                    ("Bearer s3cret-token2", 401), ("Bearer ", 401), ("Basic s3cret-token", 401), ("s3cret-token", 401),
                    ("Bearer s3cret-tokens3cret-token", 401),
                ]:
                    headers = {} if value is None else {"Authorization": value}
                    got, fields, data = server.request("POST", "/predict", BODY, headers)
                    self.assertEqual(got, status, value)
                    self.assertEqual(fields["WWW-Authenticate"], "Bearer" if status == 401 else None)
                    if status == 401:
                        self.assertEqual(json.loads(data)["code"], "unauthorized")
                for path in ("/livez", "/readyz", "/healthz"):
                    self.assertEqual(server.request("GET", path)[0], 200)
                connection = http.client.HTTPConnection("127.0.0.1", server.port)
                connection.putrequest("POST", "/predict")
                connection.putheader("Content-Length", "19")
                connection.putheader("Authorization", "Bearer s3cret-token")
                connection.putheader("Authorization", "Bearer s3cret-token")
                connection.endheaders(BODY)
                self.assertEqual(connection.getresponse().status, 401)
                connection.close()


if __name__ == "__main__":
    unittest.main()
