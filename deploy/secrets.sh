#!/bin/sh
# Makes the secrets of docker-compose.yml, each a file of deploy/secrets/, where they are missing: random, never a default
# and never in an environment. What is there stays, so a secret of your own is put there before. The folder is its
# owner's alone; the files in it are readable, since containers read them as users of their own.
set -eu

folder=${1:-$(dirname "$0")/secrets}
umask 077
mkdir -p "$folder"
chmod 0700 "$folder"

random_hex() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }

# make FILE: what comes in, unless the file is there.
make() {
  [ -s "$folder/$1" ] && return
  cat >"$folder/$1.new"
  chmod 0444 "$folder/$1.new"
  mv "$folder/$1.new" "$folder/$1"
  echo "made $folder/$1"
}

read_secret() { cat "$folder/$1"; }

random_hex 32 | make admin_token
random_hex 32 | make redis_password
random_hex 32 | make rabbitmq_password
random_hex 10 | make s3_access_key
random_hex 32 | make s3_secret_key
random_hex 32 | make webhook_secret
random_hex 16 | make grafana_password
# The same passwords as those who take no plain file want them.
printf 'redis://:%s@redis:6379/0' "$(read_secret redis_password)" | make redis_url
printf 'requirepass %s\n' "$(read_secret redis_password)" | make redis.conf
printf 'default_user = tidegate\ndefault_pass = %s\n' "$(read_secret rabbitmq_password)" | make rabbitmq.conf
