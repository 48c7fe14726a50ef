/**
 * Which nodes own which partition: the most usable capacity, then the fewest moves. Pure.
 *
 * All partitions count as equally large. The largest size that fits is found first: partitions do
 * not differ, so a size fits exactly when
 * `sum over zones of min(P * copies in a zone, sum over its nodes of min(P, slots))` is not below
 * `P * factor`, where a node has `floor(capacity / size)` slots (flows in whole units are as large
 * as fractional ones). Then a cheapest flow places the copies, where a copy that stays costs 0 and
 * one that moves 1.
 */

import { assert } from '../../base/assert.ts'
import { PARTITION_COUNT } from '../cluster.ts'
import { ClusterError } from '../errors.ts'
import { FlowNetwork } from './flow.ts'

/** Of so many the places are remembered: each is some KiB. */
const REMEMBERED_MAX = 16

/** A node that stores; gateways have no capacity and are not named here. */
export interface StorageNode {
  readonly id: string
  readonly zone: string
  readonly capacityBytes: number
}

export interface AssignmentRequest {
  readonly nodes: readonly StorageNode[]
  /** Copies of each partition, on distinct nodes. */
  readonly factor: number
  /** In how many zones at least; `maximum`: in as many as there are, up to `factor`. */
  readonly zoneSpread: number | 'maximum'
  /** Owners of each partition until now; those that stay cost no move. */
  readonly previous?: readonly (readonly string[])[]
  /** @default PARTITION_COUNT */
  readonly partitionCount?: number
}

export interface Assignment {
  /** Ids of the owners of each partition, in the order of `nodes`. */
  readonly owners: readonly (readonly string[])[]
  /** What one partition may hold. */
  readonly partitionBytes: number
  /** What all partitions may hold, each byte stored `factor` times. */
  readonly usableBytes: number
  /** Copies that lie on a node that had none of that partition. */
  readonly moves: number
}

interface Zone {
  readonly name: string
  readonly nodes: readonly StorageNode[]
}

/** @throws {ClusterError} `CannotAssign`, when no assignment keeps the rules */
export function assignPartitions(request: AssignmentRequest): Assignment {
  const { nodes, previous, partitionCount = PARTITION_COUNT } = request
  const zones = zonesOf(nodes)
  const copiesInZone = copiesInZoneMax(request, zones)
  const placed = placedAs({ ...request, zones, copiesInZone, partitionCount })
  const { partitionBytes } = placed
  const owners = placed.owners.map((indexes) => indexes.map((index) => nodes[index]!.id))
  let moves = 0
  owners.forEach((ids, partition) => {
    moves += ids.filter((id) => previous?.[partition]?.includes(id) !== true).length
  })
  return { owners, partitionBytes, usableBytes: partitionBytes * partitionCount, moves }
}

function zonesOf(nodes: readonly StorageNode[]): Zone[] {
  const byName = new Map<string, StorageNode[]>()
  for (const node of nodes) {
    const members = byName.get(node.zone)
    if (members === undefined) byName.set(node.zone, [node])
    else members.push(node)
  }
  return [...byName].map(([name, members]) => ({ name, nodes: members }))
}

/** Of the copies of one partition, how many may share a zone. */
function copiesInZoneMax(request: AssignmentRequest, zones: readonly Zone[]): number {
  const { nodes, factor, zoneSpread } = request
  if (nodes.length < factor) {
    throw cannotAssign(
      `${factor} copies want ${factor} nodes that store, and there are ${nodes.length}`,
    )
  }
  const spread = zoneSpread === 'maximum' ? Math.min(factor, zones.length) : zoneSpread
  if (spread > factor) {
    throw cannotAssign(`${factor} copies cannot lie in ${spread} zones`)
  }
  if (spread > zones.length) {
    throw cannotAssign(`copies in ${spread} zones are wanted, and there are ${zones.length}`)
  }
  return factor - spread + 1
}

interface Rules {
  readonly factor: number
  readonly copiesInZone: number
  readonly partitionCount: number
}

function fits(zones: readonly Zone[], size: number, rules: Rules): boolean {
  const { factor, copiesInZone, partitionCount } = rules
  let places = 0
  for (const { nodes } of zones) {
    let slots = 0
    for (const { capacityBytes } of nodes) {
      slots += Math.min(partitionCount, Math.floor(capacityBytes / size))
    }
    places += Math.min(partitionCount * copiesInZone, slots)
  }
  return places >= partitionCount * factor
}

