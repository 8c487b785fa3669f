#!/bin/sh
# supervise.sh RECORD COMMAND [ARGUMENT...]: runs COMMAND as a child and keeps beside RECORD what a later
# tool must know, also if the tool that started it was killed meanwhile:
#   RECORD.pid   the child's process id and what tells it from a later process with the same id
#   RECORD.exit  the child's exit status as a shell counts it (128 + signal), once it has ended
set -u
# What the process writes is for its owner alone.
umask 077
record=$1
shift

# The same string as tools/lib/processIdentity.ts makes.
identity() {
  if [ -r "/proc/$1/stat" ]; then
    boot=$(cat /proc/sys/kernel/random/boot_id)
    stat=$(cat "/proc/$1/stat")
    # Field 2 may hold spaces and parentheses; after its last ")" field 3 comes first, so 22 is the 20th.
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    echo "$boot:${20}"
  else
    # shellcheck disable=SC2046
    echo $(LC_ALL=C TZ=UTC ps -o lstart= -p "$1")
  fi
}

rm -f "$record.exit"
"$@" &
child=$!
echo "$child $(identity "$child")" >"$record.pid.partial"
mv "$record.pid.partial" "$record.pid"
wait "$child"
status=$?
echo "$status" >"$record.exit.partial"
mv "$record.exit.partial" "$record.exit"
