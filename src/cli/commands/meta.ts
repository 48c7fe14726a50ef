/** `hangar meta`: the rows of a node as a whole. */

import type { DefineCommand } from '../command.ts'
import { askNodes, type NodesOptions } from '../node-answers.ts'
import { nodeAction } from '../subcommand.ts'

interface MetaOptions extends NodesOptions {
  readonly all?: boolean
}

export const meta: DefineCommand = (program, terminal) => {
  program
    .command('meta')
    .description('the rows of a node as a whole')
    .command('snapshot')
    .description('not here: says what to do instead')
    .option('--all', 'of every node')
    .option('--json', 'for programs')
    .action(
      nodeAction<MetaOptions>(terminal, (run) => {
        const options = { ...run.options, allNodes: run.options.all === true }
        const call = { name: 'CreateMetadataSnapshot', body: {} }
        return askNodes({ ...run, options }, call, () => 'Done')
      }),
    )
}
