# everywhere.sh PORT [OPTION ...]: the work on every host at once, each through one `ssh` with these options.
port=$1
shift
processes=
for host in $(cat hosts); do
    ssh -F ssh_config "$@" "$host" sudo sh -s "$port" <work.sh &
    processes="$processes $!"
done
status=0
for process in $processes; do
    wait "$process" || status=1
done
exit $status
