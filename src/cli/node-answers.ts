/** Calls that several nodes answer, each for itself. */

import { CliError } from './command.ts'
import { printAnswer, type AnswerOptions, type Run } from './subcommand.ts'

/** Source: Garage v2 admin API, calls with `?node=`. */
export interface NodesAnswer<Answer> {
  readonly success: Readonly<Record<string, Answer>>
  readonly error: Readonly<Record<string, string>>
}

export interface NodesOptions extends AnswerOptions {
  readonly allNodes?: boolean
}

export const allNodesOption = ['-a, --all-nodes', 'of every node, not only of this one'] as const

/**
 * Asks this node, or all of them, and prints what they say: under their names where all are asked.
 *
 * @throws {CliError} after that, when a node could not answer
 */
export async function askNodes<Answer>(
  run: Pick<Run<NodesOptions>, 'client' | 'options' | 'terminal'>,
  call: { readonly name: string; readonly body?: unknown },
  textOf: (answer: Answer) => string,
): Promise<void> {
  const { client, options } = run
  const { name, body } = call
  const answer = await client.call<NodesAnswer<Answer>>(name, {
    query: { node: options.allNodes === true ? '*' : 'self' },
    ...(body === undefined ? {} : { body }),
  })
  const said = Object.entries(answer.success)
  if (options.json === true || said.length > 0) {
    printAnswer(run, answer, () =>
      said
        .map(([id, one]) =>
          options.allNodes === true ? `Node ${id.slice(0, 16)}\n${textOf(one)}` : textOf(one),
        )
        .join('\n\n'),
    )
  }
  const silent = Object.entries(answer.error).map(([id, why]) => `${id.slice(0, 16)}: ${why}`)
  if (silent.length > 0) throw new CliError(silent.join('\n'))
}
