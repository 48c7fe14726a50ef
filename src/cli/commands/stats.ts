/** `hangar stats`: what the cluster has room for, and what its nodes work on. */

import type { DefineCommand } from '../command.ts'
import { allNodesOption, askNodes, type NodesAnswer, type NodesOptions } from '../node-answers.ts'
import { nodeAction } from '../subcommand.ts'
import type { Run } from '../subcommand.ts'

interface Freeform {
  readonly freeform: string
}

export const stats: DefineCommand = (program, terminal) => {
  program
    .command('stats')
    .description('show room and queues')
    .option(...allNodesOption)
    .option('--json', 'for programs')
    .action(nodeAction<NodesOptions>(terminal, show))
}

async function show(run: Run<NodesOptions>): Promise<void> {
  const { client, options, terminal } = run
  const cluster = await client.call<Freeform>('GetClusterStatistics')
  if (options.json === true) {
    const query = { node: options.allNodes === true ? '*' : 'self' }
    const nodes = await client.call<NodesAnswer<Freeform>>('GetNodeStatistics', { query })
    terminal.print(JSON.stringify({ cluster, nodes }, null, 2))
    return
  }
  terminal.print(`${cluster.freeform.trimEnd()}\n`)
  await askNodes<Freeform>(run, { name: 'GetNodeStatistics' }, ({ freeform }) => freeform.trimEnd())
}
