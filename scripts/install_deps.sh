#!/usr/bin/env bash
# Installs, on Debian 12, the packages that weft needs and that are not there yet.
#
#   scripts/install_deps.sh           to build and run
#   scripts/install_deps.sh --test    also for everything that scripts/test.sh does
#
# Does nothing, and needs no rights, where nothing is missing.
set -euo pipefail

build_packages=(
  g++ cmake ninja-build ccache git python3
  libboost1.81-dev libboost-container1.81-dev libboost-serialization1.81-dev
  doctest-dev libcli11-dev liblmdb-dev libzstd-dev libxxhash-dev zlib1g-dev
  capnproto libcapnp-dev libspdlog-dev
)
test_packages=(
  clang clang-format libclang-rt-14-dev
  clang-19 lld-19 libc++-19-dev-wasm32 libc++abi-19-dev-wasm32 wasi-libc libclang-rt-19-dev-wasm32
  libsqlite3-dev librocksdb-dev  # stand beside weft's store in weft-bench
)
if [[ ${WEFT_TIDY:-0} == 1 ]]; then
  test_packages+=(clang-tidy)
fi

wanted=("${build_packages[@]}")
case "${1:-}" in
  '') ;;
  --test) wanted+=("${test_packages[@]}") ;;
  *)
    echo "usage: $0 [--test]" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null; then
  echo "install_deps: this is no Debian (dpkg-query is missing)." >&2
  echo "install_deps: install by hand what these packages hold: ${wanted[*]}" >&2
  exit 1
fi

missing=()
for package in "${wanted[@]}"; do
  status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
  [[ $status == 'install ok installed' ]] || missing+=("$package")
done
if [[ ${#missing[@]} -eq 0 ]]; then
  exit 0
fi

if [[ $EUID -ne 0 ]]; then
  echo "install_deps: these packages are missing and installing them needs root:" >&2
  echo "  apt-get install ${missing[*]}" >&2
  exit 1
fi
echo "install_deps: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -q -y --no-install-recommends "${missing[@]}"
