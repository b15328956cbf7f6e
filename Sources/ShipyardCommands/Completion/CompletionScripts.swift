/// The scripts, which know nothing of the commands: they hand over the words and take what the program says.
enum CompletionScripts {
    static func script(for shell: String) -> String? {
        switch shell {
        case "bash": bash
        case "zsh": zsh
        case "fish": fish
        default: nil
        }
    }

    private static let bash = #"""
        # bash completion of shipyard-swift
        _shipyard_swift() {
            local program=${COMP_WORDS[0]/#\~/$HOME} current=${COMP_WORDS[COMP_CWORD]} line
            local -a lines=()
            COMPREPLY=()
            mapfile -t lines < <("$program" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
            for line in "${lines[@]}"; do
                case $line in
                :files)
                    compopt -o filenames 2>/dev/null
                    mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
                :directories)
                    compopt -o filenames 2>/dev/null
                    mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
                *)
                    line=${line%%$'\t'*}
                    # Another part of the word follows.
                    [[ $line == *, ]] && compopt -o nospace 2>/dev/null
                    COMPREPLY+=("$line") ;;
                esac
            done
        }
        complete -F _shipyard_swift shipyard-swift

        """#

    private static let zsh = #"""
        #compdef shipyard-swift
        # zsh completion of shipyard-swift
        _shipyard_swift() {
            local line
            local -a lines values
            lines=("${(@f)$("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
            for line in $lines; do
                case $line in
                :files) _files ;;
                :directories) _files -/ ;;
                *$'\t'*) values+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
                ?*) values+=("${line//:/\\:}") ;;
                esac
            done
            (( $#values )) && _describe shipyard-swift values
        }
        # Loaded from $fpath the file is the function's body; sourced, it registers itself.
        if [ "$funcstack[1]" = "_shipyard-swift" ]; then
            _shipyard_swift "$@"
        else
            compdef _shipyard_swift shipyard-swift
        fi

        """#

    private static let fish = #"""
        # fish completion of shipyard-swift
        function __shipyard_swift_complete
            set -l words (commandline -opc) (commandline -ct)
            for line in ($words[1] complete -- $words[2..-1] 2>/dev/null)
                switch $line
                    case :files
                        __fish_complete_path (commandline -ct)
                    case :directories
                        __fish_complete_directories (commandline -ct)
                    case '*'
                        echo $line
                end
            end
        end
        complete -c shipyard-swift -f -a '(__shipyard_swift_complete)'

        """#
}
