/** `hangar scrub`: reads every block of the node again and checks its hash. */

import type { Command } from 'commander'
import { AdminClient, findNode } from '../admin-client.ts'
import type { DefineCommand, GlobalOptions } from '../command.ts'
import { watchJob } from '../job.ts'
import { sizeText } from '../text-table.ts'

interface ScrubReport {
  readonly blocks: number
  readonly bytes: number
  readonly corrupt: readonly string[]
}

export const scrub: DefineCommand = (program, terminal, exit) => {
  program
    .command('scrub')
    .description('read every block again; exit code 1 when one is damaged')
    .option('--json', 'for programs')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { json?: boolean }>()
      const client = new AdminClient(findNode(options, terminal))
      const report = await watchJob<ScrubReport>(client, 'scrub', terminal)
      exit(report.corrupt.length === 0 ? 0 : 1)
      if (options.json) {
        terminal.print(JSON.stringify(report, null, 2))
        return
      }
      const { blocks, bytes, corrupt } = report
      terminal.print(`${blocks} blocks (${sizeText(bytes)}) read, ${corrupt.length} damaged`)
      for (const hash of corrupt) terminal.print(`  ${hash}`)
      if (corrupt.length > 0) terminal.note('`hangar check` now says which objects these are of.')
    })
}
