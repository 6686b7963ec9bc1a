#!/bin/sh
# Installs what Tidegate is built with on Debian 12: deps.sh [--check | --list] GROUP…, the groups being build, test, lint,
# fuzz, bench and fresh. It installs only what is missing, and prints nothing when nothing is. --check installs nothing and
# fails instead; --list prints the packages.
set -eu

build="build-essential cmake ninja-build ccache pkg-config git libuv1-dev node-llhttp libyaml-cpp-dev libhiredis-dev
librabbitmq-dev prometheus-cpp-dev doctest-dev nlohmann-json3-dev libfmt-dev libcli11-dev libssl-dev libsqlite3-dev libvips-dev
libcurl4-openssl-dev fonts-dejavu-core curl python3"
# The real servers that the tests start and stop themselves.
test="redis-server rabbitmq-server amqp-tools prometheus python3-pip chromium chromium-driver
python3-selenium python3-websockets openssl"
lint="clang-format-14 clang-tidy-14"
fuzz="clang-14 libclang-rt-14-dev"
bench="haproxy nginx-light"
fresh="debootstrap"

check=no
list=no
wanted=
for argument in "${@:-build}"; do
  case $argument in
    --check) check=yes ;;
    --list) list=yes ;;
    build) wanted="$wanted $build" ;;
    test) wanted="$wanted $test" ;;
    lint) wanted="$wanted $lint" ;;
    fuzz) wanted="$wanted $fuzz" ;;
    bench) wanted="$wanted $bench" ;;
    fresh) wanted="$wanted $fresh" ;;
    *) echo "deps.sh: $argument is none of build, test, lint, fuzz, bench, fresh" >&2; exit 2 ;;
  esac
done

if [ $list = yes ]; then
  echo $wanted
  exit 0
fi
if ! command -v dpkg-query >/dev/null; then
  [ $check = yes ] && exit 0  # elsewhere the names differ; what is missing will say so itself
  echo "deps.sh: this system has no apt. Install the equivalents of:" $wanted >&2
  exit 1
fi

missing=
installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' | sed -n 's/ installed$//p')
for package in $wanted; do
  echo "$installed" | grep -qxF "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ $check = yes ]; then
  echo "not installed:$missing (\`make deps-all\` installs everything)" >&2
  exit 1
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "deps.sh: neither root nor sudo. As root: apt-get install$missing" >&2
    exit 1
  fi
  as_root=sudo
fi
echo "installing:$missing"
# The lists of a fresh system are empty, those of an old one name what is gone: read them again only when needed.
# RUNLEVEL=1: the servers are for the tests, which start their own; none is started here.
install() { $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -qq -y --no-install-recommends $missing >/dev/null; }
install 2>/dev/null || { $as_root apt-get update -qq && install; }
