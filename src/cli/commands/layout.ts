/** `hangar layout`: which nodes store what; staged, shown as moves, applied. */

import type {
  ClusterHealthAnswer,
  ClusterLayoutAnswer,
  ClusterStatusAnswer,
  LayoutAppliedAnswer,
  LayoutHistoryAnswer,
  LayoutPreviewAnswer,
  LayoutRevertedAnswer,
  NodesSkippedAnswer,
} from '../../api/admin/answers.ts'
import type { AdminClient } from '../admin-client.ts'
import { CliError } from '../command.ts'
import {
  hindranceOf,
  historyText,
  layoutText,
  movesText,
  revertedText,
  rolesText,
  unservedText,
  withMends,
} from '../layout-text.ts'
import type { DefineCommand } from '../command.ts'
import { collect, nodeNamed, roleOf, takesRole, wantedCapacity, wholeNumber } from '../roles.ts'
import type { RoleOptions } from '../roles.ts'
import { nodeAction, printAnswer } from '../subcommand.ts'
import type { Run as NodeRun, Work } from '../subcommand.ts'

interface LayoutOptions extends RoleOptions {
  readonly replace?: readonly string[]
  readonly redundancy?: string
  readonly version?: number
  readonly allowMissingData?: boolean
  readonly yes?: boolean
}

type Run = NodeRun<LayoutOptions>

export const layout: DefineCommand = (program, terminal) => {
  const group = program.command('layout').description('which nodes store what')
  const wire = (work: Work<LayoutOptions>) => nodeAction(terminal, work)
  const json = ['--json', 'for programs'] as const
  const which = ['<nodes...>', 'ids, or first digits of them'] as const

  group
    .command('show')
    .description('the layout, and what is staged')
    .option(...json)
    .action(wire(show))
  const assigning = group
    .command('assign')
    .description('stage a role for nodes; what is left out stays as it is')
    .argument(...which)
  takesRole(assigning, {
    zone: 'where they stand: copies lie in different zones',
    capacity: ['-c, --capacity <size>', 'what they may hold, such as 4T'],
  })
    .option('--replace <node>', 'stage its role for removal; may be given again', collect)
    .option(...json)
    .action(wire((run, [nodes]) => assign(run, nodes as unknown as readonly string[])))
  group
    .command('remove')
    .description('stage the removal of roles')
    .argument(...which)
    .option(...json)
    .action(wire((run, [nodes]) => remove(run, nodes as unknown as readonly string[])))
  group
    .command('config')
    .description('stage what holds for all nodes')
    .option('-r, --redundancy <n|max>', 'in how many zones at least')
    .option('--factor <n>', 'copies of everything', wholeNumber)
    .option(...json)
    .action(wire(configure))
  group
    .command('plan')
    .description('what applying would move')
    .option(...json)
    .action(wire(plan))
  group
    .command('apply')
    .description('make what is staged the layout')
    .option('--version <n>', 'of the new one, so that nobody comes between', wholeNumber)
    .option('--yes', 'also where nodes are down whose partitions would be refused then')
    .option(...json)
    .action(wire(apply))
  group
    .command('revert')
    .description('drop what is staged, and say what it was')
    .option('--yes', 'accepted, for scripts of Garage')
    .option(...json)
    .action(wire(revert))
  group
    .command('history')
    .description('how far each node has come, and whom a change waits for')
    .option(...json)
    .action(wire(history))
  group
    .command('skip-dead-nodes')
    .description('go on without the nodes that do not answer')
    .requiredOption('--version <n>', 'of the layout that waits for them', wholeNumber)
    .option(
      '--allow-missing-data',
      'declare them lost: what only they hold, or were to take over, is given up',
    )
    .option(...json)
    .action(wire(skipDeadNodes))
}

function current(client: AdminClient): Promise<ClusterLayoutAnswer> {
  return client.call<ClusterLayoutAnswer>('GetClusterLayout')
}

async function show(run: Run): Promise<void> {
  printAnswer(run, await current(run.client), layoutText)
}

/** Every id that a prefix may mean. */
async function knownNodes(client: AdminClient, found: ClusterLayoutAnswer): Promise<string[]> {
  const { nodes } = await client.call<ClusterStatusAnswer>('GetClusterStatus')
  const staged = [...found.roles, ...found.stagedRoleChanges]
  return [...new Set([...nodes, ...staged].map(({ id }) => id))]
}

function resolve(word: string, known: readonly string[]): string {
  if (/^[0-9a-f]{64}$/.test(word)) return word
  return nodeNamed(
    word,
    known.map((id) => ({ id })),
  ).id
}

