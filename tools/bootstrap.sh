#!/bin/sh
# Gets what everything else here runs on: Node 24 or newer, and node_modules as package-lock.json says.
# Prints progress on standard error and, as the only line on standard output, the folder of the Node to put
# first on PATH. Does nothing, in some milliseconds, when all is there. Needs no root. May be killed, and run
# twice at once: a Node is unpacked aside and moved into place whole, and npm runs under a lock.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
lock=$root/tools/toolchain/lock.json

say() { printf '%s\n' "bootstrap: $*" >&2; }
fail() { say "$*"; exit 1; }

case $root in
*[\"\\]*) fail "Node and Pulumi cannot work in a folder with a quotation mark or a backslash in its path; move $root" ;;
esac
[ -n "${MLOPS_CACHE:-}${XDG_CACHE_HOME:-}${HOME:-}" ] ||
  fail "HOME is not set; set it, or name a folder for downloads and builds with MLOPS_CACHE"
# The same rule as cacheDir() in tools/lib/paths.ts.
cache=${MLOPS_CACHE:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/mlops-platform}

# The "node" block of the lock has one key on a line, indented by its depth; a test holds it to that.
# pin KEY: the value of a key of the block. pin_in SECTION KEY: that of a key one level deeper.
node_block() { sed -n '/^  "node": {/,/^  }/p' "$lock"; }
pin() { node_block | sed -n "s/^    \"$1\": \"\([^\"]*\)\".*/\1/p"; }
pin_in() { node_block | sed -n "/^    \"$1\": {/,/^    }/s/^      \"$2\": \"\([^\"]*\)\".*/\1/p"; }

major_of() { "$1" --version 2>/dev/null | sed -n 's/^v\([0-9]*\)\..*/\1/p'; }

is_new_enough() {
  major=$(major_of "$1")
  [ -n "$major" ] && [ "$major" -ge 24 ]
}

# sum BITS FILE: its SHA-2 in hexadecimal; GNU systems have sha256sum, macOS has shasum.
sum() {
  if command -v "sha$1sum" >/dev/null 2>&1; then "sha$1sum" "$2"; else shasum -a "$1" "$2"; fi | cut -d' ' -f1
}

# check NAME EXPECTED ACTUAL
check() {
  [ "$2" = "$3" ] || fail "wrong checksum of $1; it was not used.
  expected $2
  actual   $3
  Try another network. If it stays wrong, do not change tools/toolchain/lock.json before you know why."
}

# Each way leaves the Node in $work/node/bin/node and returns 0, or says why it cannot and returns 1.

from_npm() {
  package=node-$npm_platform
  expected=$(pin_in npm "$package")
  [ -n "$expected" ] || { say "npm has no package of Node $version for $npm_platform"; return 1; }
  command -v npm >/dev/null 2>&1 || { say "no npm on PATH"; return 1; }
  say "getting Node $version from the npm package $package"
  (cd "$work" && npm pack --silent "$package@$version" >/dev/null) || { say "npm pack failed"; return 1; }
  check "$package@$version" "$expected" "$(sum 512 "$work/$package-$version.tgz")"
  tar -xzf "$work/$package-$version.tgz" -C "$work" && mv "$work/package" "$work/node"
}

from_release() {
  url=$(pin url | sed -e "s/{version}/$version/g" -e "s/{os}/$os/g" -e "s/{nodeArch}/$node_arch/g")
  say "getting Node $version from $url"
  if command -v curl >/dev/null 2>&1; then
    curl -fsSL --proto '=https' --connect-timeout 10 -o "$work/node.tar.gz" "$url" || return 1
  elif command -v wget >/dev/null 2>&1; then
    wget -q --timeout=20 --tries=2 -O "$work/node.tar.gz" "$url" || return 1
  else
    say "neither curl nor wget is installed"
    return 1
  fi
  expected=$(pin_in sha256 "$os-$arch")
  if [ "$expected" = unverified ]; then
    say "the lock has no checksum for this download; accepted unverified"
  else
    check "$url" "$expected" "$(sum 256 "$work/node.tar.gz")"
  fi
  tar -xzf "$work/node.tar.gz" -C "$work" && mv "$work/node-v$version-$os-$node_arch" "$work/node"
}

install_node() {
  case $(uname -s) in Linux) os=linux ;; Darwin) os=darwin ;; *) fail "$(uname -s) is not supported; use WSL" ;; esac
  case $(uname -m) in
    x86_64 | amd64) arch=amd64 node_arch=x64 ;;
    aarch64 | arm64) arch=arm64 node_arch=arm64 ;;
    *) fail "no Node $version for $(uname -m)" ;;
  esac
  npm_platform=$os-$node_arch
  mkdir -p "$cache/node" ||
    fail "the cache cannot be made in $cache; name another folder for downloads and builds with MLOPS_CACHE"
  # Left by runs that were killed; a day, so that none that still works is hit.
  find "$cache/node" -maxdepth 1 -name '.partial-*' -mtime +0 -exec rm -rf {} +
  work=$(mktemp -d "$cache/node/.partial-XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM
  from_npm || from_release ||
    fail "no Node $version could be had. Install Node 24 or newer (nodejs.org) and run this again."
  is_new_enough "$work/node/bin/node" || fail "the Node $version that was fetched does not run on this machine"
  # Whoever comes second finds a whole Node in place and throws its own away.
  [ -d "$cache/node/$version" ] || mv "$work/node" "$cache/node/$version" 2>/dev/null || [ -d "$cache/node/$version" ]
  rm -rf "$work"
  trap - EXIT HUP INT TERM
}

version=$(pin version)
[ -n "$version" ] || fail "no Node version in $lock; restore it with git"
own=$cache/node/$version/bin
if node=$(command -v node) && is_new_enough "$node"; then
  bin=$(dirname -- "$node")
else
  [ -x "$own/node" ] || install_node
  bin=$own
fi

if ! cmp -s "$root/package-lock.json" "$root/node_modules/.mlops-package-lock.json"; then
  "$bin/node" "$root/tools/toolchain/nodeModules.ts"
fi
printf '%s\n' "$bin"
