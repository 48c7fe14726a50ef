/** Wires a subcommand that speaks to a running node. */

import type { Command } from 'commander'
import { AdminClient, findNode } from './admin-client.ts'
import type { GlobalOptions, Terminal } from './command.ts'

export interface AnswerOptions extends GlobalOptions {
  readonly json?: boolean
}

/** One run of a subcommand. */
export interface Run<Options extends GlobalOptions> {
  readonly client: AdminClient
  readonly options: Options
  readonly terminal: Terminal
}

export type Work<Options extends GlobalOptions> = (
  run: Run<Options>,
  words: readonly string[],
) => Promise<void>

/** An action for commander, which gives the arguments, then the options, then the command. */
export function nodeAction<Options extends GlobalOptions>(
  terminal: Terminal,
  work: Work<Options>,
): (...given: unknown[]) => Promise<void> {
  return async (...given) => {
    const options = (given.at(-1) as Command).optsWithGlobals<Options>()
    const client = new AdminClient(findNode(options, terminal))
    await work({ client, options, terminal }, given.slice(0, -2) as string[])
  }
}

/** Prints an answer as it was asked for: JSON for programs, or what people read. */
export function printAnswer<Answer>(
  { options, terminal }: Pick<Run<AnswerOptions>, 'options' | 'terminal'>,
  answer: Answer,
  textOf: (answer: Answer) => string,
): void {
  terminal.print(options.json ? JSON.stringify(answer, null, 2) : textOf(answer))
}
