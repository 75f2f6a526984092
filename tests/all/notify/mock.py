"""A notification server that writes down what it is told, and does as it is told: JSON lines in, JSON lines out."""
import json
import subprocess
import sys

import dbus
import dbusmock

NAME, PATH = "org.freedesktop.Notifications", "/org/freedesktop/Notifications"
bus = dbusmock.DBusTestCase.get_dbus(False)
bus.set_exit_on_disconnect(False)


def start():
    process, told = dbusmock.DBusTestCase.spawn_server_template(
        "notification_daemon", {"capabilities": sys.argv[1]}, stdout=subprocess.DEVNULL
    )
    return process, dbus.Interface(told, dbusmock.MOCK_IFACE)


def plain(value):
    """D-Bus values as JSON knows them."""
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [plain(part) for part in value]
    if isinstance(value, dbus.Boolean):
        return bool(value)
    return str(value) if isinstance(value, str) else int(value)


def forge(name, signature, arguments):
    """The same signal, from somebody who is not the server."""
    message = dbus.lowlevel.SignalMessage(PATH, NAME, name)
    message.append(*arguments, signature=signature)
    bus.send_message(message)
    bus.flush()


process, mock = start()
print(json.dumps("ready"), flush=True)
for line in sys.stdin:
    verb, *arguments = json.loads(line)
    answer = None
    if verb == "calls":
        answer = [plain(told) for _, told in mock.GetMethodCalls(arguments[0])]
    elif verb == "signal":
        mock.EmitSignal(NAME, arguments[0], arguments[1], dbus.Array(arguments[2], signature="v"))
    elif verb == "forge":
        forge(*arguments)
    elif verb == "method":
        mock.AddMethod(NAME, *arguments)
    elif verb == "restart":
        process.kill()
        process.wait()
        process, mock = start()
    elif verb == "stop":
        process.kill()
        process.wait()
    print(json.dumps(answer), flush=True)
