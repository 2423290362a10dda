# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion for bash: the shell itself says what could come next (virsh complete), from the table it parses with.
_virsh()
{
    local words=() globals=() i word current="${COMP_WORDS[COMP_CWORD]}"

    if [[ "${COMP_WORDS[COMP_CWORD - 1]}" == -c || "${COMP_WORDS[COMP_CWORD - 1]}" == --connect ]]; then
        mapfile -t COMPREPLY < <("${COMP_WORDS[0]}" -q complete -- connect "$current" 2>/dev/null)
        return
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        word="${COMP_WORDS[i]}"
        if ((${#words[@]} == 0)); then
            case "$word" in
                -c | --connect | -d | --debug | -e | --escape | -k | --keepalive-interval | -K | --keepalive-count | \
                    -l | --log | -o | --output | --timeout)
                    if [[ "$word" == -c || "$word" == --connect ]]; then
                        globals+=(-c "${COMP_WORDS[i + 1]}")
                    fi
                    ((i++))
                    continue
                    ;;
                -*) continue ;;
            esac
        fi
        words+=("$word")
    done
    if ((${#words[@]} == 0)) && [[ "$current" == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "--connect= --debug= --escape --help --keepalive-interval= \
            --keepalive-count= --log= --no-pkttyagent --output= --quiet --readonly --timeout= --timing --version" -- "$current")
        return
    fi
    mapfile -t COMPREPLY < <("${COMP_WORDS[0]}" "${globals[@]}" -q complete -- "${words[@]}" "$current" 2>/dev/null)
}
complete -o default -F _virsh virsh
