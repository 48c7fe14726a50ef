/** `hangar status`: how the node and its cluster are. */

import type { Command } from 'commander'
import type { ClusterHealthAnswer, ClusterStatusAnswer } from '../../api/admin/answers.ts'
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
      const health = await client.call<ClusterHealthAnswer>('GetClusterHealth')
      exit(health.status === 'unavailable' ? 1 : 0)
      if (options.quiet) return
      const nodes = await client.call<ClusterStatusAnswer>('GetClusterStatus')
      if (options.json) terminal.print(JSON.stringify({ health, ...withMends(nodes) }, null, 2))
      else show(health, nodes, terminal)
    })
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
  const missing = nodes.reduce((sum, node) => sum + (node.missingBlocks ?? 0), 0)
  if (missing > 0) {
    terminal.print(
      `\n${missing} blocks have a copy less than they should; their nodes are bringing them.`,
    )
  }
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
