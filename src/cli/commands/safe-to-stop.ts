/** `hangar safe-to-stop`: whether everything would still be served without this node. */

import type { Command } from 'commander'
import type { SafeToStopAnswer } from '../../api/admin/answers.ts'
import { AdminClient, findNode } from '../admin-client.ts'
import type { DefineCommand, GlobalOptions } from '../command.ts'

interface SafeOptions extends GlobalOptions {
  readonly json?: boolean
}

export const safeToStop: DefineCommand = (program, terminal, exit) => {
  program
    .command('safe-to-stop')
    .description('whether all would be served without this node; exit code 1 if not')
    .option('--json', 'for programs')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<SafeOptions>()
      const client = new AdminClient(findNode(options, terminal))
      const answer = await client.callOwn<SafeToStopAnswer>('safe-to-stop')
      const { isSafe, partitions, partitionsQuorum, partitionsRoomLost } = answer
      exit(isSafe ? 0 : 1)
      if (options.json) terminal.print(JSON.stringify(answer, null, 2))
      else if (isSafe) terminal.print('Yes: the other nodes serve everything without it')
      else if (partitionsQuorum === partitions) {
        terminal.print(
          `No: ${partitionsRoomLost} of ${partitions} partitions would take no writes without it, ` +
            'for drives of other nodes are full: `hangar status`',
        )
      } else {
        const lost = partitions - partitionsQuorum
        terminal.print(`No: ${lost} of ${partitions} partitions would have no quorum without it`)
      }
    })
}
