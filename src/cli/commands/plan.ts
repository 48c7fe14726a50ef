/** `hangar plan`: how much a cluster would hold, and what it would survive. Asks no node. */

import { InvalidArgumentError } from 'commander'
import { ClusterError } from '../../cluster/errors.ts'
import { quorumOf } from '../../cluster/cluster.ts'
import {
  assignPartitions,
  type Assignment,
  type StorageNode,
} from '../../cluster/layout/assignment.ts'
import { capacityBytes } from '../capacity.ts'
import { CliError } from '../command.ts'
import type { DefineCommand, GlobalOptions } from '../command.ts'
import { sizeText, textFields, textTable } from '../text-table.ts'

const FACTOR_MAX = 9

interface PlanOptions extends GlobalOptions {
  readonly factor: number
  readonly zones: number | 'maximum'
  readonly json?: boolean
}

export const plan: DefineCommand = (program, terminal) => {
  program
    .command('plan')
    .description('how much a cluster of such nodes would hold, and what it would survive')
    .argument('<nodes...>', 'each as name:zone:capacity, such as a:paris:4T')
    .option('--factor <n>', 'copies of everything', wholeNumber, 3)
    .option('--zones <n>', 'in how many zones at least', zoneCount, 'maximum')
    .option('--json', 'for programs')
    .action((words: string[], options: PlanOptions) => {
      const nodes = nodesOf(words)
      const assignment = assign(nodes, options)
      const facts = factsOf(nodes, options.factor, assignment)
      if (options.json === true) terminal.print(JSON.stringify(facts, null, 2))
      else terminal.print(show(facts))
    })
}

function wholeNumber(text: string): number {
  const count = Number(text)
  if (!/^\d$/.test(text) || count < 1) {
    throw new InvalidArgumentError(`Wanted a number from 1 to ${FACTOR_MAX}.`)
  }
  return count
}

function zoneCount(text: string): number | 'maximum' {
  return text === 'maximum' ? text : wholeNumber(text)
}

function nodesOf(words: readonly string[]): StorageNode[] {
  const nodes = words.map((word): StorageNode => {
    const [id, zone, capacity, ...more] = word.split(':')
    if (!id || !zone || !capacity || more.length > 0) {
      throw new CliError(`"${word}" is no node`, 'Give name:zone:capacity, such as a:paris:4T.')
    }
    return { id, zone, capacityBytes: capacityBytes(capacity) }
  })
  const twice = nodes.find(({ id }, index) => nodes.findIndex((node) => node.id === id) !== index)
  if (twice !== undefined) {
    throw new CliError(`node "${twice.id}" is named twice`, 'Give each node a name of its own.')
  }
  return nodes
}

function assign(nodes: readonly StorageNode[], options: PlanOptions): Assignment {
  try {
    return assignPartitions({ nodes, factor: options.factor, zoneSpread: options.zones })
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error
    throw new CliError(error.message, 'Name more nodes or zones, or lower --factor or --zones.')
  }
}

interface PlannedNode {
  readonly name: string
  readonly zone: string
  readonly capacityBytes: number
  readonly partitions: number
  readonly usedBytes: number
}

interface Facts {
  readonly factor: number
  readonly capacityBytes: number
  readonly usableBytes: number
  /** Whichever these are, every request is still served. */
  readonly nodesDown: number
  readonly zonesDown: number
  /** Lost for good, whichever they are: what was acknowledged lies on a quorum at once. */
  readonly nodesLost: number
  /** The same once every owner has its copy. */
  readonly nodesLostOnceCopied: number
  readonly nodes: readonly PlannedNode[]
}

function factsOf(nodes: readonly StorageNode[], factor: number, assignment: Assignment): Facts {
  const { owners, partitionBytes, usableBytes } = assignment
  const quorum = quorumOf(owners[0]!)
  return {
    ...{ factor, usableBytes },
    capacityBytes: nodes.reduce((sum, node) => sum + node.capacityBytes, 0),
    nodesDown: factor - quorum,
    zonesDown: zonesDown(nodes, owners, quorum),
    nodesLost: quorum - 1,
    nodesLostOnceCopied: factor - 1,
    nodes: nodes.map(({ id, zone, capacityBytes: bytes }) => {
      const partitions = owners.filter((ids) => ids.includes(id)).length
      const usedBytes = partitions * partitionBytes
      return { name: id, zone, capacityBytes: bytes, partitions, usedBytes }
    }),
  }
}

/** How many zones, whichever they are, leave a quorum of every partition. */
function zonesDown(
  nodes: readonly StorageNode[],
  owners: readonly (readonly string[])[],
  quorum: number,
): number {
  const zoneOf = new Map(nodes.map(({ id, zone }) => [id, zone]))
  const survivable = owners.map((ids) => {
    const counts = new Map<string, number>()
    for (const id of ids) counts.set(zoneOf.get(id)!, (counts.get(zoneOf.get(id)!) ?? 0) + 1)
    let left = ids.length
    let down = 0
    // The zones with the most copies are the worst to lose.
    for (const count of [...counts.values()].sort((a, b) => b - a)) {
      left -= count
      if (left < quorum) break
      down += 1
    }
    return down
  })
  return Math.min(...survivable)
}

function show(facts: Facts): string {
  const { factor, nodes } = facts
  const fields: [string, string][] = [
    ['Usable', `${sizeText(facts.usableBytes)} of ${sizeText(facts.capacityBytes)}`],
    ['Copies', `${factor}, on as many nodes`],
    ['Serves with', `${anyOf(facts.nodesDown, 'node')} down`],
    ['', `${anyOf(facts.zonesDown, 'whole zone')} down`],
    ['Keeps data with', `${anyOf(facts.nodesLost, 'node')} lost for good`],
    ['', `${anyOf(facts.nodesLostOnceCopied, 'node')}, once every copy is made`],
  ]
  const rows = nodes.map(({ name, zone, capacityBytes: bytes, partitions, usedBytes }) => [
    ...[name, zone, sizeText(bytes), `${partitions}`],
    `${sizeText(usedBytes)} (${Math.floor((usedBytes * 100) / bytes)} %)`,
  ])
  const table = textTable(['NODE', 'ZONE', 'CAPACITY', 'PARTITIONS', 'AT MOST USED'], rows)
  const even = factor === 2 ? '\n\nWith 2 copies one node down means 503: take 1, or 3.' : ''
  return `${textFields(fields)}\n\n${table}${even}`
}

function anyOf(count: number, noun: string): string {
  return count === 0 ? `no ${noun}` : `any ${count} ${noun}${count === 1 ? '' : 's'}`
}
