# What EMQX's dashboard says, asked from the host itself.

# emqx_http METHOD PATH [BODY]: the status of the answer, whose body lies in `answer`; 000 if there is none. What is
# secret travels in files in memory, never among the words of the command.
emqx_http() {
    {
        printf 'request = "%s"\nnoproxy = "*"\nheader = "Content-Type: application/json"\n' "$1"
        [ -z "${token:-}" ] || printf 'header = "Authorization: Bearer %s"\n' "$token"
        [ -z "${3:-}" ] || printf 'data-binary = "@%s"\n' "$scratch/body"
    } >"$scratch/curl"
    printf '%s' "${3:-}" >"$scratch/body"
    : >"$scratch/answer"
    quiet 40 curl -s -m 30 -K "$scratch/curl" -o "$scratch/answer" -w '%{http_code}' "http://$emqx_api$2" || :
    rm -f "$scratch/curl" "$scratch/body"
}

# emqx_login PASSWORD-AS-JSON: the status of the answer in `code`, and the token.
emqx_login() {
    token=
    code=$(emqx_http POST /api/v5/login "{\"username\":\"admin\",\"password\":$1}")
    [ "$code" = 200 ] || return 1
    token=$(tr -d ' \n' <"$scratch/answer" | sed -n 's/.*"token":"\([^"]*\)".*/\1/p')
    rm -f "$scratch/answer"
}

# emqx_says PATH WORD…: whether the answer, without spaces, has all of these in it.
emqx_says() {
    [ "$(emqx_http GET "$1")" = 200 ] || return 1
    shift
    said=$(tr -d ' \n' <"$scratch/answer")
    for word; do
        case $said in
            *"$word"*) ;;
            *) return 1 ;;
        esac
    done
}

# emqx_up: 200 alone means nothing: a broker that is not running answers with it too. The text is what every version
# answers with; should one come to prefer JSON, that says the same in other words.
emqx_up() {
    [ "$(emqx_http GET /status)" = 200 ] || return 1
    grep -q 'is started' "$scratch/answer" && grep -q 'is running' "$scratch/answer" && return
    said=$(tr -d ' \n' <"$scratch/answer")
    case $said in
        *'"broker_status":"started"'*) ;;
        *) return 1 ;;
    esac
    case $said in
        *'"app_status":"running"'*) ;;
        *) return 1 ;;
    esac
}

# emqx_tells: what the last answer said, for people. A token is no answer to show.
emqx_tells() {
    grep -q '"token"' "$scratch/answer" || head -c 300 "$scratch/answer"
}
