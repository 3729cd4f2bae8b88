# SPDX-License-Identifier: MIT
# fish completion of inuse(1). Everything comes from the program itself: inuse --complete.
function __inuse_complete
    set -l tokens (commandline -opc)
    set -l typed (commandline -ct)
    set -l program $tokens[1]
    set -e tokens[1]
    for line in ($program --complete $tokens "$typed" 2>/dev/null)
        switch $line
            case \tfiles
                __fish_complete_path "$typed"
            case \tcommands
                __fish_complete_command
            case '*'
                echo $line
        end
    end
end
complete -c inuse -f -a '(__inuse_complete)'
