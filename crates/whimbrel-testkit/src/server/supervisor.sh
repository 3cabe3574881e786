# Starts a server, and ends it and removes its folder when whoever uses it is gone.
# PID START: the process whose end is the server's, or `owner` and nothing: the end of standard input is.
user=$1 user_start=$2 folder=$3 end=$4 prepare=$5 server_words=$6
shift 6
server=

# Sets $pids to the server and its children.
family() {
  pids=$server
  for stat in /proc/[0-9]*/stat; do
    line=
    { read -r line <"$stat"; } 2>/dev/null
    rest=${line##*) }
    rest=${rest#* }
    if [ "${rest%% *}" = "$server" ]; then
      stat=${stat#/proc/}
      pids="$pids ${stat%/stat}"
    fi
  done
}

# Waits until these processes have let go of everything: those that were killed while at something take their time.
wait_for_death() {
  for pid in "$@"; do
    tries=0
    while [ $tries -lt 500 ]; do
      line=
      { read -r line <"/proc/$pid/stat"; } 2>/dev/null
      case ${line##*) } in
        '' | Z* | X*) break ;;
      esac
      tries=$((tries + 1))
      sleep 0.01
    done
  done
}

start_server() {
  eval "exec $server_words" </dev/null >>"$folder/log" 2>&1 &
  server=$!
  echo "$server" >"$folder/pid.new"
  mv "$folder/pid.new" "$folder/pid"
}

# Ends the server by the signal $1; a stubborn one dies after ten seconds.
end_server() {
  [ -n "$server" ] || return 0
  # One that is to be killed makes no more children while they are looked for.
  [ "$1" = KILL ] && kill -STOP "$server" 2>/dev/null
  family
  if [ "$1" = KILL ]; then
    # The children too, and at once: so a machine fails.
    kill -KILL $pids 2>/dev/null
    wait "$server"
    wait_for_death $pids
  else
    kill -"$1" "$server" 2>/dev/null
    (
      trap 'kill $! 2>/dev/null; exit' TERM
      sleep 10 &
      wait $!
      kill -KILL $pids
    ) >/dev/null 2>&1 &
    killer=$!
    wait "$server"
    kill -TERM "$killer" 2>/dev/null
  fi
  server=
  rm -f "$folder/pid"
}

finish() {
  trap '' EXIT TERM INT HUP
  end_server "$end"
  # PostgreSQL's piece of shared memory outlives one that was killed; its file says which it was.
  if [ -r "$folder/data/postmaster.pid" ]; then
    line=$(sed -n 7p "$folder/data/postmaster.pid")
    ipcrm -m "${line##* }" 2>/dev/null
  fi
  rm -rf "$folder"
  for beside in "$@"; do rm -f "$beside"; done
  # The run's own folder goes with the last server in it.
  case ${folder%/*} in
    */whimbrel-*)
      run=${folder%/*}
      [ "$user" = owner ] || rm -rf "${TMPDIR:-/tmp}/${run##*/}.used"
      rmdir "$run" 2>/dev/null
      ;;
  esac
  exit 0
}

# Whether the process is still there, and is still the same one.
user_is_there() {
  if [ "$user_start" = 0 ]; then
    kill -0 "$user" 2>/dev/null
    return
  fi
  line=
  { read -r line <"/proc/$user/stat"; } 2>/dev/null
  rest=${line##*) }
  case $rest in
    '' | Z* | X*) return 1 ;;
  esac
  # From the third field on, the time of start is the twentieth.
  field=0
  for word in $rest; do
    field=$((field + 1))
    [ $field -lt 20 ] || break
  done
  [ "$word" = "$user_start" ]
}

trap 'finish "$@"' TERM
trap : INT HUP
trap 'finish "$@"' EXIT

if ! eval "${prepare:-:}" </dev/null >>"$folder/log" 2>&1; then
  : >"$folder/unprepared"
else
  start_server
fi

if [ "$user" = owner ]; then
  while read -r word signal; do
    case $word in
      start) [ -n "$server" ] || start_server ;;
      end) end_server "$signal" ;;
    esac
  done
else
  while user_is_there; do
    sleep 0.5 &
    wait $!
  done
fi
