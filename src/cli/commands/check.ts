/** `hangar check`: compares everything on the node with everything else on it. */

import type { Command } from 'commander'
import type { CheckAnswer } from '../../api/admin/answers.ts'
import { AdminClient, findNode } from '../admin-client.ts'
import type { DefineCommand, GlobalOptions } from '../command.ts'
import { watchJob } from '../job.ts'
import { textFields } from '../text-table.ts'

export const check: DefineCommand = (program, terminal, exit) => {
  program
    .command('check')
    .description('look for what is lost or left over; exit code 1 when something is')
    .option('--json', 'for programs')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { json?: boolean }>()
      const client = new AdminClient(findNode(options, terminal))
      const report = await watchJob<CheckAnswer>(client, 'check', terminal)
      exit(report.clean ? 0 : 1)
      if (options.json) terminal.print(JSON.stringify(report, null, 2))
      else show(report, (line) => terminal.print(line))
    })
}

function show(report: CheckAnswer, print: (line: string) => void): void {
  print(textFields(Object.entries(report.scanned).map(([name, count]) => [name, String(count)])))
  const waiting = Object.entries(report.waiting).filter(([, count]) => count > 0)
  if (waiting.length > 0) {
    const words = waiting.map(([name, count]) => `${count} ${name}`)
    print(`\nWaiting to be cleaned up: ${words.join(', ')}`)
  }
  if (report.clean) {
    print('\nAll is well.')
    return
  }
  for (const [kind, count] of Object.entries(report.counts)) print(`\n${count} ${kind}`)
  for (const { kind, subject, detail } of report.faults) print(`  ${kind}: ${subject}, ${detail}`)
}
