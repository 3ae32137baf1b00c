set +aex -f
unset nonce root lock_wait_seconds owner_text owner_lineage owner_instance host_now host_ports docker_version docker_server_version docker_packages docker_runtime docker_rivals docker_repository docker_suite docker_key_url docker_fingerprint docker_containerd docker_containerd_line image_reference image_file tls_chain tls_authorities tls_key emqx_wanted_node emqx_version emqx_settings emqx_digest emqx_publish emqx_listeners emqx_api emqx_change_method emqx_sysctl emqx_keys emqx_first_boot emqx_password keep_data other_brokers
nonce=n0nce5678
root=''
lock_wait_seconds=1
owner_text='# Written by bear: this host is an instance of a fleet.
fleet plant
lineage 5f3c
instance plant-edge-1
token t0ken1
'
owner_lineage='5f3c'
owner_instance='plant-edge-1'
host_now='1780000000'
host_ports='1883 8083 18083 '
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
tls_chain=''
tls_authorities=''
tls_key=''
emqx_wanted_node='emqx@10.0.0.5'
emqx_version='5.0.9'
emqx_settings='# Written by bear; changes made here are undone by its next apply.
# Image emqx/emqx:5.0.9
# Port 1883:1883
# Port 8083:8083
# Port 127.0.0.1:18083:18083
EMQX_LOG__CONSOLE_HANDLER__ENABLE='\''true'\''
EMQX_LISTENERS__TCP__DEFAULT__ENABLED='\''true'\''
EMQX_LISTENERS__SSL__DEFAULT__ENABLED='\''false'\''
EMQX_LISTENERS__WS__DEFAULT__ENABLED='\''true'\''
EMQX_LISTENERS__WSS__DEFAULT__ENABLED='\''false'\''
'
emqx_digest='25a570a2fbf954cf7d423d10d128cc85d221bcf20597edbd06f5da361a15d0a2'
emqx_publish='1883:1883
8083:8083
127.0.0.1:18083:18083
'
emqx_listeners='tcp ws'
emqx_api='127.0.0.1:18083'
emqx_change_method='PUT'
emqx_sysctl='# Written by bear: what EMQX advises for many connections.
fs.file-max = 2097152
fs.nr_open = 2097152
net.core.somaxconn = 32768
net.core.netdev_max_backlog = 16384
net.core.rmem_default = 262144
net.core.wmem_default = 262144
net.core.rmem_max = 16777216
net.core.wmem_max = 16777216
net.core.optmem_max = 16777216
net.ipv4.tcp_max_syn_backlog = 16384
net.ipv4.tcp_rmem = 1024 4096 16777216
net.ipv4.tcp_wmem = 1024 4096 16777216
net.ipv4.tcp_max_tw_buckets = 1048576
net.ipv4.tcp_fin_timeout = 15
'
emqx_keys='EMQX_NODE__COOKIE='\''c00kie'\''
'
emqx_first_boot='EMQX_DASHBOARD__DEFAULT_PASSWORD='\''"Bear_first1"'\''
'
emqx_password='"Bear_first1"'
keep_data='yes'
other_brokers='mosquitto mosquitto-container'

# …

main() {
    exec 3>&1 </dev/null
    printf '\nbear:%s begin 1 %s\n' "$nonce" $$ >&3
    begin_work
    block host.system check_host_system apply_host_system
    block host.first-boot check_host_first_boot apply_host_first_boot
    block host.clock check_host_clock apply_host_clock
    block host.foreign check_host_foreign apply_host_foreign
    block host.owner check_host_owner apply_host_owner
    block docker.tools check_docker_tools apply_docker_tools
    block docker.rivals check_docker_rivals apply_docker_rivals
    block docker.source check_docker_source apply_docker_source
    block docker.packages check_docker_packages apply_docker_packages
    block docker.running check_docker_running apply_docker_running
    block broker.others check_other_brokers apply_other_brokers
    block emqx.tools check_emqx_tools apply_emqx_tools
    block emqx.host-limits check_emqx_host_limits apply_emqx_host_limits
    block emqx.image check_image apply_image
    block emqx.files check_emqx_files apply_emqx_files
    block emqx.container check_emqx_container apply_emqx_container
    block emqx.password check_emqx_password apply_emqx_password
    block emqx.ready check_emqx_ready apply_emqx_ready
    end_work
    say end ok
}

main; exit
