#!/usr/bin/env bash
# How long a process takes from its start to the first answer, and an import from its start to its end.
#
#   bench/cold.sh N [pdq|phash|four] [RADIUS] [FOLDER]
#
# It makes a list of N random references, imports it into the folder (a temporary one; one that is there
# is used as it is) and asks for the neighbours of one of them by `touchstone match --hash`, five times each:
#   warm      the folder's pages are in the page cache
#   evicted   the database's are not; the program's own are
#   dropped   nothing is, not even the program (as root only)
set -euo pipefail
n=${1:?how many references}
kind=${2:-pdq}
case $kind in
pdq) bytes=32 header=external_id,pdq cells='$0' radius=31 ;;
phash) bytes=8 header=external_id,phash cells='$0' radius=4 ;;
four) bytes=56 header=external_id,pdq,phash,dhash,ahash radius=31
	cells='substr($0,1,64) "," substr($0,65,16) "," substr($0,81,16) "," substr($0,97,16)' ;;
*) echo "kind $kind is none of pdq, phash, four" >&2; exit 2 ;;
esac
radius=${3:-$radius}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
folder=${4:-$work/data}
cd "$(dirname "$0")/.."
go build -trimpath -o "$work/touchstone" ./cmd/touchstone

if [ ! -e "$folder/touchstone.db" ]; then
	{ echo "$header"; od -An -vtx1 -w$bytes -N $((bytes * n)) /dev/urandom | tr -d ' ' | awk "{print \"ref-\" NR \",\" $cells}"; } >"$work/list.csv"
	echo "import of $n references ($kind), from the start of the process to its end:"
	( time "$work/touchstone" import --data "$folder" --collection bench --purpose brand "$work/list.csv" ) 2>&1 | grep -v '^$'
fi
hash=$("$work/touchstone" references show --data "$folder" --json $((n / 2 + 2)) | grep -o '"hashes":{"[a-z]*":"[0-9a-f]*' | grep -o '[0-9a-f]*$')
size=$(stat -c %s "$folder/touchstone.db")
echo "first answer, $n references ($kind), radius $radius, $((size >> 20)) MiB of database, seconds of wall time:"
evict() { dd of="$folder/touchstone.db" oflag=nocache conv=notrunc,fdatasync count=0 status=none; }
ask() { # NAME, what to do before
	local times=""
	for _ in 1 2 3 4 5; do
		$2
		times+=" $( { TIMEFORMAT=%R; time "$work/touchstone" match --data "$folder" --radius "$radius" --hash "$hash" >"$work/out"; } 2>&1 )"
		grep -q "match .* 0$" "$work/out" || { cat "$work/out"; echo "wrong answer"; exit 1; }
	done
	echo "  $1:$times"
}
drop() { sync; echo 3 >/proc/sys/vm/drop_caches; }
ask warm true
ask evicted evict
if [ -w /proc/sys/vm/drop_caches ]; then ask dropped drop; fi
