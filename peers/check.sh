# What a script of checks needs, for a shell script that sources this file with
# the directory for its files in dir. Each check prints one line; failed counts
# those that did not go as they should.
failed=0

# result PEER WHAT OK DETAIL prints a check's line.
result() {
	local word=ok
	[ "$3" = yes ] || { word=FAILED failed=$((failed + 1)); }
	printf '%-6s %-14s %s: %s\n' "$word" "$1" "$2" "$4"
}

# cannot PEER WHAT WHY: said plainly, and no failure.
cannot() { printf '%-6s %-14s %s: %s\n' cannot "$1" "$2" "$3"; }

# prints PEER WHAT PATTERN COMMAND...: it succeeds, and its output matches.
prints() {
	local peer=$1 what=$2 pattern=$3 out ok=no
	shift 3
	if out=$("$@" 2>&1) && grep -qE -- "$pattern" <<<"$out"; then
		ok=yes out=$(grep -oE -m1 -- "$pattern" <<<"$out" | head -1 | tail -c 70)
	fi
	result "$peer" "$what" $ok "$(tail -c 1000 <<<"$out")"
}

# refuses PEER WHAT STATUS PATTERN COMMAND...: it ends with this exit status, and
# its output says why.
refuses() {
	local peer=$1 what=$2 want=$3 pattern=$4 out status=0 ok=no
	shift 4
	out=$("$@" 2>&1) || status=$?
	if [ $status = "$want" ] && grep -qiE -- "$pattern" <<<"$out"; then
		ok=yes out="refused: $(grep -oiE -m1 -- "$pattern" <<<"$out" | head -1)"
	fi
	result "$peer" "$what" $ok "$(tail -c 1000 <<<"$out")"
}

# occurs PEER WHAT TIMES PATTERN FILE SINCE: how often a log's lines after the
# first SINCE match.
occurs() {
	local times
	times=$(tail -n +$(($6 + 1)) "$5" | grep -cE -- "$4" || :)
	if [ "$times" = "$3" ]; then
		result "$1" "$2" yes "$times"
	else
		result "$1" "$2" no "$times times, not $3, in its log: $4"
	fi
}

lines() { wc -l <"$1"; }

started=()

# start NAME COMMAND...: runs it until stop_started. Its output goes to
# DIR/NAME.log, the first line of it is put into the variable NAME.
start() {
	local name=$1 line=
	shift
	: >"$dir/$name.log"
	"$@" >"$dir/$name.log" 2>&1 &
	started+=($!)
	for _ in $(seq 100); do
		read -r line <"$dir/$name.log" && break
		kill -0 $! 2>/dev/null || break
		sleep 0.1
	done
	case $line in
	http*) printf -v "$name" '%s' "$line" ;;
	*)
		echo "$* does not listen:" >&2
		cat "$dir/$name.log" >&2
		return 1
		;;
	esac
}

stop_started() {
	local pid
	for pid in "${started[@]}"; do
		kill "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	started=()
}
