# SPDX-License-Identifier: MIT
# bash completion of inuse(1). Everything comes from the program itself: inuse --complete.
_inuse()
{
	local line=${COMP_LINE:0:COMP_POINT} typed behind candidate IFS=$' \t\n'
	local -a words
	read -ra words <<<"$line"
	[[ $line == *[[:space:]] ]] && words+=('')
	typed=${words[${#words[@]} - 1]}
	# bash replaces only what stands behind the last = or : of the word
	behind=${typed%"${typed##*[=:]}"}
	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		$'\tfiles')
			compopt -o filenames 2>/dev/null
			while IFS= read -r candidate; do
				COMPREPLY+=("$candidate")
			done < <(compgen -f -- "${typed##*[=]}")
			;;
		$'\tcommands')
			while IFS= read -r candidate; do
				COMPREPLY+=("$candidate")
			done < <(compgen -c -- "$typed")
			;;
		*)
			candidate=${line%%$'\t'*}
			[[ $candidate == *= ]] && compopt -o nospace 2>/dev/null
			COMPREPLY+=("${candidate#"$behind"}")
			;;
		esac
	done < <("${words[0]}" --complete "${words[@]:1}" 2>/dev/null)
}
complete -F _inuse inuse
