#!/usr/bin/env bash
# Configuration, which is the operator's once it is there: a file that was edited, or deleted, is left as it is, and the new one is put
# beside it as *.new, and said. How that is known: by the checksum of what was installed last, as dpkg does it for conffiles.
. "$(dirname "$0")/layout.sh"
list=$DESTDIR$installed_list
sum() { sha256sum <"$1" | cut -d ' ' -f 1; }
before() { [ -f "$list" ] && awk -v place="$1" '$2 == place {print $1}' "$list" || true; }

install_one() { # FILE PLACE
  local new=$source_dir/$1 here=$DESTDIR$2 mode=644 was
  [ -x "$new" ] && mode=755
  was=$(before "$2")
  if [ -e "$here" ] && [ "$(sum "$here")" = "$(sum "$new")" ]; then
    rm -f "$here.new"
  elif [ -e "$here" ] && [ "$(sum "$here")" = "$was" ]; then
    put $mode "$1" "$2"
  elif [ -e "$here" ]; then
    put $mode "$1" "$2.new"
    say "$2 was edited and stays as it is; the new one is $2.new"
  elif [ -n "$was" ]; then
    [ "$was" = "$(sum "$new")" ] || { put $mode "$1" "$2.new"; say "$2 was deleted and stays so; the new one is $2.new"; }
  else
    put $mode "$1" "$2"
  fi
  echo "$(sum "$new") $2" >&3
}

mkdir -p "$(dirname "$list")"
while read -r file place; do
  install_one "$file" "$place"
done < <(configuration_files) 3>"$list.next"
mv "$list.next" "$list"
