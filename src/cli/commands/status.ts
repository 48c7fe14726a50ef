/** `hangar status`: how the node and its cluster are. */

import type { Command } from 'commander'
import type {
  ClusterHealthAnswer,
  ClusterLayoutAnswer,
  ClusterStatusAnswer,
  LayoutHistoryAnswer,
} from '../../api/admin/answers.ts'
import { AdminClient, findNode } from '../admin-client.ts'
import { clockFindings } from '../doctor/clocks.ts'
import { mendOf, unmetFindings } from '../doctor/unmet.ts'
import type { DefineCommand, GlobalOptions, Terminal } from '../command.ts'
import { capacityText } from '../layout-text.ts'
import { sizeText, textFields, textTable } from '../text-table.ts'

interface StatusOptions extends GlobalOptions {
  readonly json?: boolean
  readonly quiet?: boolean
}

export const status: DefineCommand = (program, terminal, exit) => {
  program
    .command('status')
    .description('show the nodes; exit code 1 while not everything is served')
    .option('--json', 'for programs')
    .option('-q, --quiet', 'nothing but the exit code')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<StatusOptions>()
      const client = new AdminClient(findNode(options, terminal))
      const nodes = options.quiet
        ? undefined
        : await client.call<ClusterStatusAnswer>('GetClusterStatus')
      // After the nodes: else it could say `healthy` above a node that is shown as down.
      const health = await client.call<ClusterHealthAnswer>('GetClusterHealth')
      exit(health.status === 'unavailable' ? 1 : 0)
      if (nodes === undefined) return
      if (options.json) {
        terminal.print(JSON.stringify({ health, ...withMends(nodes) }, null, 2))
        return
      }
      const layout = await client.call<ClusterLayoutAnswer>('GetClusterLayout')
      const history = await client.call<LayoutHistoryAnswer>('GetClusterLayoutHistory')
      show(health, nodes, terminal)
      for (const text of [
        blocksText(nodes),
        quorumText(health, nodes),
        ...layoutTexts(layout, history),
      ]) {
        if (text !== undefined) terminal.print(`\n${text}`)
      }
      showFindings(health, nodes, terminal)
    })
}

function isStoring({ role, isUp }: ClusterStatusAnswer['nodes'][number]): boolean {
  return isUp && role !== null && role.capacity !== null
}

/** Copies that are missing are fetched; where one node stores, nobody has another. */
function blocksText({ nodes }: ClusterStatusAnswer): string | undefined {
  const missing = nodes.reduce((sum, node) => sum + (node.missingBlocks ?? 0), 0)
  if (missing === 0) return undefined
  const storing = nodes.filter(({ role }) => role !== null && role.capacity !== null)
  if (storing.length === 1) {
    return (
      `${missing} blocks are missing, and no other node stores: \`hangar check\` names their ` +
      'objects. Put those again, or delete them.'
    )
  }
  return (
    `${missing} blocks have a copy less than they should; their nodes are bringing them. Those that no ` +
    'node has: `hangar repair --check`.'
  )
}

/** What is left to do where starting nodes again is no longer possible. */
function quorumText(
  { status, partitionsQuorum, partitions, storageNodesOk }: ClusterHealthAnswer,
  { nodes }: ClusterStatusAnswer,
): string | undefined {
  if (status !== 'unavailable' || partitionsQuorum === partitions) return undefined
  const down = nodes.filter(({ role, isUp }) => role !== null && role.capacity !== null && !isUp)
  const mute = nodes.filter(isStoring).length > storageNodesOk
  if (down.length === 0 && !mute) return undefined
  const names = down.map(({ id }) => id.slice(0, 16)).join(', ')
  return (
    (down.length === 0 ? '' : `Start ${names} again, with the folders as they are. `) +
    'Where what is missing never comes back, the others go on without it by `hangar node give-up`: ' +
    'doc/operations/recovering.md.'
  )
}

/** What of the layout is not done: such a cluster is healthy by the layout that it has. */
function layoutTexts(
  layout: ClusterLayoutAnswer,
  { updateTrackers }: LayoutHistoryAnswer,
): string[] {
  const { parameters, stagedParameters, stagedRoleChanges } = layout
  const texts: string[] = []
  if (updateTrackers !== null) {
    texts.push('The layout is changing: `hangar layout history` says whom that waits for.')
  }
  const [now, wanted] = [parameters.replicationFactor, stagedParameters?.replicationFactor ?? 0]
  if (wanted > now) {
    texts.push(
      `Everything has ${now === 1 ? '1 copy' : `${now} copies`}; ${wanted} are staged. Add nodes where ` +
        'they are too few, then `hangar layout apply`.',
    )
  } else if (stagedParameters !== null || stagedRoleChanges.length > 0) {
    texts.push('A layout is staged and not applied: `hangar layout show`.')
  }
  return texts
}

function withMends(answer: ClusterStatusAnswer): object {
  const { unmetPeers } = answer
  if (unmetPeers === undefined) return answer
  return { ...answer, unmetPeers: unmetPeers.map((peer) => ({ ...peer, mend: mendOf(peer) })) }
}

function show(health: ClusterHealthAnswer, answer: ClusterStatusAnswer, terminal: Terminal): void {
  const { nodes, layoutVersion } = answer
  const isAlone = layoutVersion === 0 && nodes[0]?.role !== null
  const rows = nodes.map((node) => [
    node.id.slice(0, 16),
    node.hostname ?? '',
    node.addr ?? '',
    node.isUp ? 'up' : downText(node.lastSeenSecsAgo),
    node.role?.zone ?? 'no role yet',
    node.role === null ? '' : capacityText(node.role.capacity),
    node.dataPartition === undefined ? '' : sizeText(node.dataPartition.available),
    node.missingBlocks === undefined ? '' : String(node.missingBlocks),
  ])
  const titles = ['NODE', 'HOST', 'ADDRESS', 'STATE', 'ZONE', 'CAPACITY', 'FREE', 'MISSING']
  terminal.print(
    textFields([
      ['Cluster', health.status],
      ['Layout', isAlone ? '0 (one node, alone)' : String(layoutVersion)],
      ['Partitions', `${health.partitionsQuorum} of ${health.partitions} served`],
    ]),
  )
  terminal.print(`\n${textTable(titles, rows)}`)
}

function showFindings(
  health: ClusterHealthAnswer,
  answer: ClusterStatusAnswer,
  terminal: Terminal,
): void {
  const { nodes } = answer
  if (health.copiesMissing !== undefined) {
    terminal.print(
      `\n${health.copiesMissing} copies of partitions are missing since nodes were given up. ` +
        '`hangar layout apply` makes those that are staged; then `hangar layout history` says how ' +
        'far that is. Let no further node go down meanwhile.',
    )
  }
  for (const { sentence, mend } of unmetFindings(answer)) {
    terminal.print(`\n${capitalized(sentence)}.\n${mend}`)
  }
  for (const { sentence, mend } of clockFindings(nodes)) {
    terminal.print(`\n${capitalized(sentence)}. ${mend}.`)
  }
  for (const { id, notice } of nodes) {
    if (notice !== undefined) terminal.print(`\n${id.slice(0, 16)}: ${notice}`)
  }
}

function capitalized(sentence: string): string {
  return sentence[0]!.toUpperCase() + sentence.slice(1)
}

function downText(secondsAgo: number | null): string {
  return secondsAgo === null ? 'down' : `down, seen ${secondsAgo} s ago`
}
