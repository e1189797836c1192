#!/usr/bin/env bash
# make deb: dist/error-recovery_VERSION_ARCH.deb, with the contents of make install. For hosts with the Python that it was built with.
#
# dpkg owns /opt/error-recovery/package; its postinst links that into a release of its own (the same files, no second copy on the disk) and
# puts it in force. So an upgrade takes nothing away from a daemon that runs, and the release before is there until the new one serves.
. "$(dirname "$0")/layout.sh"
. "$(dirname "$0")/python.sh"
command -v dpkg-deb >/dev/null || fail "dpkg-deb is needed"
choose_python
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$source_dir/pyproject.toml")
release=$version-$(date -u +%Y%m%d%H%M%S)
architecture=$(dpkg --print-architecture)
libc=$("$python" -c 'import os; print(os.confstr("CS_GNU_LIBC_VERSION").split()[1])')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree

PYTHON=$python DESTDIR=$work/built "$source_dir/install/program.sh" "$release"
mkdir -p "$tree$home" "$tree/DEBIAN"
mv "$work/built$home/releases/$release" "$tree$home/package"
DESTDIR=$tree "$source_dir/install/files.sh"
DESTDIR=$tree
while read -r file place; do
  put "$([ -x "$source_dir/$file" ] && echo 755 || echo 644)" "$file" "$place"
  echo "$place" >>"$tree/DEBIAN/conffiles"
done < <(configuration_files)

cat >"$tree/DEBIAN/control" <<END
Package: error-recovery
Version: $version
Architecture: $architecture
Maintainer: error-recovery <root@localhost>
Section: admin
Priority: optional
Installed-Size: $(du -sk "$tree" | cut -f 1)
Depends: ${python##*/}, libc6 (>= $libc), systemd (>= 249)
Recommends: polkitd | policykit-1
Description: recovery daemon for Linux hosts
 Faults go in over gRPC, the right recovery comes out, verified by probes,
 recorded and learned from. After the installation:
 systemctl enable --now error-recovery
END
cat >"$tree/DEBIAN/postinst" <<END
#!/bin/sh
set -e
[ "\$1" = configure ] || exit 0
mkdir -p $home/releases/$release
cp -al --remove-destination $home/package/. $home/releases/$release/
$home/releases/$release/share/error-recovery/activate $release
END
cat >"$tree/DEBIAN/prerm" <<END
#!/bin/sh
set -e
[ "\$1" = remove ] || exit 0
[ ! -d /var/lib/error-recovery-tune ] || $PREFIX/bin/error-cli tune --undo || true
if [ -d /run/systemd/system ]; then systemctl disable --now error-recovery.service || true; fi
# what process_restart started runs on, in scopes of its own
find /sys/fs/cgroup -type d -name 'error-recovery-*.scope' 2>/dev/null | grep -q . || loginctl disable-linger error-recovery || true
rm -rf $home/releases $home/current
rm -f /etc/systemd/system/error-recovery.service.d/restart-steps.conf /etc/systemd/system/error-recovery.service.d/kernel-log.conf
END
cat >"$tree/DEBIAN/postrm" <<END
#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
[ "\$1" = purge ] || exit 0
rm -rf /var/lib/error-recovery /var/log/framework /run/error-recovery
loginctl disable-linger error-recovery 2>/dev/null || true
END
chmod 755 "$tree"/DEBIAN/{postinst,prerm,postrm}
mkdir -p "$source_dir/dist" 2>/dev/null || true
package=${DIST:-$source_dir/dist}/error-recovery_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zgzip -z1 --build "$tree" "$package" >/dev/null
say "$package"
