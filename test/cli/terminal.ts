/** A terminal that remembers what was said. */

import type { Terminal } from '../../src/cli/command.ts'
import { runCli } from '../../src/cli/cli.ts'

export interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs one command line in this process. */
export async function say(
  words: readonly string[],
  options: {
    readonly folder?: string
    readonly environment?: Terminal['environment']
    /** What the person at the keyboard says, in turn; absent: nobody is there. */
    readonly answers?: readonly string[]
  } = {},
): Promise<Said> {
  const out: string[] = []
  const err: string[] = []
  const answers = options.answers === undefined ? undefined : [...options.answers]
  const code = await runCli(words, {
    environment: options.environment ?? {},
    folder: options.folder ?? '/nowhere',
    isInteractive: false,
    print: (text) => void out.push(text),
    note: (text) => void err.push(text),
    ask:
      answers &&
      ((question) => {
        err.push(question)
        return Promise.resolve(answers.shift() ?? '')
      }),
    serving: () => undefined,
    draw: () => undefined,
  })
  return { code, out: out.join('\n'), err: err.join('\n') }
}
