/** `hangar repair --check`: whether all nodes hold what they should, and nothing else. */

import type { Command } from 'commander'
import type { RepairCheckAnswer } from '../../api/admin/answers.ts'
import { AdminClient, findNode } from '../admin-client.ts'
import { CliError } from '../command.ts'
import type { DefineCommand, Terminal } from '../command.ts'
import { watchJob } from '../job.ts'
import { allNodesOption, askNodes, type NodesOptions } from '../node-answers.ts'
import { textFields } from '../text-table.ts'

/** Exit codes: something is wrong, or nobody could say. */
const FOUND = 1
const NOT_ASKED = 2

/** Garage's words for what workers do from time to time, and those of the admin API. */
const kinds: Readonly<Record<string, string>> = {
  tables: 'tables',
  blocks: 'blocks',
  versions: 'versions',
  mpu: 'multipartUploads',
  'block-refs': 'blockRefs',
  'block-rc': 'blockRc',
  aliases: 'aliases',
  rebalance: 'rebalance',
}

interface RepairOptions extends NodesOptions {
  readonly check?: boolean
  readonly readBlocks?: boolean
  readonly settled?: boolean
  readonly yes?: boolean
}

export const repair: DefineCommand = (program, terminal, exit) => {
  program
    .command('repair')
    .argument(
      '[kind]',
      `do now what is done from time to time: ${Object.keys(kinds).join(', ')}, scrub`,
    )
    .argument('[verb]', 'of scrub: start')
    .description(
      'with --check, look on all nodes for what is lost, left over or different; exit code 1 when something is, ' +
        '2 when a node could not be asked',
    )
    .option('--check', 'only look: what is wrong mends itself as far as it can')
    .option('--read-blocks', 'read every block on every node first, at a pace')
    .option('--settled', 'exit code 1 also while work is on its way')
    .option(...allNodesOption)
    .option('--yes', 'accepted, for scripts of Garage')
    .option('--json', 'for programs')
    .action(async (kind: string | undefined, verb: string | undefined, ...rest: unknown[]) => {
      const options = (rest[1] as Command).optsWithGlobals<RepairOptions>()
      if (kind !== undefined) {
        await launch(repairType(kind, verb), options, terminal)
        return
      }
      if (options.check !== true) {
        throw new CliError(
          'say what to do',
          'Give --check: nodes repair what is wrong by themselves. A kind makes them do it now.',
        )
      }
      const report = await ask(options, terminal)
      exit(codeOf(report, options))
      if (options.json) terminal.print(JSON.stringify(report, null, 2))
      else show(report, (line) => terminal.print(line))
    })
}

function repairType(kind: string, verb: string | undefined): unknown {
  if (kind === 'scrub') return { scrub: verb ?? 'start' }
  const type = kinds[kind]
  if (type !== undefined && verb === undefined) return type
  throw new CliError(
    `"${[kind, verb].join(' ').trim()}" is no repair`,
    `There are ${Object.keys(kinds).join(', ')} and scrub start.`,
  )
}

async function launch(type: unknown, options: RepairOptions, terminal: Terminal): Promise<void> {
  const client = new AdminClient(findNode(options, terminal))
  const call = { name: 'LaunchRepairOperation', body: { repairType: type } }
  await askNodes({ client, options, terminal }, call, () => 'Begun; `hangar worker list` shows it')
}

async function ask(options: RepairOptions, terminal: Terminal): Promise<RepairCheckAnswer> {
  const client = new AdminClient(findNode(options, terminal))
  try {
    const wish = { readBlocks: options.readBlocks === true }
    return await watchJob<RepairCheckAnswer>(client, 'repair-check', terminal, wish)
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    throw new CliError(error.message, error.hint, NOT_ASKED)
  }
}

function codeOf(report: RepairCheckAnswer, options: RepairOptions): number {
  if (Object.keys(report.counts).length > 0) return FOUND
  if (report.silent.length > 0) return NOT_ASKED
  return options.settled === true && !report.settled ? FOUND : 0
}

function show(report: RepairCheckAnswer, print: (line: string) => void): void {
  const short = (node: string): string => node.slice(0, 16)
  print(
    textFields(
      report.nodes.map(({ id, scanned }) => [
        short(id),
        Object.entries(scanned)
          .map(([name, count]) => `${count} ${name}`)
          .join(', '),
      ]),
    ),
  )
  const waiting = Object.entries(report.waiting).filter(([, count]) => count > 0)
  if (waiting.length > 0) {
    const words = waiting.map(([name, count]) => `${count} ${name}`)
    print(`\nOn its way: ${words.join(', ')}`)
  }
  for (const { node, reason } of report.silent) {
    print(`\n${short(node)} was not asked: ${reason}`)
    print('  start it, or say `hangar node lost ID` of one that never comes back')
  }
  for (const [kind, count] of Object.entries(report.counts)) {
    print(`\n${count} ${kind}: ${report.advice[kind] ?? ''}`)
    for (const finding of report.findings) {
      if (finding.kind !== kind) continue
      const where = finding.node === null ? '' : `${short(finding.node)}: `
      print(`  ${where}${finding.subject}, ${finding.detail}`)
    }
  }
  if (report.clean) print('\nAll is well, on every node.')
}
