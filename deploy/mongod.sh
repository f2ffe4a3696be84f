#!/bin/sh
# Starts mongod with authentication: compose gives the key of the replica set in the environment, mongod reads a file.
# Neither key nor password stands on a command line, where every process of the machine could read it.
set -eu
umask 077
key_file=${MONGO_KEY_FILE:-/tmp/mongo.key}
printf '%s' "${MONGO_REPLICA_KEY:?set it in .env: deploy/generate-env does}" >"$key_file"
unset MONGO_REPLICA_KEY
exec mongod --auth --keyFile "$key_file" "$@"
