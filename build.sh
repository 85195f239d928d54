#!/bin/bash
# Installs what is missing on a Debian host, then runs a target of build.cake; ./build.sh --help lists the targets.
set -euo pipefail
cd "$(dirname "$0")"

# To build the program (NativeAOT links with clang) and images.
build_packages=(clang zlib1g-dev mmdebstrap xorriso mtools dosfstools squashfs-tools e2fsprogs kmod cpio zstd fdisk busybox-static curl openssl)
# To run the lab: machines, firmware, SAN, network.
lab_packages=(qemu-system-x86 qemu-utils ovmf tgt iproute2 openssh-client)
# Peers that the tests talk to.
test_packages=(dnsmasq-base atftp tftp-hpa kea-admin isc-dhcp-client tcpdump)

fail() { echo "build.sh: $*" >&2; exit 1; }

install_missing() {
    command -v dpkg-query >/dev/null || fail "this is no Debian host; install by hand: ${build_packages[*]} ${lab_packages[*]} ${test_packages[*]}"
    local package missing=()
    for package in "${build_packages[@]}" "${lab_packages[@]}" "${test_packages[@]}"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "installing: ${missing[*]}" >&2
    local root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "run as root, or as root: apt-get install ${missing[*]}"
        root=(sudo)
    fi
    # Installed daemons (tgt) must not start by themselves: the lab starts its own (Debian Policy, section 9.3.3.1).
    local policy=/usr/sbin/policy-rc.d own_policy=
    if [ ! -e $policy ]; then
        own_policy=1
        printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee $policy >/dev/null
        "${root[@]}" chmod 755 $policy
    fi
    "${root[@]}" apt-get -q update >&2 || true
    local result=0
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${missing[@]}" </dev/null >&2 || result=$?
    [ -z "$own_policy" ] || "${root[@]}" rm -f $policy
    [ $result -eq 0 ] || fail "apt-get could not install: ${missing[*]}"
}

find_dotnet() {
    local folder
    for folder in "" "${DOTNET_ROOT:-/usr/share/dotnet}" "${HOME:-/root}/.dotnet" /usr/lib/dotnet; do
        if PATH="${folder:+$folder:}$PATH" dotnet --list-sdks 2>/dev/null | grep -q '^10\.'; then
            PATH="${folder:+$folder:}$PATH"
            return
        fi
    done
    fail "the .NET SDK 10 is missing; install it as https://learn.microsoft.com/dotnet/core/install/linux-debian says"
}

export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
# Cake keeps what it writes out of the tree; a compiled script starts faster the next time.
export CAKE_PATHS_TOOLS=artifacts/cake/tools CAKE_PATHS_CACHE=artifacts/cake/cache CAKE_SETTINGS_ENABLESCRIPTCACHE=true

arguments=("$@")
case "${1:-}" in
    -h | --help) arguments=(--description) ;;
    *) install_missing ;;
esac
find_dotnet
dotnet tool restore >/dev/null || dotnet tool restore >&2
exec dotnet cake build.cake "${arguments[@]}" </dev/null
