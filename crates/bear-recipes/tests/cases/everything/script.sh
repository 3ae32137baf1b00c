set +aex -f
unset nonce root lock_wait_seconds host_owner host_now docker_version docker_server_version docker_packages docker_runtime docker_rivals docker_repository docker_suite docker_key_url docker_fingerprint docker_containerd docker_containerd_line image_reference image_file emqx_node emqx_version emqx_settings emqx_digest emqx_publish emqx_listeners emqx_api emqx_change_method emqx_sysctl emqx_keys emqx_first_boot emqx_password
nonce=n0nce5678
root=''
lock_wait_seconds=1
host_owner='plant 5f3c'
host_now='1780000000'
docker_version='5:20.10.13~3-0~ubuntu-jammy'
docker_server_version='20.10.13'
docker_packages='docker-ce docker-ce-cli'
docker_runtime='containerd.io'
docker_rivals='docker.io podman-docker'
docker_repository=''
docker_suite=''
docker_key_url=''
docker_fingerprint='9DC858229FC7DD38854AE2D88D81803C0EBFCD88'
docker_containerd=''
docker_containerd_line='1\.'
image_reference='emqx/emqx:5.0.9'
image_file=''
emqx_node='emqx@10.0.0.5'
emqx_version='5.0.9'
emqx_settings='# Written by bear; changes made here are undone by its next apply.
# Image emqx/emqx:5.0.9
# Port 1883:1883
# Port 8883:8883
# Port 8083:8083
# Port 8084:8084
# Port 0.0.0.0:18083:18083
EMQX_NODE_NAME='\''emqx@10.0.0.5'\''
EMQX_LOG__CONSOLE_HANDLER__ENABLE='\''true'\''
EMQX_LISTENERS__TCP__DEFAULT__ENABLED='\''true'\''
EMQX_LISTENERS__SSL__DEFAULT__ENABLED='\''true'\''
EMQX_LISTENERS__WS__DEFAULT__ENABLED='\''true'\''
EMQX_LISTENERS__WSS__DEFAULT__ENABLED='\''true'\''
'
emqx_digest='67aebcf9929262e8128f1e102588062015845438f6bc159657b0f5e4c7d9736d'
emqx_publish='1883:1883
8883:8883
8083:8083
8084:8084
0.0.0.0:18083:18083
'
emqx_listeners='tcp ssl ws wss'
emqx_api='127.0.0.1:18083'
emqx_change_method='PUT'
emqx_sysctl='# … emqx-sysctl.conf …
'
emqx_keys='EMQX_NODE__COOKIE='\''c00kie'\''
'
emqx_first_boot='EMQX_DASHBOARD__DEFAULT_PASSWORD='\''"Bear_first1"'\''
'
emqx_password='"Bear_first1"'

# … prelude.sh …

# … host.sh …

# … apt.sh …

# … docker.sh …

# … container.sh …

# … emqx.sh …

main() {
    exec 3>&1 </dev/null
    printf '\n' >&3
    say begin 1 $$
    open
    block host.system host_system
    block host.first-boot host_first_boot
    block host.clock host_clock
    block host.owner host_owner
    block docker.tools docker_tools
    block docker.rivals docker_rivals
    block docker.source docker_source
    block docker.packages docker_packages
    block docker.running docker_running
    block emqx.tools emqx_tools
    block emqx.host-limits emqx_host_limits
    block emqx.image image
    block emqx.files emqx_files
    block emqx.container emqx_container
    block emqx.password emqx_password
    block emqx.ready emqx_ready
    say end ok
}

main; exit
