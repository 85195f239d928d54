#!/bin/bash
# Installs what is missing on a Debian host, then runs a target of build.cake; ./build.sh --help lists the targets.
set -euo pipefail
cd "$(dirname "$0")"

# To build the program (NativeAOT links with clang) and images.
build_packages=(clang zlib1g-dev mmdebstrap debian-archive-keyring dnf rpm gpg xorriso mtools dosfstools squashfs-tools e2fsprogs cryptsetup-bin kmod cpio zstd fdisk busybox-static curl openssl)
# To run the lab: machines, firmware, SAN, network.
lab_packages=(qemu-system-x86 qemu-utils seabios ipxe-qemu ovmf tgt iproute2 openssh-client)
# Peers that the tests talk to.
test_packages=(createrepo-c gpg-agent lvm2 strace thin-provisioning-tools libiscsi-bin open-iscsi sg3-utils dnsmasq-base atftp tftp-hpa kea-admin isc-dhcp-client isc-dhcp-relay dhcpcd-base systemd tcpdump)
# What --target=Fuzz and --target=Bench need besides.
case "$*" in
    *target=Fuzz*) test_packages+=(afl++) ;;
    *target=Bench*) test_packages+=(kea-dhcp4-server nginx-light tftpd-hpa apache2-utils fio bonnie++) ;;
esac

fail() { echo "build.sh: $*" >&2; exit 1; }

# A shell of its own, so that its EXIT trap runs whatever happens.
install_missing() (
    command -v dpkg-query >/dev/null || fail "this is no Debian host; install by hand: ${build_packages[*]} ${lab_packages[*]} ${test_packages[*]}"
    missing=() as_root=()
    for package in "${build_packages[@]}" "${lab_packages[@]}" "${test_packages[@]}"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "installing: ${missing[*]}" >&2
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "run as root, or as root: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    # Installed daemons (tgt) must not start by themselves: the lab starts its own (Debian Policy, section 9.3.3.1).
    # Left behind by no end of this script, but what was there before stays.
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        trap '"${as_root[@]}" rm -f /usr/sbin/policy-rc.d' EXIT
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee /usr/sbin/policy-rc.d >/dev/null
        "${as_root[@]}" chmod 755 /usr/sbin/policy-rc.d
    fi
    "${as_root[@]}" apt-get -q update >&2 || true
    result=0
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${missing[@]}" </dev/null >&2 || result=$?
    [ $result -eq 0 ] || fail "apt-get could not install: ${missing[*]}"
)

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

# The SDK runs without ICU, which a fresh host need not have.
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
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
