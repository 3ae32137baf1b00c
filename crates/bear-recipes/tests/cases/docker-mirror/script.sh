set +aex -f
unset nonce root lock_wait_seconds docker_version docker_server_version docker_packages docker_runtime docker_rivals docker_repository docker_suite docker_key_url docker_fingerprint docker_containerd docker_containerd_line
nonce=n0nce5678
root=''
lock_wait_seconds=1
docker_version='5:28.5.2-1~ubuntu.22.04~jammy'
docker_server_version='28.5.2'
docker_packages='docker-ce docker-ce-cli'
docker_runtime='containerd.io'
docker_rivals='docker.io podman-docker'
docker_repository='https://mirror.example/docker'
docker_suite='stable'
docker_key_url='https://mirror.example/key.asc'
docker_fingerprint='0123456789ABCDEF0123456789ABCDEF01234567'
docker_containerd='1.7.27-1'
docker_containerd_line=''

# …

main() {
    exec 3>&1 </dev/null
    printf '\nbear:%s begin 1 %s\n' "$nonce" $$ >&3
    begin_work
    block docker.tools check_docker_tools apply_docker_tools
    block docker.rivals check_docker_rivals apply_docker_rivals
    block docker.source check_docker_source apply_docker_source
    block docker.packages check_docker_packages apply_docker_packages
    block docker.running check_docker_running apply_docker_running
    end_work
    say end ok
}

main; exit
