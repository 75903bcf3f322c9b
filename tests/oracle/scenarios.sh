#!/bin/sh
# Records what Ansible counts for the scenarios whose `scenario.yml` says `ansible: true`, into
# their `expected/ansible.json`. Each is run on fresh lab hosts, as the test does.
#
#     tests/oracle/scenarios.sh /path/to/ansible-playbook [NAME…]
set -eu
cd "$(dirname "$0")/../.."
ORACLE_ANSIBLE_PLAYBOOK=$(command -v "$1")
export ORACLE_ANSIBLE_PLAYBOOK
shift
exec cargo test --quiet --test scenarios -- "$@"
