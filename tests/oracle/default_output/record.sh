#!/bin/sh
# Records what ansible-core 2.19 prints for playbook.yml into expected.txt.
#   ANSIBLE_PLAYBOOK=/path/to/ansible-playbook ANSIBLE_PYTHON=/path/to/python ./record.sh
set -u
cd "$(dirname "$0")" || exit 1
target=$(mktemp -d) || exit 1
ANSIBLE_NOCOLOR=1 ANSIBLE_NOCOWS=1 "${ANSIBLE_PLAYBOOK:-ansible-playbook}" \
    -i localhost, -c local -e "ansible_python_interpreter=${ANSIBLE_PYTHON:-python3}" \
    -e "d=$target" --diff playbook.yml 2>/dev/null |
    sed -e "s|$target|TARGET|g" -e "s|$PWD/playbook.yml|PLAYBOOK|g" > expected.txt
rm -r "$target"
