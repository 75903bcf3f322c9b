"""Fresh Debian hosts for comparisons: `tests/hosts/up`, with Python, and a door to the packages.

The hosts have no way out of their network. What apt asks for goes through a proxy that listens
inside and fetches outside; answers stay in a folder, so that each package is fetched once. It also
has a repository of its own (`repository.py`), as a vendor's.
"""

import ctypes
import hashlib
import http.server
import os
import pathlib
import socket
import subprocess
import threading
import urllib.error
import urllib.request

import repository

UP = pathlib.Path(__file__).parent.parent / "hosts/up"
PACKAGES = (
    "systemd,systemd-sysv,dbus,libpam-systemd,openssh-server,sudo,iproute2,iputils-ping,procps,netbase,kmod,"
    "ca-certificates,curl,less,perl-base,python3,python3-apt,cron,gnupg,lsb-release,locales,tzdata,e2fsprogs,rsyslog"
)
GATEWAY, PORT = "10.99.0.1", 3142
VENDOR = f"http://{GATEWAY}:{PORT}/vendor"
NEW_NETWORK = 0x40000000


def layer(cache):
    """The file system that the hosts share, made when it is not there."""
    folder = cache / "layer-python"
    ready = folder / ".ready"
    if not ready.exists() or ready.read_text() != PACKAGES:
        subprocess.run(["rm", "-rf", folder], check=True)
        subprocess.run(
            ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", "bookworm", folder], check=True
        )
        # hosts that people have know their packages
        subprocess.run(["chroot", folder, "apt-get", "-qq", "update"], check=True)
        ready.write_text(PACKAGES)
    return folder


class Door(http.server.ThreadingHTTPServer):
    """A proxy that listens in the hosts' network and fetches outside of it."""

    daemon_threads = True

    def __init__(self, network, cache, own):
        self.cache, self.own = cache, own
        cache.mkdir(parents=True, exist_ok=True)
        super().__init__((GATEWAY, PORT), Fetch, bind_and_activate=False)
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/self/ns/net") as here, open(f"/run/netns/{network}") as there:
            if libc.setns(there.fileno(), NEW_NETWORK):
                raise OSError(ctypes.get_errno(), "setns")
            try:
                # a socket stays in the network in which it was made
                self.socket.close()
                self.socket = socket.socket(self.address_family, self.socket_type)
                self.server_bind()
                self.server_activate()
            finally:
                libc.setns(here.fileno(), NEW_NETWORK)


class Fetch(http.server.BaseHTTPRequestHandler):
    """Answers from the folder, or from outside."""

    def do_GET(self):
        path = self.path.removeprefix(f"http://{GATEWAY}:{PORT}")
        if path.startswith("/vendor/"):
            # /vendor/NAME is the same repository by any name
            file = self.server.own / "/".join(path.split("/")[3:])
            return self.answer(200, file.read_bytes()) if file.is_file() else self.answer(404, b"")
        kept = self.server.cache / hashlib.sha256(self.path.encode()).hexdigest()
        # lists change, packages do not
        if self.path.endswith(".deb") and kept.exists():
            return self.answer(200, kept.read_bytes())
        try:
            with urllib.request.urlopen(self.path, timeout=60) as answer:
                body = answer.read()
        except urllib.error.HTTPError as error:
            return self.answer(error.code, b"")
        except OSError:
            return self.answer(502, b"")
        if self.path.endswith(".deb"):
            new = kept.with_suffix(f".{threading.get_ident()}")
            new.write_bytes(body)
            new.rename(kept)
        return self.answer(200, body)

    def answer(self, code, body):
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Says nothing."""


class Hosts:
    """Some hosts (s1, s2 …), from a `with` on."""

    def __init__(self, folder, cache, count):
        self.folder, self.cache, self.count = folder, cache, count
        self.door = None

    def __enter__(self):
        environment = {**os.environ, "HOSTS_CACHE": str(self.cache)}
        base = layer(self.cache)
        subprocess.run([UP, "down", self.folder], check=False)
        subprocess.run([UP, "start", self.folder, base, str(self.count)], check=True, env=environment)
        name = subprocess.run(["cksum"], input=f"{self.folder}\n", capture_output=True, text=True, check=True)
        own = self.folder / "vendor"
        repository.build(own)
        self.door = Door("cv" + name.stdout.split()[0][:6], self.cache / "debs", own)
        threading.Thread(target=self.door.serve_forever, daemon=True).start()
        for number in range(1, self.count + 1):
            conf = self.folder / f"s{number}/root/etc/apt/apt.conf.d/99door"
            conf.write_text(f'Acquire::http::Proxy "http://{GATEWAY}:{PORT}";\n')
            # a container may not set the clock: the daemon runs and leaves it alone
            extra = self.folder / f"s{number}/root/etc/systemd/system/chrony.service.d/container.conf"
            extra.parent.mkdir(parents=True)
            extra.write_text("[Unit]\nConditionCapability=\n[Service]\nExecStart=\nExecStart=!/usr/sbin/chronyd -x -F 1\n")
        return self

    def __exit__(self, *_):
        if self.door:
            self.door.shutdown()
            self.door.server_close()
        subprocess.run([UP, "down", self.folder], check=False)

    def run(self, argv, **options):
        """Runs a command where the hosts can be reached."""
        return subprocess.run([UP, "run", self.folder, *map(str, argv)], check=False, **options)

    def variables(self):
        """What both programs need to log in."""
        return ["-e", f"ansible_ssh_common_args=-oUserKnownHostsFile={self.folder}/known_hosts"]
