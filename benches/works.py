"""The usual work of each module on a Debian host: arguments, and what the host must have for it.

Not here, as one such host cannot show them: `modprobe`, `lvg` and `lvol` (a container loads no modules and
has no block devices), `seboolean` and `selinux` (no SELinux), `apk`, `pacman` and `zypper` (other distributions),
`npm` (half a gigabyte of packages), `fail` and `meta`.
"""

import lab

TREE = "/srv/work"

# module, arguments of the task with this number
WORK = {
    "ansible.builtin.file": lambda n: {"path": f"{TREE}/d{n}", "state": "directory", "mode": "0750"},
    "ansible.builtin.copy": lambda n: {"content": f"number {n}\n" * 20, "dest": f"{TREE}/copy{n}"},
    "ansible.builtin.template": lambda n: {"src": "page.j2", "dest": f"{TREE}/page{n}"},
    "ansible.builtin.lineinfile": lambda n: {"path": f"{TREE}/lines", "line": f"key{n} = {n}", "regexp": f"^key{n} "},
    "ansible.builtin.blockinfile": lambda n: {"path": f"{TREE}/lines", "block": "a\nb", "marker": f"# {{mark}} {n}"},
    "ansible.builtin.replace": lambda n: {"path": f"{TREE}/lines", "regexp": f"^old{n}$", "replace": f"new{n}"},
    "ansible.builtin.assemble": lambda n: {"src": f"{TREE}/parts", "dest": f"{TREE}/whole{n}"},
    "ansible.builtin.stat": lambda n: {"path": f"{TREE}/lines"},
    "ansible.builtin.find": lambda n: {"paths": "/etc", "recurse": True, "patterns": "*.conf"},
    "ansible.builtin.slurp": lambda n: {"src": "/etc/passwd"},
    "ansible.builtin.fetch": lambda n: {"src": "/etc/passwd", "dest": f"fetched{n}", "flat": True},
    "ansible.builtin.tempfile": lambda n: {"path": "/tmp"},
    "ansible.builtin.unarchive": lambda n: {"src": f"{TREE}/archive.tar.gz", "dest": f"{TREE}/d{n}", "remote_src": True},
    "ansible.builtin.get_url": lambda n: {"url": f"{lab.VENDOR}/gpg/debian/gpg", "dest": f"{TREE}/got{n}"},
    "ansible.builtin.uri": lambda n: {"url": f"{lab.VENDOR}/gpg/debian/gpg", "return_content": True},
    "ansible.builtin.command": lambda n: {"cmd": "true"},
    "ansible.builtin.shell": lambda n: {"cmd": "echo $((1 + 1))"},
    "ansible.builtin.script": lambda n: {"cmd": "script.sh"},
    "ansible.builtin.ping": lambda n: {},
    "ansible.builtin.wait_for": lambda n: {"port": 22},
    "ansible.builtin.user": lambda n: {"name": f"worker{n}", "shell": "/bin/bash"},
    "ansible.builtin.group": lambda n: {"name": f"crew{n}"},
    "ansible.builtin.getent": lambda n: {"database": "passwd", "key": "root"},
    "ansible.builtin.cron": lambda n: {"name": f"job {n}", "minute": str(n), "job": "/bin/true"},
    "ansible.builtin.apt": lambda n: {"name": PACKAGES[n % len(PACKAGES)]},
    "ansible.builtin.apt_repository": lambda n: {
        "repo": f"deb [trusted=yes] {lab.VENDOR}/r{n}/debian bookworm stable", "update_cache": False, "filename": f"r{n}",
    },
    "ansible.builtin.package_facts": lambda n: {},
    "ansible.builtin.service_facts": lambda n: {},
    "ansible.builtin.service": lambda n: {"name": "cron", "state": "started", "enabled": True},
    "ansible.builtin.systemd_service": lambda n: {"name": UNITS[n % len(UNITS)], "enabled": False},
    "ansible.builtin.setup": lambda n: {},
    "ansible.builtin.gather_facts": lambda n: {},
    "ansible.builtin.mount_facts": lambda n: {},
    "ansible.builtin.raw": lambda n: "true",
    "ansible.builtin.expect": lambda n: {"command": f"sh -c 'read -p name: word; test $word = {n}'", "responses": {"name:": str(n)}},
    # what is asked for once a second is waited for
    "ansible.builtin.async_status": lambda n: "true",
    "ansible.builtin.wait_for_connection": lambda n: {},
    "ansible.builtin.package": lambda n: {"name": OTHERS[n % len(OTHERS)]},
    "ansible.builtin.apt_key": lambda n: {"url": f"{lab.VENDOR}/gpg/debian/gpg", "keyring": f"/etc/apt/trusted.gpg.d/k{n}.gpg"},
    "ansible.builtin.deb822_repository": lambda n: {
        "name": f"s{n}", "uris": f"{lab.VENDOR}/s{n}/debian", "suites": "bookworm", "components": "stable", "trusted": True,
    },
    "ansible.builtin.dnf": lambda n: {"name": f"rpm-{n}", "use_backend": "dnf4"},
    "ansible.builtin.rpm_key": lambda n: {"key": f"{TREE}/key", "state": "present"},
    "ansible.builtin.yum_repository": lambda n: {
        "name": f"y{n}", "description": "of tests", "baseurl": "file:///srv/none", "enabled": False, "reposdir": f"{TREE}/yum",
    },
    "ansible.builtin.pip": lambda n: {
        "name": f"wheel{n}", "virtualenv": f"{TREE}/venv", "extra_args": f"--no-index --find-links {TREE}/wheels",
    },
    "ansible.builtin.sysvinit": lambda n: {"name": "cron", "enabled": True, "state": "started"},
    "ansible.builtin.iptables": lambda n: {"chain": "INPUT", "protocol": "tcp", "destination_port": str(1000 + n), "jump": "ACCEPT"},
    "ansible.builtin.subversion": lambda n: {"repo": f"file://{TREE}/svn", "dest": f"{TREE}/working{n}"},
    "ansible.builtin.debconf": lambda n: {
        "name": "locales", "question": "locales/default_environment_locale", "value": "C.UTF-8", "vtype": "select",
    },
    "ansible.builtin.dpkg_selections": lambda n: {"name": PINNED[n % len(PINNED)], "selection": "hold"},
    "ansible.builtin.known_hosts": lambda n: {
        "name": f"h{n}.example.org", "path": f"{TREE}/known",
        "key": f"h{n}.example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGR4ZsJDgZ7gvpQmx3Bdu0vhyOYJwV4bDF7Pqh1vVQqY",
    },
    "ansible.builtin.git": lambda n: {"repo": f"{TREE}/repository", "dest": f"{TREE}/checkout{n}", "version": "main"},
    "ansible.builtin.hostname": lambda n: {"name": "worker"},
    "ansible.posix.sysctl": lambda n: {"name": f"net.ipv4.conf.{SYSCTL[n % len(SYSCTL)]}", "value": "1", "sysctl_file": "/etc/sysctl.d/work.conf", "reload": False},
    "ansible.posix.authorized_key": lambda n: {
        "user": "ops",
        "key": f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGR4ZsJDgZ7gvpQmx3Bdu0vhyOYJwV4bDF7Pqh1vVQ{'abcdefghij'[n % 10]}Y k{n}",
    },
    "community.general.ini_file": lambda n: {"path": f"{TREE}/ini", "section": f"s{n}", "option": "o", "value": str(n)},
    "community.general.timezone": lambda n: {"name": "Europe/Berlin"},
    "community.general.pam_limits": lambda n: {
        "domain": f"u{n}", "limit_type": "soft", "limit_item": "nofile", "value": str(1000 + n),
    },
    "ansible.posix.acl": lambda n: {"path": f"{TREE}/parts/{n}", "entity": "ops", "etype": "user", "permissions": "r", "state": "present"},
    "ansible.posix.at": lambda n: {"command": f"true {n}", "count": 10, "units": "days", "unique": True},
    "ansible.posix.firewalld": lambda n: {"port": f"{2000 + n}/tcp", "permanent": True, "state": "enabled", "offline": True},
    "ansible.posix.mount": lambda n: {"path": f"{TREE}/m{n}", "src": "tmpfs", "fstype": "tmpfs", "state": "present"},
    "ansible.posix.patch": lambda n: {"src": f"{TREE}/patch{n}", "basedir": f"{TREE}/patched", "strip": 0, "remote_src": True},
    "ansible.posix.synchronize": lambda n: {"src": f"{TREE}/parts/", "dest": f"{TREE}/mirror{n}"},
    "community.general.alternatives": lambda n: {"name": f"tool{n}", "link": f"/usr/local/bin/tool{n}", "path": "/bin/true"},
    "community.general.archive": lambda n: {"path": f"{TREE}/parts", "dest": f"{TREE}/packed{n}.tar.gz"},
    "community.general.capabilities": lambda n: {"path": f"{TREE}/parts/{n}", "capability": "cap_net_bind_service+ep"},
    "community.general.dpkg_divert": lambda n: {"path": f"/usr/bin/diverted{n}"},
    "community.general.filesystem": lambda n: {"dev": f"{TREE}/image{n}", "fstype": "ext4"},
    "community.general.gem": lambda n: {"name": f"gem{n}", "gem_source": f"{TREE}/gems/gem{n}-1.0.gem", "user_install": False},
    "community.general.git_config": lambda n: {"name": f"work.key{n}", "value": str(n), "scope": "system"},
    "community.general.htpasswd": lambda n: {"path": f"{TREE}/htpasswd", "name": f"u{n}", "password": "secret", "hash_scheme": "apr_md5_crypt"},
    "community.general.locale_gen": lambda n: {"name": LOCALES[n % len(LOCALES)]},
    "community.general.sudoers": lambda n: {"name": f"s{n}", "user": "ops", "commands": "/bin/true"},
    "community.general.ufw": lambda n: {"rule": "allow", "port": str(3000 + n), "proto": "tcp"},
    "community.general.xml": lambda n: {"path": f"{TREE}/tree.xml", "xpath": f"/tree/leaf{n}", "value": str(n)},
    # on the controller
    "ansible.builtin.add_host": lambda n: {"name": f"new{n}"},
    "ansible.builtin.assert": lambda n: {"that": ["1 == 1"]},
    "ansible.builtin.debug": lambda n: {"msg": "{{ inventory_hostname }}"},
    "ansible.builtin.group_by": lambda n: {"key": f"group{n}"},
    "ansible.builtin.include_role": lambda n: {"name": "empty"},
    "ansible.builtin.include_tasks": lambda n: "some.yml",
    "ansible.builtin.include_vars": lambda n: "vars.yml",
    "ansible.builtin.pause": lambda n: {"seconds": 0},
    "ansible.builtin.set_fact": lambda n: {"fact": "{{ inventory_hostname }}"},
    "ansible.builtin.set_stats": lambda n: {"data": {"number": n}},
    "ansible.builtin.validate_argument_spec": lambda n: {
        "argument_spec": {"name": {"type": "str"}}, "provided_arguments": {"name": "x"},
    },
}
# what takes so little that more tasks are needed to tell it from noise
LIGHT = {
    *(f"ansible.builtin.{name}" for name in (
        "add_host", "assert", "debug", "group_by", "include_role", "include_tasks", "include_vars", "ping", "raw",
        "set_fact", "set_stats", "validate_argument_spec",
    )),
}
# what is no module of its own, or needs more than arguments
ACTIONS = {"ansible.builtin.async_status": "ansible.builtin.command"}
KEYWORDS = {
    "ansible.builtin.async_status": {"async": 30, "poll": 1},
    # from one folder of the host to another
    "ansible.posix.synchronize": {"delegate_to": "{{ inventory_hostname }}"},
}
PACKAGES = ["tree", "sl", "bc", "dc", "rename", "jq", "pv", "lsof", "file", "time"]
OTHERS = ["pwgen", "dos2unix", "figlet", "ed", "cpio", "ncal", "nano", "par", "rlwrap", "psmisc"]
LOCALES = ["de_DE.UTF-8", "fr_FR.UTF-8", "it_IT.UTF-8", "es_ES.UTF-8", "nl_NL.UTF-8"]
UNITS = ["systemd-pstore.service", "e2scrub_reap.service", "fstrim.timer", "remote-fs.target", "dpkg-db-backup.timer"]
PINNED = ["curl", "less", "sudo", "kmod", "cron"]
SYSCTL = ["all.accept_redirects", "all.accept_source_route", "all.log_martians", "default.log_martians", "default.accept_redirects"]

