#!/usr/bin/env python3
"""The dashboard's figures in a real pseudo-terminal, beside other terminal programs where they are installed.

    tests/bench/dashboard.py [--binary target/release/nightlatch] [--requests 10000] [--seconds 20]

By hand, on a quiet machine, against a release build. For each program: first paint from exec, bytes and wake-ups a second when
nothing happens, the share of a core, resident memory. Then for nightlatch alone: key to paint with many requests on the board
while 200 updates a second come in from a host that this script plays. Standard library only; nothing is written outside a
temporary folder.
"""
import argparse
import fcntl
import http.server
import json
import os
import pty
import select
import shutil
import signal
import socketserver
import statistics
import struct
import subprocess
import tempfile
import termios
import threading
import time

COLUMNS, ROWS = 120, 40
OTHERS = [["btm"], ["gitui"], ["htop"], ["btop"]]


class Pane:
    """A program in a terminal."""

    def __init__(self, argv, env, columns=COLUMNS, rows=ROWS, cwd="/"):
        self.begun = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(argv[0], argv, env)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.seen = b""

    def read(self, seconds):
        """What comes within so many seconds; None at the end."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return b""
        try:
            chunk = os.read(self.fd, 1 << 16)
        except OSError:
            return None
        self.seen += chunk
        # Whoever asks what the terminal is, is answered as xterm would.
        if b"\x1b[c" in chunk:
            os.write(self.fd, b"\x1b[?62;22c")
        if b"\x1b[6n" in chunk:
            os.write(self.fd, b"\x1b[1;1R")
        return chunk

    def until(self, what, seconds=20):
        """The moment at which `what` was on the wire."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if what in self.seen:
                return time.monotonic()
            if self.read(0.05) is None:
                break
        return None

    def drain(self, seconds):
        """Bytes and reads of so many seconds."""
        end, count, reads = time.monotonic() + seconds, 0, 0
        while (left := end - time.monotonic()) > 0:
            chunk = self.read(left)
            if chunk is None:
                break
            count, reads = count + len(chunk), reads + bool(chunk)
        return count, reads

    def used(self):
        """CPU seconds and voluntary switches of every thread: by the scheduler's own count, for a tick of 10 ms is too coarse."""
        switches, nanoseconds = 0, 0
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{task}/status") as status:
                for line in status:
                    if line.startswith("voluntary_ctxt_switches"):
                        switches += int(line.split()[1])
            with open(f"/proc/{self.pid}/task/{task}/schedstat") as schedstat:
                nanoseconds += int(schedstat.read().split()[0])
        return nanoseconds / 1e9, switches

    def resident(self):
        with open(f"/proc/{self.pid}/status") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))

    def close(self):
        try:
            os.kill(self.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        while self.read(0.2):
            pass
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def instant(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Host:
    """Plays the host: a board of many requests, and changes at a rate."""

    def __init__(self, folder, requests):
        self.lock, self.seq, self.rate = threading.Condition(), 1, 0.0
        self.rows = {number: self.row(number) for number in range(101, 101 + requests)}
        self.changed = {}
        self.path = os.path.join(folder, "host")
        outer = self

        class Answer(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.said(outer.get(self.path))

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.said(outer.get("/v1/requests/101"))

            def said(self, value):
                body = json.dumps(value).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

            def get_request(self):
                request, _ = super().get_request()
                return request, ("local", 0)

            def handle_error(self, *_):
                pass  # who asked is gone

        self.server = Server(self.path, Answer)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        threading.Thread(target=self.stream, daemon=True).start()

    def row(self, number):
        now = time.time()
        person = {"id": f"p{number % 97}", "name": f"Person {number % 97}", "title": "Engineer"}
        sam = {"id": "sam", "name": "Sam Lee", "title": "Head of Infrastructure"}
        return {
            "id": number, "seq": self.seq, "version": self.seq, "status": "pending", "overdue": False,
            "system": f"system-{number % 31}", "environment": "production", "role": "read", "role_asked": "read",
            "allows": "Read", "kind": "emergency", "task": f"Look into matter {number}; done when it is understood",
            "ticket": "INC-88", "requester": person, "user": person, "approver": sam, "filed_at": instant(now - 4000),
            "window": {"from": None, "until": None}, "asked_for_seconds": 5400,
            "until_if_approved_now": instant(now + 5400), "undecided_until": instant(now + 50000), "checks": [],
            "claim": None, "decision": None, "extension": None, "extensions": 0, "grant": None, "follow_up": None,
            "revisions": [], "frozen": False,
        }

    def ending(self, seconds):
        """One access that ends so soon."""
        now, number = time.time(), 101
        self.rows[number] |= {
            "status": "active", "window": {"from": instant(now - 900), "until": instant(now + seconds)},
            "grant": {"role": "read", "target": "x", "access_key": "x", "second_lock": True,
                      "granted_at": instant(now - 890), "ended": None, "overdue_from": instant(now + seconds + 5),
                      "removal_failed": False, "observed": None, "attempts": 1, "last_error": None, "next_try_at": None,
                      "manual_command": None, "looked_after_by": None, "attested": None, "first_use": None,
                      "last_use": None, "sessions": None, "removed_at": None},
        }

    def board(self, rows, full):
        return {"seq": self.seq, "head": self.seq, "server_now": instant(time.time()), "full": full, "rows": rows,
                "gone": [], "link": "ab" * 32, "frozen": [], "sane": True}

    def get(self, path):
        stamp = {"server_now": instant(time.time()), "head": self.seq}
        if path.startswith("/v1/board?after="):
            after = int(path.split("after=")[1].split("&")[0])
            with self.lock:
                self.lock.wait_for(lambda: self.seq > after, timeout=10)
                rows = [self.rows[number] for number, seq in self.changed.items() if seq > after]
                return self.board(rows, False)
        if path.startswith("/v1/board"):
            with self.lock:
                return self.board(list(self.rows.values()), True)
        if path == "/v1/me":
            return stamp | {"person": {"id": "sam", "name": "Sam Lee", "title": None}, "zone": "UTC", "duties": [],
                            "on_duty_for": ["system-1"], "via": "socket", "store": "7f3a"}
        if path == "/v1/systems":
            return stamp | {"systems": []}
        if "/events" in path:
            if "wait=" in path:
                # Whoever follows the events waits for the next one as long as they ask, as at a real host.
                with self.lock:
                    self.lock.wait_for(lambda: False, timeout=float(path.split("wait=")[1].split("s")[0]))
            return stamp | {"events": [], "next_after": 0}
        number = int(path.split("/")[3].split("?")[0])
        return stamp | self.rows[number] | {"may": [], "notes": []}

    def stream(self):
        while True:
            if not self.rate:
                time.sleep(0.05)
                continue
            time.sleep(0.05)
            with self.lock:
                for _ in range(max(1, int(self.rate * 0.05))):
                    self.seq += 1
                    number = 101 + self.seq * 7919 % len(self.rows)
                    self.rows[number] = self.rows[number] | {"seq": self.seq, "version": self.seq}
                    self.changed[number] = self.seq
                self.lock.notify_all()


def environment(folder):
    env = {"PATH": os.environ["PATH"], "HOME": folder, "TERM": "xterm-256color", "LANG": "C.UTF-8", "TZ": "UTC",
           "XDG_RUNTIME_DIR": os.path.join(folder, "run"), "COLORTERM": "truecolor"}
    os.makedirs(env["XDG_RUNTIME_DIR"], mode=0o700, exist_ok=True)
    return env


def measure(name, argv, env, seconds, ready, cwd):
    paints = []
    for _ in range(5):
        pane = Pane(argv, env, cwd=cwd)
        at = pane.until(ready)
        if at is None:
            print(f"{name:12} does not start: {pane.seen[-200:]!r}")
            pane.close()
            return
        paints.append((at - pane.begun) * 1000)
        pane.close()
    pane = Pane(argv, env, cwd=cwd)
    pane.until(ready)
    pane.drain(3)
    cpu, switches = pane.used()
    count, _ = pane.drain(seconds)
    cpu_after, switches_after = pane.used()
    print(f"{name:12} {statistics.median(paints):8.1f} ms {count / seconds:9.1f} B/s "
          f"{(switches_after - switches) / seconds:8.2f} wakes/s {(cpu_after - cpu) / seconds * 100:7.3f} % "
          f"{pane.resident():8.1f} MiB")
    pane.close()


def bar(binary, env):
    """The time from exec to the end of the status bar's segment."""
    took = []
    for _ in range(40):
        begun = time.monotonic()
        said = subprocess.run([binary, "bar"], env=env, stdout=subprocess.PIPE, check=False)
        took.append((time.monotonic() - begun) * 1000)
    took.sort()
    print(f"bar, said {said.stdout.decode().strip()!r}: median {statistics.median(took):.1f} ms, p95 {took[37]:.1f} ms, "
          f"least {took[0]:.1f} ms")


def key_to_paint(binary, env, host, rate):
    pane = Pane([binary], env)
    if pane.until(b"LIVE") is None:
        print(f"it never was LIVE: {pane.seen[-300:]!r}")
        pane.close()
        return
    pane.drain(2)
    host.rate = rate
    pane.drain(1)
    took = []
    for turn in range(200):
        while pane.read(0):
            pass
        begun = time.monotonic()
        os.write(pane.fd, b"j" if turn % 20 < 10 else b"k")
        if pane.read(2):
            took.append((time.monotonic() - begun) * 1000)
        time.sleep(0.03)
    host.rate = 0.0
    took.sort()
    print(f"key to paint, {len(host.rows)} requests, {rate:.0f} updates/s: median {statistics.median(took):.2f} ms, "
          f"p95 {took[int(len(took) * 0.95)]:.2f} ms, worst {took[-1]:.2f} ms; {pane.resident():.1f} MiB")
    pane.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--binary", default=os.path.join(here, "../../target/release/nightlatch"))
    parser.add_argument("--requests", type=int, default=10000)
    parser.add_argument("--seconds", type=float, default=20)
    asked = parser.parse_args()
    binary = os.path.abspath(asked.binary)
    folder = tempfile.mkdtemp(prefix="nightlatch-bench-")
    try:
        env = environment(folder)
        small = Host(tempfile.mkdtemp(dir=folder), 30)
        env["NIGHTLATCH_STORE"] = f"unix:{small.path}"
        first = Pane([binary], env)
        first.until(b"LIVE")
        first.drain(1)
        os.write(first.fd, b"q")
        first.drain(1)
        first.close()
        print(f"{'':12} {'first paint':>11} {'idle bytes':>13} {'idle':>16} {'core':>9} {'memory':>12}   at {COLUMNS}x{ROWS}")
        measure("nightlatch", [binary], env, asked.seconds, b"INC-88", folder)
        ticking = Host(tempfile.mkdtemp(dir=folder), 30)
        ticking.ending(590)
        measure("  counting", [binary], env | {"NIGHTLATCH_STORE": f"unix:{ticking.path}"}, asked.seconds, b"INC-88", folder)
        repository = os.path.join(here, "../..")
        for argv in OTHERS:
            if shutil.which(argv[0]):
                measure(argv[0], argv, env, asked.seconds, b"\x1b[?1049h", repository)
            else:
                print(f"{argv[0]:12} is not installed")
        bar(binary, env)
        large = Host(tempfile.mkdtemp(dir=folder), asked.requests)
        env["NIGHTLATCH_STORE"] = f"unix:{large.path}"
        key_to_paint(binary, env, large, 0)
        key_to_paint(binary, env, large, 200)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
