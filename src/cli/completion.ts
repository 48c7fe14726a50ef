/** Completion scripts of three shells. Pure. */

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

interface Word {
  readonly word: string
  readonly sentence: string
}

/** What may follow a command: `path` is [] of the program itself, then such as ['key', 'list']. */
export interface Words {
  readonly path: readonly string[]
  readonly subcommands: readonly Word[]
  readonly options: readonly Word[]
}

/** To be read by the shell: `source <(hangar completion bash)`. */
export function completionScript(shell: Shell, all: readonly Words[]): string {
  if (shell === 'bash') return bashScript(all)
  return shell === 'zsh' ? zshScript(all) : fishScript(all)
}

/** Words of the line that are subcommands make the path; anything else is an argument. */
function bashScript(all: readonly Words[]): string {
  return `# bash completion of hangar: source <(hangar completion bash)
_hangar() {
  local path="" word words=""
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path/$word" in
${indented(pathCases(all), 6)}
    esac
  done
  case "$path" in
${indented(wordCases(all), 4)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _hangar hangar`
}

function pathCases(all: readonly Words[]): string[] {
  return all.flatMap(({ path, subcommands }) =>
    subcommands.map(({ word }) => {
      const whole = ['', ...path, word].join('/')
      return `"${whole}") path="${whole}" ;;`
    }),
  )
}

function wordCases(all: readonly Words[]): string[] {
  const general = all.find(({ path }) => path.length === 0)?.options ?? []
  return all.map(({ path, subcommands, options }) => {
    const own = path.length === 0 ? [] : options
    const words = [...subcommands, ...own, ...general].map(({ word }) => word)
    return `"${['', ...path].join('/').replace(/^\/$/, '')}") words="${words.join(' ')} --help" ;;`
  })
}

/** The same with what each word means. */
function zshScript(all: readonly Words[]): string {
  const general = all.find(({ path }) => path.length === 0)?.options ?? []
  const cases = all.map(({ path, subcommands, options }) => {
    const own = path.length === 0 ? [] : options
    const lines = [...subcommands, ...own, ...general].map(
      ({ word, sentence }) => `'${word}:${sentence.replaceAll("'", '’').replaceAll(':', ' -')}'`,
    )
    return `"${['', ...path].join('/').replace(/^\/$/, '')}") found=(${lines.join(' ')}) ;;`
  })
  return `#compdef hangar
# zsh completion of hangar: source <(hangar completion zsh)
_hangar() {
  local path_="" word
  local -a found
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$path_/$word" in
${indented(
  pathCases(all).map((line) => line.replace(' path=', ' path_=')),
  6,
)}
    esac
  done
  case "$path_" in
${indented(cases, 4)}
  esac
  _describe 'word' found || _files
}
compdef _hangar hangar`
}

function fishScript(all: readonly Words[]): string {
  const lines = all.flatMap(({ path, subcommands, options }) => {
    const names = subcommands.map(({ word }) => word).join(' ')
    const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`)
    const here = path.length === 0 ? ['__fish_use_subcommand'] : seen
    const before =
      names === '' || path.length === 0
        ? here
        : [...here, `not __fish_seen_subcommand_from ${names}`]
    const quoted = (sentence: string): string => `'${sentence.replaceAll("'", '’')}'`
    return [
      ...subcommands.map(
        ({ word, sentence }) =>
          `complete -c hangar -f -n '${before.join('; and ')}' -a ${word} -d ${quoted(sentence)}`,
      ),
      ...options.map(({ word, sentence }) => {
        const when = path.length === 0 ? '' : ` -n '${seen.join('; and ')}'`
        return `complete -c hangar${when} -l ${word.slice(2)} -d ${quoted(sentence)}`
      }),
    ]
  })
  return ['# fish completion of hangar: hangar completion fish | source', ...lines].join('\n')
}

function indented(lines: readonly string[], spaces: number): string {
  return lines.map((line) => ' '.repeat(spaces) + line).join('\n')
}
