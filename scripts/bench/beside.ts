/** Runs each row on one server, or on two by turns. */

import { writeFileSync } from 'node:fs'
import { memoryOf } from '../../test/support/process-figures.ts'
import { quiet, type RowResult } from './load.ts'
import type { Options } from './options.ts'
import { comparisonTable, figure, medianOf, shortfalls, tableOf, type Compared } from './report.ts'
import { Bench, type Row } from './rows.ts'
import type { Server } from './servers.ts'

/** A server that has just started does things of its own. */
const START_MS = 1_500

export interface Rival {
  readonly name: string
  readonly server: Server
}

interface Side {
  readonly name: string
  readonly bench: Bench
  readonly idleMegabytes: number | null
}

interface Turns {
  readonly row: Row
  readonly clients: number
  readonly ours: readonly RowResult[]
  readonly peer: readonly RowResult[]
}

type Asked = Pick<Options, 'rows' | 'clients' | 'largeClients' | 'seconds' | 'turns' | 'json'>

/** @returns the report, and whether every turn of ours came through */
export async function runRows(
  asked: Asked,
  ours: Rival,
  peer: Rival | undefined,
): Promise<{ report: string; isWhole: boolean }> {
  await new Promise((resolve) => setTimeout(resolve, START_MS))
  const mine = await sideOf(ours, asked.seconds)
  const theirs = peer === undefined ? undefined : await sideOf(peer, asked.seconds)
  const sides = theirs === undefined ? [mine] : [mine, theirs]
  const pids = [...ours.server.pids, ...(peer?.server.pids ?? [])]
  const faults: string[] = []
  const all: Turns[] = []
  const pairs = asked.rows.flatMap((row) => {
    const counts = row.includes('64m') ? asked.largeClients : asked.clients
    return counts.map((clients) => ({ row, clients }))
  })
  for (const [at, { row, clients }] of pairs.entries()) {
    console.error(`${at + 1} of ${pairs.length}: ${row}, ${clients} clients`)
    const results = sides.map((): RowResult[] => [])
    for (let turn = 0; turn < asked.turns * sides.length; turn += 1) {
      const index = turn % sides.length
      await quiet(pids)
      const result = await oneTurn(sides[index]!, row, clients)
      if (typeof result === 'string') faults.push(result)
      else results[index]?.push(result)
    }
    all.push({ row, clients, ours: results[0] ?? [], peer: results[1] ?? [] })
    if (asked.json !== undefined) writeFileSync(asked.json, jsonOf(asked, sides, all))
  }
  // What is started for the run goes with its folder; a server that was there keeps its bucket.
  await theirs?.bench.clean()
  const isWhole = all.every(({ ours: done }) => done.length === asked.turns)
  return { report: reportOf(all, theirs?.name, faults), isWhole }
}

async function sideOf({ name, server }: Rival, seconds: number): Promise<Side> {
  const { pids, endpoint } = server
  const bytes = pids.map((pid) => memoryOf(pid)?.now ?? 0).reduce((sum, one) => sum + one, 0)
  const idleMegabytes = bytes === 0 ? null : bytes / 1e6
  if (idleMegabytes !== null) console.error(`${name}: ${figure(idleMegabytes)} MB resident, idle`)
  const bench = new Bench({ ...server, seconds })
  await bench.check().catch((error: unknown) => {
    throw new Error(`${name} at ${endpoint.host}: ${messageOf(error)}`)
  })
  return { name, bench, idleMegabytes }
}

/** What went wrong instead of figures: the other rows still run. */
async function oneTurn({ name, bench }: Side, row: Row, clients: number) {
  const title = `${name}: ${row}, ${clients} ${clients === 1 ? 'client' : 'clients'}`
  try {
    const result = await bench.run(row, clients)
    console.error(`  ${name}: ${lineOf(result)}`)
    return result
  } catch (error) {
    const fault = `${title}: ${messageOf(error)}`
    console.error(`  FAILED ${fault}`)
    return fault
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function lineOf({ perSecond, cpuMsPerRequest, p99Ms, lostPercent }: RowResult): string {
  const cpu = cpuMsPerRequest === null ? '' : `${figure(cpuMsPerRequest)} ms of CPU each, `
  return `${figure(perSecond)}/s, ${cpu}p99 ${figure(p99Ms)} ms, lost ${lostPercent.toFixed(0)} %`
}

function comparedOf({ row, clients, ours, peer }: Turns): Compared {
  return { row, clients, ours: medianOf(ours), peer: medianOf(peer) }
}

function reportOf(all: readonly Turns[], peer: string | undefined, faults: readonly string[]) {
  const compared = all.map(comparedOf)
  const ours = compared.map((one) => one.ours).filter((one) => one !== null)
  const table = peer === undefined ? tableOf(ours) : comparisonTable(peer, compared)
  const short = shortfalls(peer ?? 'the peer', compared)
  const paragraph = (title: string, lines: readonly string[]): string =>
    lines.length === 0 ? '' : `\n\n${title}\n\n${lines.map((line) => `- ${line}`).join('\n')}`
  return table + paragraph('Short of the aim:', short) + paragraph('Failed:', faults)
}

function jsonOf(asked: Asked, sides: readonly Side[], all: readonly Turns[]): string {
  const [mine, theirs] = sides
  const figures = {
    ...{ node: process.version, seconds: asked.seconds, turns: asked.turns },
    idleMegabytes: mine?.idleMegabytes ?? null,
    ...(theirs === undefined
      ? { results: all.flatMap(({ ours }) => medianOf(ours) ?? []) }
      : {
          peer: { name: theirs.name, idleMegabytes: theirs.idleMegabytes },
          compared: all.map((turns) => ({ ...comparedOf(turns), turns })),
        }),
  }
  return `${JSON.stringify(figures, null, 2)}\n`
}
