"""OpenSSH servers of this machine for the benchmarks.

Each host is an address of its own (127.0.0.x) of a server; all share this machine's processors.
SHLVL in the sessions keeps bash from reading ~/.bashrc, whose work would be measured otherwise.
"""

import os
import shutil
import socket
import subprocess
import sys
import time

from suite.line import Line

ADDRESSES = 10  # of each server; sshd listens on up to 16


class Servers:
    """OpenSSH servers, their keys and addresses; they live as long as the script."""

    def __init__(self, folder):
        self.folder = folder
        self.servers = []
        self.lines = []
        (folder / "home/.ssh").mkdir(parents=True, mode=0o700)
        (folder / "home/.ssh").chmod(0o700)
        self.key("id")
        shutil.copy(folder / "id.pub", folder / "authorized_keys")
        self.known = folder / "home/.ssh/known_hosts"
        self.known.write_text("")

    def key(self, name):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name]
        subprocess.run(command, check=True)

    def server(self):
        """Starts one more server."""
        number = len(self.servers)
        self.key(f"host{number}")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        addresses = "".join(f"ListenAddress 127.0.0.{n}\n" for n in range(1, ADDRESSES + 1))
        config = self.folder / f"sshd{number}.conf"
        config.write_text(
            f"Port {port}\n{addresses}HostKey {self.folder}/host{number}\nPidFile none\n"
            f"AuthorizedKeysFile {self.folder}/authorized_keys\nStrictModes no\nUsePAM no\n"
            "PasswordAuthentication no\nPermitRootLogin yes\nMaxStartups 1000\nMaxSessions 100\n"
            "Subsystem sftp internal-sftp\nKexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org\n"
            f"SetEnv SHLVL=5 XDG_CACHE_HOME={self.folder}/home/.cache\n"
        )
        (self.folder / "home/.cache").mkdir(exist_ok=True)
        os.makedirs("/run/sshd", exist_ok=True)
        log = open(self.folder / f"sshd{number}.log", "w")
        process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", config], stderr=log)
        self.servers.append((process, port))
        for _ in range(500):
            if process.poll() is not None:
                sys.exit("sshd ended: " + (self.folder / f"sshd{number}.log").read_text())
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.01)
        public = " ".join((self.folder / f"host{number}.pub").read_text().split()[:2])
        with self.known.open("a") as known:
            for n in range(1, ADDRESSES + 1):
                known.write(f"[127.0.0.{n}]:{port} {public}\n")

    def hosts(self, count):
        """Name, address and port of this many hosts."""
        while len(self.servers) * ADDRESSES < count:
            self.server()
        return [
            (
                f"n{number + 1:04}",
                f"127.0.0.{number % ADDRESSES + 1}",
                self.servers[number // ADDRESSES][1],
            )
            for number in range(count)
        ]

    def behind_line(self, hosts):
        """The same hosts, at the far end of a slow line."""
        far = []
        for name, address, port in hosts:
            self.lines.append(line := Line(address, port))
            public = next(
                words[1:] for words in map(str.split, self.known.read_text().splitlines())
                if words[0] == f"[{address}]:{port}"
            )
            with self.known.open("a") as known:
                known.write(f"[{address}]:{line.port} {' '.join(public)}\n")
            far.append((name, address, line.port))
        return far

    def close(self):
        for line in self.lines:
            line.close()
        for process, _ in self.servers:
            process.terminate()
            process.wait()
