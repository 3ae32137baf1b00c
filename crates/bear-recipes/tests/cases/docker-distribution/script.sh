set +aex -f
unset nonce root lock_wait_seconds docker_version docker_server_version docker_packages docker_runtime docker_rivals docker_repository docker_suite docker_key_url docker_fingerprint docker_containerd docker_containerd_line
nonce=n0nce5678
root=''
lock_wait_seconds=1
docker_version='20.10.24+dfsg1-1+deb12u1+b6'
docker_server_version='20.10.24'
docker_packages='docker.io'
docker_runtime='containerd'
docker_rivals='docker-ce podman-docker'
docker_repository=''
docker_suite=''
docker_key_url=''
docker_fingerprint='9DC858229FC7DD38854AE2D88D81803C0EBFCD88'
docker_containerd=''
docker_containerd_line='1\.'

# …

main() {
    exec 3>&1 </dev/null
    printf '\nbear:%s begin 1 %s\n' "$nonce" $$ >&3
    begin_work
    block docker.rivals check_docker_rivals apply_docker_rivals
    block docker.packages check_docker_packages apply_docker_packages
    block docker.running check_docker_running apply_docker_running
    end_work
    say end ok
}

main; exit
