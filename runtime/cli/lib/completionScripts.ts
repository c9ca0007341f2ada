import { quoteForShell } from "../../contract/shellQuote.ts";

/** Shells with completion. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** Output of `rates complete` if the shell must complete file names. */
export const FILES = ":files";

/**
 * Returns the script for a shell. It passes the line up to the cursor (in zsh, up to the end of the current word) to
 * `rates complete`. The scripts of libraries (tab, tabtab) are not used, because they evaluate the line (TAB after `$(…)`
 * would run that command) and do not complete file names.
 */
export const script = (shell: Shell, command: readonly string[]): string =>
  SCRIPTS[shell](command.map(shell === "fish" ? fishQuoted : quoteForShell).join(" "));

const fishQuoted = (word: string): string => `'${word.replace(/[\\']/g, "\\$&")}'`;

const SCRIPTS: Record<Shell, (command: string) => string> = {
  bash: (command) => `# bash completion for rates: eval "$(rates completion bash)"
_rates() {
  local output IFS=$'\\n'
  output=$(${command} complete bash "\${COMP_LINE:0:COMP_POINT}" 2>/dev/null) || return
  COMPREPLY=()
  if [ "$output" = "${FILES}" ]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
    return
  fi
  while read -r; do
    [ -z "$REPLY" ] || COMPREPLY+=("$REPLY")
  done <<<"$output"
  case "\${COMPREPLY[0]-}" in *=) compopt -o nospace 2>/dev/null ;; esac
}
complete -F _rates rates
`,
  zsh: (command) => `#compdef rates
# zsh completion for rates: eval "$(rates completion zsh)", after compinit
_rates() {
  local output
  output=$(${command} complete zsh "\${(j: :)\${(@)words[1,CURRENT]}}" 2>/dev/null) || return
  if [[ $output == "${FILES}" ]]; then
    _files
    return
  fi
  local -a choices=("\${(@f)output}")
  # The choices already match, even if they do not begin with the typed text: a place is also found by its name.
  [[ -n $output ]] && _describe 'rates' choices -U
}
if [[ $zsh_eval_context == *func ]]; then _rates "$@"; else compdef _rates rates; fi
`,
  fish: (command) => `# fish completion for rates: rates completion fish | source
function __rates
  set -l output (${command} complete fish (commandline -cp | string collect) 2>/dev/null)
  if test "$output" = "${FILES}"
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $output
  end
end
complete -c rates -f -a '(__rates)'
`,
};
