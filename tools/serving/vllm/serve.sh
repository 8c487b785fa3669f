#!/bin/sh
# serve.sh COMMAND [ARGUMENT...]: runs vLLM's server, and ends all that it has started once it has ended itself.
# Its engine and worker go on, with their memory, when the server is killed.
set -u
# A session of its own, so that its processes can be ended together and this one stays.
setsid "$@" &
server=$!
trap 'kill -s TERM "$server" 2>/dev/null' TERM INT
wait "$server"
status=$?
# A signal ends the wait, not the server.
while kill -0 "$server" 2>/dev/null; do
  wait "$server"
  status=$?
done
kill -s KILL -- "-$server" 2>/dev/null
exit "$status"