async function assign(run: Run, words: readonly string[]): Promise<void> {
  const { client, options } = run
  const found = await current(client)
  const known = await knownNodes(client, found)
  const { replace = [] } = options
  const wanted = wantedCapacity(options)
  const roles = words.map((word) => {
    const id = resolve(word, known)
    const before = roleOf(found, id)
    const zone = options.zone ?? before?.zone
    const capacity = wanted === undefined ? before?.capacity : wanted
    if (zone === undefined || capacity === undefined) {
      throw new CliError(
        `node ${id.slice(0, 16)} has no role yet`,
        'Give --zone, and --capacity or --gateway.',
      )
    }
    return { id, zone, capacity, tags: options.tag ?? before?.tags ?? [] }
  })
  const removed = replace.map((word) => ({ id: resolve(word, known), remove: true }))
  await stage(run, { roles: [...roles, ...removed] })
}

async function remove(run: Run, words: readonly string[]): Promise<void> {
  const known = await knownNodes(run.client, await current(run.client))
  const roles = words.map((word) => ({ id: resolve(word, known), remove: true }))
  await stage(run, { roles })
}

async function configure(run: Run): Promise<void> {
  const { redundancy, factor } = run.options
  if (redundancy === undefined && factor === undefined) {
    throw new CliError('nothing is given', 'Give --redundancy or --factor.')
  }
  await stage(run, {
    parameters: {
      ...(redundancy === undefined ? {} : { zoneRedundancy: zonesOf(redundancy) }),
      ...(factor === undefined ? {} : { replicationFactor: factor }),
    },
  })
}

function zonesOf(text: string): 'maximum' | { readonly atLeast: number } {
  if (text === 'max' || text === 'maximum') return 'maximum'
  if (text === 'none') return { atLeast: 1 }
  if (/^\d$/.test(text)) return { atLeast: Number(text) }
  throw new CliError(`"${text}" is no number of zones`, 'Give a number, or max.')
}

async function stage(run: Run, body: unknown): Promise<void> {
  const call = run.client.call<ClusterLayoutAnswer>('UpdateClusterLayout', { body })
  printAnswer(run, await call, layoutText)
}

async function plan({ client, options, terminal }: Run): Promise<void> {
  const found = await client.call<LayoutPreviewAnswer>('PreviewClusterLayoutChanges', { body: {} })
  if (options.json) {
    terminal.print(JSON.stringify(found, null, 2))
    return
  }
  if ('error' in found) throw cannotBe(found.error)
  terminal.print(movesText(found))
  terminal.print(`\nTo make it so: hangar layout apply --version ${found.newLayout.version}`)
}

async function apply(run: Run): Promise<void> {
  const { client, options } = run
  if (options.yes !== true) await assertServed(client)
  const version = options.version ?? (await current(client)).version + 1
  const answer = await client.call<LayoutAppliedAnswer>('ApplyClusterLayout', { body: { version } })
  printAnswer(run, answer, (done) => `${done.message.join('\n')}\n\n${rolesText(done.layout)}`)
}

function cannotBe(why: string): CliError {
  const [, wanted, has] = /copies want (\d+) nodes that store, and there are (\d+)/.exec(why) ?? []
  const mend =
    wanted === undefined
      ? ''
      : ` Stage more nodes: \`hangar layout assign\`; or fewer copies: \`hangar layout config --factor ${has}\`.`
  return new CliError(why, `\`hangar layout show\` shows what is staged.${mend}`)
}

/** @throws {CliError} where applying would take away what is served now */
async function assertServed(client: AdminClient): Promise<void> {
  const found = await client.call<LayoutPreviewAnswer>('PreviewClusterLayoutChanges', { body: {} })
  if ('error' in found) throw cannotBe(found.error)
  if (found.unserved === undefined) return
  throw new CliError(
    unservedText(found.unserved),
    'Start them first, or give the place of what is dead to another node: `hangar layout assign NEW ' +
      '--replace ID`. To apply it all the same: `hangar layout apply --yes`.',
  )
}

async function revert(run: Run): Promise<void> {
  const left = await run.client.call<LayoutRevertedAnswer>('RevertClusterLayout', { body: {} })
  printAnswer(run, left, revertedText)
}

async function history(run: Run): Promise<void> {
  const { client } = run
  const found = await client.call<LayoutHistoryAnswer>('GetClusterLayoutHistory')
  if (found.waitedFor === undefined) {
    printAnswer(run, found, historyText)
    return
  }
  const nodes = await client.call<ClusterStatusAnswer>('GetClusterStatus')
  const health = await client.call<ClusterHealthAnswer>('GetClusterHealth')
  printAnswer(run, withMends(found, hindranceOf(health, nodes)), historyText)
}

async function skipDeadNodes(run: Run): Promise<void> {
  const { version, allowMissingData = false } = run.options
  const body = { version, allowMissingData }
  const found = await run.client.call<NodesSkippedAnswer>('ClusterLayoutSkipDeadNodes', { body })
  const lines = ({ ackUpdated, syncUpdated }: NodesSkippedAnswer): string =>
    `Not waited for: ${listed(ackUpdated)}\nLost: ${listed(syncUpdated)}`
  printAnswer(run, found, lines)
}

function listed(ids: readonly string[]): string {
  return ids.length === 0 ? 'no node' : ids.map((id) => id.slice(0, 16)).join(', ')
}
