import { Argument, type Command } from 'commander';
import { findCandidates } from '../candidates.ts';
import type { Context } from '../context.ts';

// The scripts ask the program itself, so that they complete its options and the server's channels too.
const SCRIPTS = {
  bash: `_fairway() {
  local IFS=$'\\n'
  COMPREPLY=($(fairway complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _fairway fairway
`,
  zsh: `#compdef fairway
_fairway() {
  local -a candidates
  candidates=(\${(f)"$(fairway complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  if (( $#candidates )); then compadd -a candidates; else _files; fi
}
compdef _fairway fairway
`,
  fish: `function __fairway
  set -l words (commandline -opc) (commandline -ct)
  fairway complete -- $words[2..-1] 2>/dev/null
end
complete -c fairway -f -a '(__fairway)'
`,
  powershell: `Register-ArgumentCompleter -Native -CommandName fairway -ScriptBlock {
  param($word, $ast, $position)
  $words = @($ast.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
  if ($word -eq '') { $words += '' }
  fairway complete -- @words 2>$null | ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) }
}
`,
};

/** `completion`: the scripts with which a shell completes commands, options, channels and versions. */
export function completionCommands(program: Command, context: Context): void {
  program
    .command('completion')
    .description('print a script that completes commands, channels and versions: source <(fairway completion bash)')
    .addArgument(new Argument('<shell>').choices(Object.keys(SCRIPTS)))
    .action((shell: keyof typeof SCRIPTS) => void process.stdout.write(SCRIPTS[shell]));

  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .action(async (words: string[]) => {
      const candidates = await findCandidates(program, words, context.api);
      process.stdout.write(candidates.map((candidate) => `${candidate}\n`).join(''));
    });
}
