# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion for bash: the shell itself says what could come next (virsh complete), from the table it parses with. It
# asks for no password and does not wait for a host that is silent.

# The line up to the cursor as words, in `line`: bash parts words at ':' and '=' too, of which URIs are full.
_virsh_words()
{
    local rest="${COMP_LINE:0:COMP_POINT}" i word

    line=()
    if [[ -z "${COMP_LINE:-}" ]]; then # somebody else calls, with words only
        line=("${COMP_WORDS[@]:0:COMP_CWORD + 1}")
        return
    fi
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word="${COMP_WORDS[i]}"
        if ((i > 0)) && [[ "$rest" != [[:blank:]]* ]]; then
            line[-1]+="$word"
        else
            line+=("$word")
        fi
        rest="${rest#"${rest%%[![:blank:]]*}"}"
        rest="${rest#"$word"}"
    done
    for ((i = 0; i < ${#line[@]}; i++)); do # 'a b' and "a b"
        case "${line[i]}" in
            \'*\' | \"*\") line[i]="${line[i]:1:${#line[i]}-2}" ;;
        esac
    done
}

# What of the offers bash is to put in: not what stands before the last ':' or '=', where it parts words there.
_virsh_offer()
{
    local marks="${COMP_WORDBREAKS//[^:=]/}" before i

    [[ -n "$marks" ]] || return 0
    before="${1%"${1##*[$marks]}"}"
    for ((i = 0; i < ${#COMPREPLY[@]}; i++)); do
        COMPREPLY[i]="${COMPREPLY[i]#"$before"}"
    done
}

_virsh_options="--connect= --debug= --escape --help --keepalive-interval= --keepalive-count= --log= \
    --no-pkttyagent --output= --quiet --readonly --timeout= --timing --version"

_virsh()
{
    local line words=() globals=() i word current previous

    _virsh_words
    current="${line[-1]}" previous="${line[-2]:-}"
    if ((${#line[@]} > 2)) && [[ "$previous" == -c || "$previous" == --connect ]]; then
        mapfile -t COMPREPLY < <("${line[0]}" -q complete -- connect "$current" 2>/dev/null </dev/null | grep -v '^--')
        _virsh_offer "$current"
        return
    elif ((${#line[@]} > 2)) && [[ "$previous" == -o || "$previous" == --output ]]; then
        mapfile -t COMPREPLY < <(compgen -W "text json" -- "$current")
        return
    fi
    for ((i = 1; i < ${#line[@]} - 1; i++)); do
        word="${line[i]}"
        if ((${#words[@]} == 0)); then
            case "$word" in
                -c | --connect)
                    globals+=(-c "${line[++i]}")
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
    if ((${#words[@]} == 0)) && [[ "$current" == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$_virsh_options" -- "$current")
        [[ "${COMPREPLY[0]:-}" == *= ]] && compopt -o nospace 2>/dev/null
        return
    fi
    mapfile -t COMPREPLY < <("${line[0]}" "${globals[@]}" -q complete -- "${words[@]}" "$current" 2>/dev/null </dev/null)
    _virsh_offer "$current"
}
complete -o default -F _virsh virsh
