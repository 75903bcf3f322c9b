"""A signed Debian repository of one package, as vendors have them, for roles that add one.

The package is a stand-in: a daemon that only waits, its unit, a group and a file of configuration.
"""

import hashlib
import pathlib
import subprocess
import tempfile

SUITE, COMPONENT = "bookworm", "stable"
UNIT = """[Unit]
Description=A daemon that waits
[Service]
ExecStart=/usr/bin/sleep infinity
[Install]
WantedBy=multi-user.target
"""
POSTINST = """#!/bin/sh
set -e
if ! getent group docker > /dev/null; then
    addgroup --system docker > /dev/null
fi
deb-systemd-helper enable 'docker.service' > /dev/null
systemctl --system daemon-reload > /dev/null || true
deb-systemd-invoke start 'docker.service' > /dev/null || true
"""


def package(folder, name, files, postinst=""):
    """Builds a package; gives its file."""
    with tempfile.TemporaryDirectory() as tree:
        tree = pathlib.Path(tree)
        control = f"Package: {name}\nVersion: 1.0\nArchitecture: all\nSection: admin\nPriority: optional\n"
        control += f"Maintainer: nobody <nobody@example.org>\nDescription: a stand-in for {name}\n"
        (tree / "DEBIAN").mkdir(mode=0o755)
        (tree / "DEBIAN/control").write_text(control)
        if postinst:
            (tree / "DEBIAN/postinst").write_text(postinst)
            (tree / "DEBIAN/postinst").chmod(0o755)
        for path, text in files.items():
            place = tree / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        subprocess.run(["chmod", "-R", "u=rwX,go=rX", tree], check=True)
        built = folder / f"pool/{name}_1.0_all.deb"
        built.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, built], check=True, capture_output=True)
    entry = f"{control}Filename: pool/{built.name}\nSize: {built.stat().st_size}\n"
    return f"{entry}SHA256: {hashlib.sha256(built.read_bytes()).hexdigest()}\n"


def build(folder):
    """A repository with its key (`gpg`) in a folder."""
    names = {"docker-ce": {"lib/systemd/system/docker.service": UNIT, "etc/default/docker": "# options\n"}}
    for name in ("docker-ce-cli", "docker-ce-rootless-extras", "containerd.io", "docker-buildx-plugin",
                 "docker-compose-plugin"):
        names[name] = {f"usr/share/doc/{name}/README": name}
    entries = [package(folder, name, files, POSTINST if name == "docker-ce" else "") for name, files in names.items()]
    dist = folder / f"dists/{SUITE}"
    listed = f"{COMPONENT}/binary-amd64/Packages"
    (dist / listed).parent.mkdir(parents=True, exist_ok=True)
    (dist / listed).write_text("\n".join(entries))
    text = (dist / listed).read_bytes()
    release = f"Origin: stand-in\nSuite: {SUITE}\nCodename: {SUITE}\nComponents: {COMPONENT}\nArchitectures: amd64\n"
    release += "Date: Thu, 01 Jan 2026 00:00:00 UTC\n"
    release += f"SHA256:\n {hashlib.sha256(text).hexdigest()} {len(text)} {listed}\n"
    with tempfile.TemporaryDirectory() as home:
        gpg = ["gpg", "--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]
        subprocess.run([*gpg, "--quick-gen-key", "stand-in@example.org", "rsa2048", "sign"], check=True, capture_output=True)
        signed = subprocess.run([*gpg, "--clearsign"], input=release.encode(), check=True, capture_output=True)
        (dist / "InRelease").write_bytes(signed.stdout)
        key = subprocess.run([*gpg, "--armor", "--export"], check=True, capture_output=True)
        (folder / "gpg").write_bytes(key.stdout)
    # roles append the name of the distribution to the address
    (folder / "debian").symlink_to(".")