PREPARE = rf"""
set -e
mkdir -p {TREE}/parts {TREE}/repository {TREE}/yum {TREE}/patched {TREE}/wheels {TREE}/gems {TREE}/rpms
cd {TREE}
for number in $(seq 0 19); do echo old$number; done > lines
for number in $(seq 0 9); do
    mkdir -p d$number; chmod 755 d$number; echo $number > parts/$number; echo one > patched/file$number
    printf -- '--- file%d\n+++ file%d\n@@ -1 +1 @@\n-one\n+two\n' $number $number > patch$number
    truncate -s 8M image$number
done
tar -czf archive.tar.gz parts
echo "<tree>$(for number in $(seq 0 9); do echo "<leaf$number>x</leaf$number>"; done)</tree>" > tree.xml
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install -y --no-install-recommends git debconf-utils python3-debian python3-pexpect python3-lxml \
    python3-passlib python3-venv subversion rsync patch at acl libcap2-bin iptables ufw firewalld ruby dnf rpm \
    createrepo-c python3-dnf e2fsprogs > /dev/null 2>&1
systemctl -q disable --now firewalld
(cd repository && git init -q -b main . && git config user.email a@example.org && git config user.name a &&
    echo one > file && git add file && git commit -q -m one)
svnadmin create svn
curl -sfo key {lab.VENDOR}/gpg/debian/gpg
python3 -m venv venv
python3 - <<'END'
import zipfile
for n in range(10):
    with zipfile.ZipFile(f"{TREE}/wheels/wheel{{n}}-1.0-py3-none-any.whl", "w") as wheel:
        about = f"wheel{{n}}-1.0.dist-info"
        wheel.writestr(f"wheel{{n}}.py", "")
        wheel.writestr(f"{{about}}/METADATA", f"Metadata-Version: 2.1\nName: wheel{{n}}\nVersion: 1.0\n")
        wheel.writestr(f"{{about}}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{{about}}/RECORD", f"wheel{{n}}.py,,\n{{about}}/METADATA,,\n{{about}}/WHEEL,,\n{{about}}/RECORD,,\n")
END
for number in 0 1 2 3 4; do
    printf 'Gem::Specification.new do |s|\ns.name = "gem%d"\ns.version = "1.0"\ns.summary = "x"\ns.authors = ["x"]\ns.files = []\nend\n' \
        $number > gems/$number.gemspec
    (cd gems && gem build -q $number.gemspec > /dev/null 2>&1)
    printf 'Name: rpm-%d\nVersion: 1\nRelease: 1\nSummary: x\nLicense: x\nBuildArch: noarch\n%%description\nx\n%%files\n' \
        $number > rpms/$number.spec
    rpmbuild --quiet --define "_rpmdir {TREE}/rpms" -bb rpms/$number.spec > /dev/null 2>&1
done
createrepo_c -q rpms
mkdir -p /etc/yum.repos.d
printf '[work]\nname=work\nbaseurl=file://{TREE}/rpms\ngpgcheck=0\n' > /etc/yum.repos.d/work.repo
"""
# what the controller has
FILES = {
    "page.j2": "{% for n in range(20) %}\nline {{ n }} of {{ inventory_hostname }}\n{% endfor %}\n",
    "script.sh": "#!/bin/sh\nexit 0\n",
    "some.yml": "[]\n",
    "vars.yml": "number: 1\n",
    "roles/empty/tasks/main.yml": "[]\n",
}


def tasks(name, count):
    """The work of a module, this many times."""
    action, keywords = ACTIONS.get(name, name), KEYWORDS.get(name, {})
    return [{"name": f"{name} {n}", action: WORK[name](n), **keywords} for n in range(count)]
