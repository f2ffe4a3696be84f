#!/bin/sh
# Starts mongod with authentication: compose passes the replica set's key in the environment, mongod needs it in a file.
# No key or password is on a command line, where every process of the machine could read it.
set -eu
umask 077
key_file=${MONGO_KEY_FILE:-/tmp/mongo.key}
printf '%s' "${MONGO_REPLICA_KEY:?set it in .env: deploy/generate-env does}" >"$key_file"
unset MONGO_REPLICA_KEY
exec mongod --auth --keyFile "$key_file" "$@"
