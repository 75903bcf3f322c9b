"""The programs that are compared: where they come from and how they are called.

Those that are not there are installed into a folder that may be kept: ansible-core, Mitogen and
pyinfra from PyPI, volant and its agent from crates.io.
"""

import os
import subprocess
import sys
import venv

# volant wants exactly this one at its side; it is the reference for all
ANSIBLE_CORE = "2.19.12"

# of the hosts: the system's, which knows of packages
PYTHON = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable


class Program:
    """A program under test."""

    name = "?"

    def __init__(self, folder, servers):
        self.folder, self.servers = folder, servers

    def version(self):
        return ""

    def does(self, load):
        """Whether it is asked to do this."""
        return not load.alone

    def command(self, load, hosts, base):
        """The command line of one run, and more environment."""
        raise NotImplementedError

    def inventory(self, hosts):
        """An INI inventory of these hosts."""
        path = self.servers.folder / f"{self.name}-{len(hosts)}.ini"
        lines = [f"{name} ansible_host={address} ansible_port={port}" for name, address, port in hosts]
        path.write_text(
            "\n".join(lines)
            + f"\n\n[all:vars]\nansible_user=root\nansible_ssh_private_key_file={self.servers.folder}/id\n"
            + f"ansible_python_interpreter={PYTHON}\n"
            + f"ansible_ssh_common_args=-o UserKnownHostsFile={self.servers.known} -o IdentitiesOnly=yes\n"
        )
        return str(path)

    def python(self, name, *packages):
        """A private Python with these packages; its folder of programs."""
        home = self.folder / name
        if not (home / "done").exists():
            print(f"{' '.join(packages)} from PyPI ...", flush=True)
            venv.create(home, with_pip=True)
            subprocess.run([home / "bin/pip", "install", "--quiet", *packages], check=True)
            (home / "done").write_text("")
        return home / "bin"


class Canvass(Program):
    name = "canvass"

    def __init__(self, folder, servers, path):
        super().__init__(folder, servers)
        self.path = path

    def version(self):
        return said([self.path, "--version"])

    def does(self, load):
        return True

    def command(self, load, hosts, base):
        # of many hosts the page is part of what is measured
        page = ["--report", f"{load.name}.html"] if load.alone else []
        return [
            self.path, "play", "-i", self.inventory(hosts), "--forks", str(len(hosts)),
            "-e", f"base={base}", *page, f"{load.name}.yml",
        ], {}


class Dag(Canvass):
    """The same program, where hosts wait for each other only where the play says so."""

    name = "dag"

    def does(self, load):
        return load.line

    def version(self):
        return "canvass with `--strategy dag`, on the slow line"

    def command(self, load, hosts, base):
        command, environment = super().command(load, hosts, base)
        return [*command, "--strategy", "dag"], environment


class Ansible(Program):
    name = "ansible"

    def __init__(self, folder, servers):
        super().__init__(folder, servers)
        self.bin = self.python("ansible", f"ansible-core=={ANSIBLE_CORE}")

    def version(self):
        return f"ansible-core {ANSIBLE_CORE}, pipelining"

    def command(self, load, hosts, base):
        return [
            str(self.bin / "ansible-playbook"), "-i", self.inventory(hosts), "-e", f"base={base}",
            f"{load.name}.yml",
        ], {"ANSIBLE_PIPELINING": "1", "ANSIBLE_FORKS": str(len(hosts)), "ANSIBLE_NOCOLOR": "1"}


class Mitogen(Ansible):
    name = "mitogen"

    def __init__(self, folder, servers):
        Program.__init__(self, folder, servers)
        self.bin = self.python("mitogen", f"ansible-core=={ANSIBLE_CORE}", "mitogen")
        found = sorted((folder / "mitogen").glob("lib/python*/site-packages/ansible_mitogen"))
        self.plugins = found[0] / "plugins/strategy"

    def version(self):
        show = said([self.bin / "pip", "show", "mitogen"])
        return "mitogen " + next(l.split()[1] for l in show.splitlines() if l.startswith("Version"))

    def command(self, load, hosts, base):
        command, environment = super().command(load, hosts, base)
        more = {"ANSIBLE_STRATEGY": "mitogen_linear", "ANSIBLE_STRATEGY_PLUGINS": str(self.plugins)}
        return command, environment | more


