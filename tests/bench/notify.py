#!/usr/bin/env python3
"""How long somebody waits for a notification: from a telling's commit to `Notify` on a real session bus, and what
`nightlatch notify` takes while nothing happens.

    python3 tests/bench/notify.py [PROGRAM] [COUNT]      PROGRAM: target/release/nightlatch; COUNT: 30

Needs dbus-daemon, dbus-monitor and python3-dbusmock (Debian: dbus, python3-dbusmock). Requests are two seconds apart, because
several at once become one notification on purpose. Server, bus and notifier are on this machine.
"""
import json, os, pathlib, shutil, signal, subprocess, sys, tempfile, time, urllib.request

PROGRAM = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "target/release/nightlatch")
COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 30
POLICY = """
zone = "Europe/London"
[people.ana]
name = "Ana Ruiz"
[people.sam]
name = "Sam Lee"
[people.li]
name = "Li Wei"
[systems.payments]
name = "Payments"
environment = "production"
owner = "sam"
backup = "li"
hours = "always"
[[systems.payments.roles]]
name = "read"
allows = "Read the logs"
provisioner = "sandbox"
[provisioners.sandbox]
kind = "files"
folder = "sandbox"
"""


def call(address, token, path, body=None):
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json", "idempotency-key": os.urandom(8).hex()}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(address + path, data, headers)) as answer:
        return json.load(answer)


def switches(pid):
    """Of each thread, by its number."""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        lines = (task / "status").read_text().splitlines()
        found[task.name] = sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
    return found


def main(folder, started):
    def start(*argv, **more):
        child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, **more)
        started.append(child)
        return child

    (folder / "policy.toml").write_text(POLICY)
    (folder / "server.toml").write_text('listen = "127.0.0.1:0"\n[store]\nurl = "sqlite:store.db"\n')
    server = start(PROGRAM, "serve", "--config", str(folder / "server.toml"))
    address = "http://" + server.stdout.readline().split()[-1]
    admin = [PROGRAM, "admin", "token", "create", "--config", str(folder / "server.toml")]
    ana, sam = (subprocess.run([*admin, who], capture_output=True, text=True, check=True).stdout.strip() for who in ("ana", "sam"))

    bus = start("dbus-daemon", "--session", "--nofork", "--print-address").stdout.readline().strip()
    home = {"HOME": str(folder), "PATH": os.environ["PATH"], "DBUS_SESSION_BUS_ADDRESS": bus, "XDG_RUNTIME_DIR": str(folder)}
    start("/usr/bin/python3", "-m", "dbusmock", "--session", "--template", "notification_daemon", env=home)
    monitor = start("dbus-monitor", "--profile", "interface=org.freedesktop.Notifications,member=Notify", env=home)
    time.sleep(2)
    notifier = start(PROGRAM, "notify", env={**home, "NIGHTLATCH_STORE": address, "NIGHTLATCH_TOKEN": sam})
    time.sleep(3)

    waits = []
    for number in range(COUNT):
        task = f"Read the log of worker {number}; done when the fault is found"
        filed = call(address, ana, "/v1/requests", {
            "system": "payments", "role": "read", "kind": "emergency", "task": task, "anyway": True,
            "ticket": f"INC-{number}", "window": {"for_seconds": 1800},
        })
        while True:
            words = monitor.stdout.readline().split()
            if words and words[0] == "mc" and words[-1] == "Notify":
                break
        events = call(address, sam, f"/v1/requests/{filed['id']}/events")["events"]
        told = next(event for event in events if event["kind"] == "told")
        at = subprocess.run(["date", "-d", told["at"], "+%s.%N"], capture_output=True, text=True, check=True).stdout
        waits.append((float(words[1]) - float(at)) * 1000)
        call(address, sam, f"/v1/requests/{filed['id']}/deny", {"words": "measured"})
        time.sleep(2)
    waits.sort()
    print(f"commit to Notify on the bus, {COUNT} times: median {waits[COUNT // 2]:.0f} ms, p99 {waits[-1 - COUNT // 100]:.0f} ms")
    before, begun = switches(notifier.pid), time.monotonic()
    time.sleep(30)
    after = switches(notifier.pid)
    rate = sum(count - before.get(thread, 0) for thread, count in after.items()) / (time.monotonic() - begun)
    status = pathlib.Path(f"/proc/{notifier.pid}/status").read_text().splitlines()
    size = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in status if line.startswith(("VmRSS", "RssAnon"))}
    print(f"idle: {rate:.2f} switches a second of all kinds; {size['VmRSS']:.1f} MiB resident, {size['RssAnon']:.1f} its own")


if __name__ == "__main__":
    folder, started = pathlib.Path(tempfile.mkdtemp()), []
    try:
        main(folder, started)
    finally:
        for child in reversed(started):
            child.send_signal(signal.SIGTERM)
            child.wait()
        shutil.rmtree(folder)