/** Only where some node's slots change can the answer lie: at `floor(capacity / k)`. */
function largestPartition(zones: readonly Zone[], rules: Rules): number {
  const sizes = new Set<number>()
  for (const { nodes } of zones) {
    for (const { capacityBytes } of nodes) {
      for (let slots = 1; slots <= rules.partitionCount; slots += 1) {
        sizes.add(Math.floor(capacityBytes / slots))
      }
    }
  }
  sizes.delete(0)
  const ascending = [...sizes].sort((left, right) => left - right)
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (fits(zones, ascending[middle]!, rules)) low = middle + 1
    else high = middle
  }
  const best = ascending[low - 1]
  if (best === undefined) {
    throw cannotAssign('some nodes are too small to hold their share; give them more capacity')
  }
  return best
}

interface Wanted extends AssignmentRequest, Rules {
  readonly partitionCount: number
  readonly zones: readonly Zone[]
}

interface Placing extends Wanted {
  readonly partitionBytes: number
}

interface Placed {
  readonly partitionBytes: number
  /** Indexes of the owners of each partition. */
  readonly owners: readonly (readonly number[])[]
}

/** By everything that it depends on. */
const remembered = new Map<string, Placed>()

/** A layout is previewed before it is applied, and computed again where two apply at once. */
function placedAs(wanted: Wanted): Placed {
  const name = nameOf(wanted)
  let placed = remembered.get(name)
  if (placed === undefined) {
    const partitionBytes = largestPartition(wanted.zones, wanted)
    placed = { partitionBytes, owners: place({ ...wanted, partitionBytes }) }
    if (remembered.size === REMEMBERED_MAX) remembered.delete(remembered.keys().next().value!)
    remembered.set(name, placed)
  }
  return placed
}

/** What nodes and zones are called does not count; who owned what does. */
function nameOf({ nodes, zones, previous, ...numbers }: Wanted): string {
  const indexes = new Map(nodes.map(({ id }, index) => [id, index]))
  const zoneOf = new Map(zones.map(({ name }, index) => [name, index]))
  return [
    ...[numbers.factor, numbers.copiesInZone, numbers.partitionCount],
    nodes.map(({ zone, capacityBytes }) => `${zoneOf.get(zone)}:${capacityBytes}`).join(),
    ...(previous ?? []).map((ids) => ids.map((id) => indexes.get(id)).join()),
  ].join(' ')
}

/** Source, partitions, partitions by zone, nodes, sink: each copy is a unit that flows through. */
function place(placing: Placing): number[][] {
  const { nodes, zones, factor, previous, partitionCount } = placing
  const source = 0
  const sink = 1
  const partitionAt = (partition: number): number => 2 + partition
  const zoneAt = (partition: number, zone: number): number =>
    2 + partitionCount + partition * zones.length + zone
  const firstNode = 2 + partitionCount * (1 + zones.length)
  const flow = new FlowNetwork(firstNode + nodes.length)
  const numbers = new Map(nodes.map((node, index) => [node, index]))
  const edges: { partition: number; index: number; edge: number }[] = []
  for (let partition = 0; partition < partitionCount; partition += 1) {
    flow.connect(source, partitionAt(partition), { capacity: factor, cost: 0 })
    zones.forEach((zone, number) => {
      const from = zoneAt(partition, number)
      flow.connect(partitionAt(partition), from, { capacity: placing.copiesInZone, cost: 0 })
      for (const node of zone.nodes) {
        const index = numbers.get(node)!
        const cost = previous?.[partition]?.includes(node.id) === true ? 0 : 1
        const edge = flow.connect(from, firstNode + index, { capacity: 1, cost })
        edges.push({ partition, index, edge })
      }
    })
  }
  nodes.forEach(({ capacityBytes }, index) => {
    const capacity = Math.min(partitionCount, Math.floor(capacityBytes / placing.partitionBytes))
    flow.connect(firstNode + index, sink, { capacity, cost: 0 })
  })
  const { units } = flow.run(source, sink)
  assert(units === partitionCount * factor, 'a size that fits has a place for every copy')
  const owners = Array.from({ length: partitionCount }, (): number[] => [])
  for (const { partition, index, edge } of edges) {
    if (flow.flowOf(edge) === 1) owners[partition]!.push(index)
  }
  return owners.map((indexes) => indexes.sort((a, b) => a - b))
}

function cannotAssign(why: string): ClusterError {
  return new ClusterError('CannotAssign', `Cannot assign partitions: ${why}`)
}
