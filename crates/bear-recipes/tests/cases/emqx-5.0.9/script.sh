set +aex -f
unset nonce root lock_wait_seconds image_reference image_file emqx_node emqx_version emqx_settings emqx_digest emqx_publish emqx_listeners emqx_api emqx_change_method emqx_sysctl emqx_keys emqx_first_boot emqx_password
nonce=n0nce5678
root=''
lock_wait_seconds=1
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
emqx_first_boot='EMQX_DASHBOARD__DEFAULT_PASSWORD='\''"p w\"#'\''\'\'''\''é1\\ $(reboot)"'\''
'
emqx_password='"p w\"#'\''é1\\ $(reboot)"'

# … prelude.sh …

# … apt.sh …

# … container.sh …

# … emqx.sh …

main() {
    exec 3>&1 </dev/null
    printf '\n' >&3
    say begin 1 $$
    open
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
