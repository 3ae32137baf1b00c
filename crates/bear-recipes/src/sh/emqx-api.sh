# What EMQX's dashboard says, asked from the host itself.

# emqx_ask_for METHOD [BODY]: the words of curl's command, which may be secret, go to a file in memory.
emqx_ask_for() {
    printf 'request = "%s"\nnoproxy = "*"\nheader = "Content-Type: application/json"\n' "$1"
    [ -z "${token:-}" ] || printf 'header = "Authorization: Bearer %s"\n' "$token"
    [ -z "${2:-}" ] || printf 'data-binary = "@%s"\n' "$scratch/body"
}

# emqx_http METHOD PATH [BODY]: the status of the answer, whose body lies in `answer`; 000 if there is none.
emqx_http() {
    emqx_ask_for "$1" "${3:-}" >"$scratch/curl"
    printf '%s' "${3:-}" >"$scratch/body"
    : >"$scratch/answer"
    ask curl -s -m 30 -K "$scratch/curl" -o "$scratch/answer" -w '%{http_code}' "http://$emqx_api$2" || :
    : >"$scratch/curl"
    : >"$scratch/body"
}

# emqx_login PASSWORD-AS-JSON: the status of the answer in `code`, and the token.
emqx_login() {
    token=
    code=$(emqx_http POST /api/v5/login "{\"username\":\"admin\",\"password\":$1}")
    [ "$code" = 200 ] || return 1
    without_spaces "$(cat "$scratch/answer")"
    : >"$scratch/answer"
    token=${text##*'"token":"'}
    token=${token%%'"'*}
    text=
}

# without_spaces TEXT: in `text`, without spaces and line ends, as different versions set them differently.
without_spaces() {
    IFS=" $line_break"
    # shellcheck disable=SC2086  # A list of words.
    set -- $1
    IFS=
    text=$*
    unset IFS
}

# emqx_get PATH…: the answers, without spaces, in `answers`, each with its status between bars behind it. It takes one
# curl for all of them.
emqx_get() {
    {
        emqx_ask_for GET
        for path; do printf 'url = "http://%s%s"\n' "$emqx_api" "$path"; done
    } >"$scratch/curl"
    answers=$(answer curl -s -m 30 -K "$scratch/curl" -w '|%{http_code}|') || :
    : >"$scratch/curl"
    without_spaces "$answers"
    answers=$text
}

# emqx_next WORD…: whether the next of the answers is one with 200 and has all of these words in it. It is in `said`.
emqx_next() {
    said=${answers%%"|200|"*}
    answers=${answers#*"|200|"}
    printf '%s' "$said" >"$scratch/answer"
    case $said in
        "$answers" | *'|'[0-9][0-9][0-9]'|'*) return 1 ;;
    esac
    for word; do
        case $said in
            *"$word"*) ;;
            *) return 1 ;;
        esac
    done
}

# emqx_next_is_up: 200 alone means nothing: a broker that is not running answers with it too. The text is what every
# version answers with; should one come to prefer JSON, that says the same in other words.
emqx_next_is_up() {
    emqx_next || return 1
    case $said in
        *isstarted*isrunning*) ;;
        *'"broker_status":"started"'*'"app_status":"running"'*) ;;
        *'"app_status":"running"'*'"broker_status":"started"'*) ;;
        *) return 1 ;;
    esac
}

emqx_up() {
    emqx_get /status
    emqx_next_is_up
}

# emqx_tells: what the last answer said, for people. A token is no answer to show.
emqx_tells() {
    grep -q '"token"' "$scratch/answer" || head -c 300 "$scratch/answer"
}
