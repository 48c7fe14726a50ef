/** After the faults: all nodes list the same, give every byte, and their queues are empty. */

import type { JobAnswer, RepairCheckAnswer } from '../../src/api/admin/answers.ts'
import { get } from './actions.ts'
import { pause, type Client } from './client.ts'
import type { ChaosCluster, ChaosNode } from './cluster.ts'
import type { Fault } from './faults.ts'
import type { Journal } from './journal.ts'
import { list, type Page } from './listing.ts'

/** How long the cluster may take, on a machine that does nothing else. */
const REST_MS_MAX = 60_000
const AGAIN_MS = 250
/**
 * What is freed waits out the time in which a write may be tried: an upload's manifest first, its
 * parts' after that.
 */
const FREED_MS_MAX = 150_000
/** What these hold has nothing left to be done but to grow old. */
const AGING: ReadonlySet<string> = new Set(['blocks', 'tombstones'])
const FREEING: ReadonlySet<string> = new Set([...AGING, 'notes', 'manifests'])
const READS_AT_ONCE = 8

export interface Rested {
  readonly sameAfterMs: number
  readonly cleanAfterMs: number
  readonly violations: readonly string[]
}

/** Reads everything through every node until all answer; the reads are in the journal too. */
export async function rest(
  cluster: ChaosCluster,
  journal: Journal,
  client: Client,
  { clocksApartMs = 0, leavesNobodyToAsk }: Pick<Fault, 'clocksApartMs' | 'leavesNobodyToAsk'>,
): Promise<Rested> {
  const began = performance.now()
  const violations: string[] = []
  const since = (): number => Math.round(performance.now() - began)
  // What waits by the cluster's time does so until the clocks have caught up with the one that was ahead.
  const isOver = (): boolean => since() > REST_MS_MAX + clocksApartMs
  const isFreed = (): boolean => since() > FREED_MS_MAX + clocksApartMs
  const shown: Shown[] = []
  const crashes = allOf(cluster).flatMap((node) => node.crashes())
  if (crashes.length > 0) return { sameAfterMs: 0, cleanAfterMs: 0, violations: crashes }
  for (const node of cluster.nodes) {
    const pages = await answered(isOver, () => list(client, { node }))
    if (pages === undefined) violations.push(`${node.name} lists nothing after ${since()} ms`)
    else shown.push(etagsOf(pages))
  }
  const first = shown[0]
  const open = openKeys(journal)
  for (const [index, other] of shown.entries()) {
    const apart = differences(first!, other).filter((key) => !open.has(key))
    if (apart.length > 0) {
      const [one, two] = [cluster.nodes[index]!.name, cluster.nodes[0]!.name]
      violations.push(`${one} does not list what ${two} lists: ${apart.slice(0, 5).join(', ')}`)
    }
  }
  for (const node of cluster.nodes) {
    violations.push(
      ...(await readAll({ node, journal, client, since, isOver, shown: first, open })),
    )
  }
  const left = await settledOpen({ cluster, client, isOver, open })
  if (left !== undefined) violations.push(`writes without an answer never settled: ${left}`)
  const sameAfterMs = since()
  for (const node of allOf(cluster)) {
    const lines = await node.errorLines()
    if (lines.length > 0) violations.push(`${node.name} logs ${lines.length} errors: ${lines[0]}`)
  }
  const [node] = cluster.nodes as [ChaosNode]
  const fault =
    (await checked(node, FREEING, isOver)) ??
    (leavesNobodyToAsk === true ? undefined : await checked(node, AGING, isFreed))
  if (fault !== undefined) violations.push(`the check of the cluster finds ${fault}`)
  return { sameAfterMs, cleanAfterMs: since() - sameAfterMs, violations }
}

function allOf({ nodes, spare }: ChaosCluster): ChaosNode[] {
  return spare === undefined ? [...nodes] : [...nodes, spare]
}

/** ETags by keys. */
type Shown = ReadonlyMap<string, string>

/**
 * Keys of which a client never heard how a write ended: that may take effect between two looks, so
 * that two nodes may say otherwise of them for a while. Of all others every answer is final.
 */
function openKeys({ records }: Journal): ReadonlySet<string> {
  const open = records.filter(
    ({ answer, request }) => answer === undefined && request.kind !== 'get',
  )
  return new Set(open.map(({ key }) => key))
}

interface Settling {
  readonly cluster: ChaosCluster
  readonly client: Client
  readonly isOver: () => boolean
  readonly open: ReadonlySet<string>
}

