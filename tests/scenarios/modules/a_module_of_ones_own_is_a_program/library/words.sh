#!/bin/sh
# takes `key=value`
. "$1"
printf 'noise\n{"changed": %s, "said": "%s", "looks": "%s", "stdout": "a\\nb"}\n' "$(echo ${change:-false} | tr TF tf)" "$say" "$_ansible_check_mode"