class Pyinfra(Program):
    name = "pyinfra"

    def __init__(self, folder, servers):
        super().__init__(folder, servers)
        self.bin = self.python("pyinfra", "pyinfra")

    def version(self):
        return said([self.bin / "pyinfra", "--version"]).replace(": v", " ")

    def command(self, load, hosts, base):
        path = self.servers.folder / f"pyinfra{len(hosts)}.py"
        rows = [
            (
                name,
                {
                    "ssh_hostname": address, "ssh_port": port, "ssh_user": "root",
                    "ssh_key": str(self.servers.folder / "id"),
                    "ssh_known_hosts_file": str(self.servers.known),
                    "ssh_strict_host_key_checking": "yes",
                },
            )
            for name, address, port in hosts
        ]
        path.write_text(f"hosts = {rows!r}\n")
        return [
            str(self.bin / "pyinfra"), str(path), f"{load.name}.py", "-y", "--parallel",
            str(len(hosts)), "--data", f"base={base}",
        ], {}


class Volant(Program):
    name = "volant"

    def __init__(self, folder, servers):
        super().__init__(folder, servers)
        self.bin = folder / "volant/bin"
        if not (self.bin / "volant").exists():
            print("volant and its agent from crates.io ...", flush=True)
            install = ["cargo", "install", "--quiet", "--locked", "--root", folder / "volant"]
            static = os.environ | {"RUSTFLAGS": "-C target-feature=+crt-static"}
            target = ["--target", f"{os.uname().machine}-unknown-linux-gnu"]
            # the newest are pre-releases, which are only taken by name
            version = ["--version", "0.1.0-alpha.13"]
            subprocess.run([*install, *version, *target, "volant-agent"], env=static, check=True)
            subprocess.run([*install, *version, "volant"], check=True)
        # it looks for the agent of another machine by this name, whatever libc is in it
        other = self.bin / f"volant-agent-{os.uname().machine}-unknown-linux-musl"
        if not other.exists():
            other.symlink_to("volant-agent")
        self.reference = self.python("ansible", f"ansible-core=={ANSIBLE_CORE}")

    def version(self):
        return said([self.bin / "volant", "--version"])

    def command(self, load, hosts, base):
        environment = {
            "VOLANT_AGENT_DIR": str(self.bin),
            "VOLANT_PYTHON": str(self.reference / "python"),
            "ANSIBLE_FORKS": str(len(hosts)),
            "ANSIBLE_NOCOLOR": "1",
        }
        return [
            str(self.bin / "volant"), "playbook", "-i", self.inventory(hosts), "-e", f"base={base}",
            f"{load.name}.yml",
        ], environment


class Ssh(Program):
    """Nothing but connections, and the commands that the play itself runs: the floor."""

    name = "ssh"

    def version(self):
        ended = subprocess.run(["ssh", "-V"], capture_output=True, text=True)
        return ended.stderr.split(",")[0] + ": `true` on each host at once"

    def does(self, load):
        return True

    def command(self, load, hosts, base):
        path = self.servers.folder / f"ssh{len(hosts)}.sh"
        options = (
            f"-F none -i {self.servers.folder}/id -o IdentitiesOnly=yes -o BatchMode=yes "
            f"-o UserKnownHostsFile={self.servers.known}"
        )
        lines = [f"ssh {options} -p {port} root@{address} true &" for _, address, port in hosts]
        path.write_text("\n".join([*lines, "wait", ""]))
        return ["sh", str(path)], {}


PEERS = {program.name: program for program in (Ssh, Ansible, Mitogen, Pyinfra, Volant)}


def said(command):
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()
