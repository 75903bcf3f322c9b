"""Roles that many use, for comparisons on fresh hosts."""

import json
import pathlib
import subprocess
import tempfile

import lab

GALAXY = "https://github.com/geerlingguy/ansible-role-"
# kind, name, where it is, variables
ROLES = [
    ("web", "geerlingguy.nginx", GALAXY + "nginx", {
        "nginx_vhosts": [{"listen": "8080", "server_name": "site.example.org", "root": "/var/www/site"}],
        "nginx_remove_default_vhost": True,
    }),
    ("web", "geerlingguy.apache", GALAXY + "apache", {
        "apache_vhosts": [{"servername": "site.example.org", "documentroot": "/var/www/html"}],
        "apache_mods_enabled": ["rewrite"],
    }),
    ("proxy", "geerlingguy.haproxy", GALAXY + "haproxy", {
        "haproxy_backend_servers": [{"name": "app1", "address": "10.99.0.12:80"}],
    }),
    ("database", "geerlingguy.redis", GALAXY + "redis", {}),
    ("cache", "geerlingguy.memcached", GALAXY + "memcached", {}),
    ("language", "geerlingguy.php", GALAXY + "php", {"php_enable_webserver": False}),
    ("files", "geerlingguy.samba", GALAXY + "samba", {}),
    ("tools", "geerlingguy.git", GALAXY + "git", {}),
    ("monitoring", "geerlingguy.munin-node", GALAXY + "munin-node", {}),
    ("mail", "geerlingguy.postfix", GALAXY + "postfix", {}),
    ("time", "geerlingguy.ntp", GALAXY + "ntp", {
        # in a container ntpd may not set the clock and ends; chrony knows where it is
        "ntp_timezone": "Europe/Berlin", "ntp_manage_config": True, "ntp_package": "chrony",
        "ntp_daemon": "chrony", "ntp_config_file": "/etc/chrony/chrony.conf",
        "ntp_driftfile": "/var/lib/chrony/chrony.drift",
    }),
    ("hardening", "geerlingguy.security", GALAXY + "security", {}),
    ("hardening", "oefenweb.fail2ban", "https://github.com/Oefenweb/ansible-fail2ban", {}),
    ("system", "oefenweb.locales", "https://github.com/Oefenweb/ansible-locales", {"locales_present": ["de_DE.UTF-8"]}),
    ("logs", "oefenweb.rsyslog", "https://github.com/Oefenweb/ansible-rsyslog", {}),
    ("logs", "nickhammond.logrotate", "https://github.com/nickhammond/ansible-logrotate", {
        "logrotate_scripts": [{"name": "app", "path": "/var/log/app/*.log", "options": ["daily", "rotate 7"]}],
    }),
    ("users", "singleplatform.users", "https://github.com/singleplatform-eng/ansible-users", {
        "users": [{"username": "foo", "name": "Foo Bar", "groups": ["adm"], "uid": 2001, "ssh_key": []}],
    }),
    ("users", "grog.user", "https://github.com/GROG/ansible-role-user", {"user_list": [{"name": "bar", "comment": "Bar"}]}),
    ("hardening", "devsec.os_hardening", "https://github.com/dev-sec/ansible-collection-hardening", {
        # a container's kernel is not its own
        "os_auditd_enabled": False, "os_sysctl_enabled": False,
    }),
    ("firewall", "oefenweb.ufw", "https://github.com/Oefenweb/ansible-ufw", {
        "ufw_rules": [{"rule": "allow", "to_port": "22", "protocol": "tcp"}],
    }),
    ("docker", "geerlingguy.docker", GALAXY + "docker", {
        # a repository of the lab's own, and a package that stands in
        "docker_repo_url": f"{lab.VENDOR}/docker", "docker_daemon_options": {"log-driver": "journald"},
        "docker_users": ["ops"],
    }),
    ("backups", "geerlingguy.backup", GALAXY + "backup", {
        "backup_path": "/srv/backups", "backup_user": "root", "backup_directories": ["/etc"],
        "backup_remote_connection": "backup@backup.example.org",
        # ansible-core 2.19 takes no text as a condition
        "backup_remote_host_name": False,
    }),
    ("firewall", "geerlingguy.firewall", GALAXY + "firewall", {"firewall_allowed_tcp_ports": ["22", "443"]}),
    ("files", "geerlingguy.nfs", GALAXY + "nfs", {"nfs_exports": ["/srv/share 10.0.0.0/8(ro,sync)"]}),
    ("language", "geerlingguy.pip", GALAXY + "pip", {}),
    ("certificates", "geerlingguy.certbot", GALAXY + "certbot", {"certbot_auto_renew_user": "root"}),
    ("cache", "geerlingguy.varnish", GALAXY + "varnish", {
        "varnish_apt_use_packagecloud": False, "varnish_version": "7.1", "varnish_storage": "malloc,32M",
    }),
    ("packages", "oefenweb.apt", "https://github.com/Oefenweb/ansible-apt", {"apt_install": ["tree"], "apt_upgrade": False}),
    ("names", "oefenweb.dnsmasq", "https://github.com/Oefenweb/ansible-dnsmasq", {}),
    ("users", "oefenweb.sudoers", "https://github.com/Oefenweb/ansible-sudoers", {
        "sudoers_sudoers_d_files": {"ops": {"privileges": [{"name": "ops", "entry": "ALL=(ALL) NOPASSWD: ALL"}]}},
    }),
    ("hardening", "willshersystems.sshd", "https://github.com/willshersystems/ansible-sshd", {
        "sshd": {"PermitRootLogin": "prohibit-password", "X11Forwarding": False},
    }),
    ("hardening", "devsec.ssh_hardening", "https://github.com/dev-sec/ansible-collection-hardening", {
        "ssh_permit_root_login": "without-password",
    }),
    ("names", "bertvv.bind", "https://github.com/bertvv/ansible-role-bind", {
        "bind_zones": [{
            "name": "example.org", "primaries": ["127.0.0.1"], "name_servers": ["ns1"],
            "hosts": [{"name": "ns1", "ip": "10.0.0.1"}, {"name": "www", "ip": "10.0.0.2"}],
        }],
    }),
    ("proxy", "robertdebock.squid", "https://github.com/robertdebock/ansible-role-squid", {}),
    # of collections: theirs are found by --collections
    ("certificates", "debops.debops.dhparam", None, {
        "dhparam__bits": ["1024"], "dhparam__openssl_options": "-dsaparam", "dhparam__generate_init": False,
    }),
    ("debops", "debops.debops.atd", None, {"atd_batch_load": "1.5", "atd_batch_interval": "60"}),
]


