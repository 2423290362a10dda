# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion for bash: the shell itself says what could come next (virsh complete), from the table it parses with. It
# asks for no password and does not wait for a host that is silent.

# The line up to the cursor as words without their quotes, in `line`. Of the last one: `quote` is what is left open, and
# `kept` how much of it stays when bash puts an offer in: bash parts words at an open quote, and at ':', '=' and '@' too,
# of which URIs are full.
_virsh_words()
{
    local rest="${COMP_LINE:0:COMP_POINT}" i c word="" inside="" opened=0

    line=() quote="" kept=0
    if [[ -z "${COMP_LINE:-}" ]]; then # somebody else calls, with words only
        line=("${COMP_WORDS[@]:0:COMP_CWORD + 1}")
        word="${line[-1]}"
        c="${word##*["${COMP_WORDBREAKS:-:=}"]}"
        kept=$((${#word} - ${#c}))
        return 0
    fi
    for ((i = 0; i < ${#rest}; i++)); do
        c="${rest:i:1}"
        if [[ "$c" == "$quote" ]]; then
            quote=""
        elif [[ "$c" == \\ && "$quote" != \' ]]; then
            i=$((i + 1))
            c="${rest:i:1}"
            [[ "$quote" == \" && "$c" != [\"\\\$\`] ]] && word+="\\"
            word+="$c" inside=1
        elif [[ -n "$quote" ]]; then
            word+="$c"
        elif [[ "$c" == [\'\"] ]]; then
            [[ "${rest:i-1:1}" == \$ ]] && return 1 # $'…' has rules of its own
            quote="$c" inside=1 opened=${#word}
        elif [[ "$c" == [[:blank:]] ]]; then
            [[ -n "$inside" ]] && line+=("$word")
            word="" inside="" kept=0
        else
            word+="$c" inside=1
            [[ "${COMP_WORDBREAKS:-}" == *"$c"* ]] && kept=${#word}
        fi
    done
    [[ -n "$quote" ]] && kept=$opened
    line+=("$word")
    return 0
}

# A name as the command line has to have it, in `quoted`: names come from the other side, and may be anything.
_virsh_quote()
{
    local special=' "$`\' i c

    special+="'!#&()*;<>?[]^{|}~"
    quoted=""
    for ((i = 0; i < ${#1}; i++)); do
        c="${1:i:1}"
        case "$quote" in
            \') [[ "$c" == \' ]] && c="'\\''" ;;
            \")
                if [[ "$c" == ! ]]; then # a backslash would not be taken away
                    c='"\!"'
                elif [[ "$c" == [\"\\\$\`] ]]; then
                    c="\\$c"
                fi
                ;;
            *) [[ "$special" == *"$c"* ]] && c="\\$c" ;;
        esac
        quoted+="$c"
    done
}

# Of the offers what bash is to put in, for a word that begins with $1 (which offers lack) and goes on with $2.
_virsh_offer()
{
    local offers=("${COMPREPLY[@]}") offer whole quoted plain='*[!A-Za-z0-9_./:=@%+,-]*'

    COMPREPLY=()
    for offer in "${offers[@]}"; do
        whole="$1$offer"
        [[ "$whole" == "$1$2"* && "$whole" != *[[:cntrl:]]* ]] || continue
        quoted="${whole:kept}"
        # shellcheck disable=SC2053 # a pattern
        [[ "$quoted" == $plain ]] && _virsh_quote "$quoted"
        COMPREPLY+=("$quoted")
    done
}

_virsh_options="--connect= --debug= --escape --help --keepalive-interval= --keepalive-count= --log= \
    --no-pkttyagent --output= --quiet --readonly --timeout= --timing --version"

_virsh()
{
    local line quote kept words=() globals=() i word current previous head="" value=""

    COMPREPLY=()
    _virsh_words || return
    current="${line[-1]}" previous="${line[-2]:-}"
    if ((${#line[@]} > 2)) && [[ "$previous" == -o || "$previous" == --output ]]; then
        mapfile -t COMPREPLY < <(compgen -W "text json" -- "$current")
        return
    fi
    for ((i = 1; i < ${#line[@]} - 1; i++)); do
        word="${line[i]}"
        if ((${#words[@]} == 0)); then
            case "$word" in
                -c | --connect)
                    if ((++i == ${#line[@]} - 1)); then
                        value=connect
                    else
                        globals+=(-c "${line[i]}")
                    fi
                    continue
                    ;;
                --connect=*) globals+=("$word") ;;
                -c?*) globals+=("$word") ;;
                -d | --debug | -e | --escape | -k | --keepalive-interval | -K | --keepalive-count | \
                    -l | --log | -o | --output | --timeout)
                    ((i++))
                    continue
                    ;;
            esac
            [[ "$word" == -* ]] && continue
        fi
        words+=("$word")
    done
    if ((${#words[@]} == 0)); then
        case "$value$current" in
            --connect=*) head="--connect=" ;;
            -c?*) head="-c" ;;
        esac
        if [[ -n "$head" || "$value" == connect ]]; then
            current="${current:${#head}}"
            mapfile -t COMPREPLY < <("${line[0]}" -q complete -- connect "$current" 2>/dev/null </dev/null | grep -v '^--')
            _virsh_offer "$head" "$current"
            return
        fi
    fi
    if ((${#words[@]} == 0)) && [[ "$current" == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$_virsh_options" -- "$current")
        [[ "${COMPREPLY[0]:-}" == *= ]] && compopt -o nospace 2>/dev/null
        return
    fi
    mapfile -t COMPREPLY < <("${line[0]}" "${globals[@]}" -q complete -- "${words[@]}" "$current" 2>/dev/null </dev/null)
    _virsh_offer "" "$current"
}
complete -o default -F _virsh virsh
