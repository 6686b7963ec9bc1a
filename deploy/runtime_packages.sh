#!/bin/sh
# Names the packages whose shared libraries a program is linked with, the C library left out: runtime_packages.sh PROGRAM.
# What those packages need in turn is for apt to know. So an image gets what its program needs on this release, no more.
set -eu

owners=
for library in $(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
  case $library in
    libc.so.* | libm.so.* | ld-linux*) continue ;;
  esac
  owner=$(dpkg-query -S "*/$library" 2>/dev/null | sed -n '1s/:.*//p')
  [ -n "$owner" ] || { echo "runtime_packages.sh: no package has $library" >&2; exit 1; }
  owners="$owners$owner
"
done
printf %s "$owners" | sort -u