/** Looks until all nodes list and give the same of these too. @returns what they still differ in */
async function settledOpen(settling: Settling): Promise<string | undefined> {
  const { cluster, client, isOver, open } = settling
  if (open.size === 0) return undefined
  for (;;) {
    const said: (Shown | undefined)[] = []
    for (const node of cluster.nodes) {
      const pages = await list(client, { node })
      said.push(pages === undefined ? undefined : etagsOf(pages))
      said.push(await given(client, node, open))
    }
    const [first] = said
    const apart = said.flatMap((shown) => {
      if (first === undefined || shown === undefined) return ['a node does not answer']
      return differences(first, shown).filter((key) => open.has(key))
    })
    if (apart.length === 0) return undefined
    if (isOver()) return [...new Set(apart)].slice(0, 5).join(', ')
    await pause(AGAIN_MS)
  }
}

/** What a node gives of these keys; undefined where it does not answer for one of them. */
async function given(
  client: Client,
  node: ChaosNode,
  keys: Iterable<string>,
): Promise<Shown | undefined> {
  const found = new Map<string, string>()
  for (const key of keys) {
    const etag = await get(client, key, node)
    if (etag === undefined) return undefined
    if (etag !== '') found.set(key, etag)
  }
  return found
}

/** Asks until there is an answer or the time is over. */
async function answered<Answer>(
  isOver: () => boolean,
  ask: () => Promise<Answer | undefined>,
): Promise<Answer | undefined> {
  for (;;) {
    const answer = await ask()
    if (answer !== undefined || isOver()) return answer
    await pause(AGAIN_MS)
  }
}

interface Reading {
  readonly node: ChaosNode
  readonly journal: Journal
  readonly client: Client
  readonly since: () => number
  readonly isOver: () => boolean
  readonly shown: Shown | undefined
  /** Not compared here: see `openKeys`. */
  readonly open: ReadonlySet<string>
}

/** GET of every key that was ever named: listed ones are there, all others are not. */
async function readAll(reading: Reading): Promise<string[]> {
  const { node, journal, client, since, isOver, shown, open } = reading
  const faults: string[] = []
  const left = journal.keys()
  const reader = async (): Promise<void> => {
    for (let key = left.pop(); key !== undefined; key = left.pop()) {
      const name = key
      const etag = await answered(isOver, () => get(client, name, node))
      if (etag === undefined) faults.push(`${node.name} does not give ${key} after ${since()} ms`)
      else if (shown !== undefined && !open.has(key) && etag !== (shown.get(key) ?? '')) {
        faults.push(`${node.name} gives "${etag}" of ${key}, listed as "${shown.get(key) ?? ''}"`)
      }
    }
  }
  await Promise.all(Array.from({ length: READS_AT_ONCE }, reader))
  return faults
}

/**
 * What `hangar repair --check` still finds, and what its queues still hold, when the time is over.
 *
 * @param patient queues that need not be empty
 */
async function checked(
  node: ChaosNode,
  patient: ReadonlySet<string>,
  isOver: () => boolean,
): Promise<string | undefined> {
  for (;;) {
    const fault = await faultOf(node, patient).catch((error: unknown) => String(error))
    if (fault === undefined || isOver()) return fault
    await pause(AGAIN_MS)
  }
}

async function faultOf(node: ChaosNode, patient: ReadonlySet<string>): Promise<string | undefined> {
  const { clean, waiting, counts, findings, silent } = await checkOf(node)
  const isIdle = Object.entries(waiting).every(([queue, held]) => patient.has(queue) || held === 0)
  if (clean && isIdle) return undefined
  return JSON.stringify({ counts, silent, waiting, findings: findings.slice(0, 3) })
}

async function checkOf(node: ChaosNode): Promise<RepairCheckAnswer> {
  await node.ask('/hangar/v1/repair-check', {})
  for (;;) {
    const { text } = await node.ask('/hangar/v1/repair-check')
    const { state, report } = JSON.parse(text) as JobAnswer
    if (state === 'done') return report as RepairCheckAnswer
    if (state !== 'running') throw new Error(text)
    await pause(AGAIN_MS)
  }
}

function etagsOf(pages: readonly Page[]): Shown {
  return new Map(pages.flatMap(({ etags }) => [...etags]))
}

function differences(one: Shown, other: Shown): string[] {
  const keys = new Set([...one.keys(), ...other.keys()])
  return [...keys].filter((key) => one.get(key) !== other.get(key))
}