def chosen(names):
    """Those of ROLES, all or by name; a role of a collection that is not among them is taken as it is."""
    known = {role[1]: role for role in ROLES}
    return [known.get(name, ("other", name, None, {})) for name in names or known]


def fetched(name, source, folder):
    """Clones a role that is not there; a collection gives its role of that name."""
    if source is None or (folder / name).exists():
        return
    with tempfile.TemporaryDirectory() as cloned:
        subprocess.run(["git", "clone", "-q", "--depth=1", source, cloned], check=True)
        inside = pathlib.Path(cloned) / "roles" / name.split(".", 1)[1]
        subprocess.run(["cp", "-r", inside if inside.exists() else cloned, folder / name], check=True)


def playbook(folder, name, variables, collections):
    """A playbook that has the role alone, and collections beside it."""
    beside = folder / "collections/ansible_collections"
    for collection in [each for base in filter(None, (collections or "").split(":"))
                       for each in pathlib.Path(base).glob("ansible_collections/*/*") if each.is_dir()]:
        place = beside / collection.parent.name / collection.name
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.is_symlink():
            place.symlink_to(collection)
    written = folder / f"{name}.yml"
    written.write_text(json.dumps([{"name": name, "hosts": "all", "vars": variables, "roles": [name]}]))
    return written
