/** After the faults: within a minute all nodes list the same, give every byte, and lack nothing. */

import type { JobAnswer, RepairCheckAnswer } from '../../src/api/admin/answers.ts'
import { get } from './actions.ts'
import { pause, type Client } from './client.ts'
import type { ChaosCluster, ChaosNode } from './cluster.ts'
import type { Journal } from './journal.ts'
import { list, type Page } from './listing.ts'

const REST_MS_MAX = 60_000
const AGAIN_MS = 250
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
): Promise<Rested> {
  const began = performance.now()
  const violations: string[] = []
  const since = (): number => Math.round(performance.now() - began)
  const shown: ReadonlyMap<string, string>[] = []
  const crashes = allOf(cluster).flatMap((node) => node.crashes())
  if (crashes.length > 0) return { sameAfterMs: 0, cleanAfterMs: 0, violations: crashes }
  for (const node of cluster.nodes) {
    const pages = await answered(since, () => list(client, { node }))
    if (pages === undefined) violations.push(`${node.name} lists nothing after ${since()} ms`)
    else shown.push(etagsOf(pages))
  }
  const first = shown[0]
  for (const [index, other] of shown.entries()) {
    if (first !== undefined && !isSame(first, other)) {
      violations.push(
        `${cluster.nodes[index]!.name} does not list what ${cluster.nodes[0]!.name} lists`,
      )
    }
  }
  for (const node of cluster.nodes) {
    violations.push(...(await readAll({ node, journal, client, since, shown: first })))
  }
  const sameAfterMs = since()
  for (const node of allOf(cluster)) {
    const lines = await node.errorLines()
    if (lines.length > 0) violations.push(`${node.name} logs ${lines.length} errors: ${lines[0]}`)
  }
  const fault = await checked(cluster.nodes[0]!, since)
  if (fault !== undefined) violations.push(`the check of the cluster finds ${fault}`)
  return { sameAfterMs, cleanAfterMs: since() - sameAfterMs, violations }
}

function allOf({ nodes, spare }: ChaosCluster): ChaosNode[] {
  return spare === undefined ? [...nodes] : [...nodes, spare]
}

/** Asks until there is an answer or the minute is over. */
async function answered<Answer>(
  since: () => number,
  ask: () => Promise<Answer | undefined>,
): Promise<Answer | undefined> {
  for (;;) {
    const answer = await ask()
    if (answer !== undefined || since() > REST_MS_MAX) return answer
    await pause(AGAIN_MS)
  }
}

interface Reading {
  readonly node: ChaosNode
  readonly journal: Journal
  readonly client: Client
  readonly since: () => number
  readonly shown: ReadonlyMap<string, string> | undefined
}

/** GET of every key that was ever named: listed ones are there, all others are not. */
async function readAll({ node, journal, client, since, shown }: Reading): Promise<string[]> {
  const faults: string[] = []
  const left = journal.keys()
  const reader = async (): Promise<void> => {
    for (let key = left.pop(); key !== undefined; key = left.pop()) {
      const name = key
      const etag = await answered(since, () => get(client, name, node))
      if (etag === undefined) faults.push(`${node.name} does not give ${key} after ${since()} ms`)
      else if (shown !== undefined && etag !== (shown.get(key) ?? '')) {
        faults.push(`${node.name} gives "${etag}" of ${key}, listed as "${shown.get(key) ?? ''}"`)
      }
    }
  }
  await Promise.all(Array.from({ length: READS_AT_ONCE }, reader))
  return faults
}

/** What `hangar repair --check` still finds when the minute is over. */
async function checked(node: ChaosNode, since: () => number): Promise<string | undefined> {
  for (;;) {
    const fault = await faultOf(node).catch((error: unknown) => String(error))
    if (fault === undefined || since() > REST_MS_MAX) return fault
    await pause(AGAIN_MS)
  }
}

async function faultOf(node: ChaosNode): Promise<string | undefined> {
  const { clean, counts, findings, silent } = await checkOf(node)
  return clean ? undefined : JSON.stringify({ counts, silent, findings: findings.slice(0, 3) })
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

function etagsOf(pages: readonly Page[]): ReadonlyMap<string, string> {
  return new Map(pages.flatMap(({ etags }) => [...etags]))
}

function isSame(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean {
  return one.size === other.size && [...one].every(([key, etag]) => other.get(key) === etag)
}
