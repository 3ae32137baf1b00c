set +aex -f
unset nonce root lock_wait_seconds image_reference image_file tls_chain tls_authorities tls_key emqx_wanted_node emqx_version emqx_settings emqx_digest emqx_publish emqx_listeners emqx_api emqx_change_method emqx_sysctl emqx_keys emqx_first_boot emqx_password keep_data other_brokers
nonce=n0nce5678
root=''
lock_wait_seconds=1
image_reference='emqx/emqx:6.2.2'
image_file='/var/tmp/emqx.tar'
tls_chain=''
tls_authorities=''
tls_key=''
emqx_wanted_node='emqx@10.0.0.5'
emqx_version='6.2.2'
emqx_settings='# Written by bear; changes made here are undone by its next apply.
# Image emqx/emqx:6.2.2
# Port 1883:1883
# Port 8083:8083
# Port 127.0.0.1:18083:18083
EMQX_LOG__CONSOLE__ENABLE='\''true'\''
EMQX_LISTENERS__TCP__DEFAULT__ENABLE='\''true'\''
EMQX_LISTENERS__SSL__DEFAULT__ENABLE='\''false'\''
EMQX_LISTENERS__WS__DEFAULT__ENABLE='\''true'\''
EMQX_LISTENERS__WSS__DEFAULT__ENABLE='\''false'\''
'
emqx_digest='e49c925d68dd482fd49c25cf4ac9603528bffad71166402320fb7c700d21c376'
emqx_publish='1883:1883
8083:8083
127.0.0.1:18083:18083
'
emqx_listeners='tcp ws'
emqx_api='127.0.0.1:18083'
emqx_change_method='POST'
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
EMQX_LICENSE__KEY='\''"evaluation"'\''
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
