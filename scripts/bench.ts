/**
 * `npm run bench`: loads an S3 endpoint and prints what it does: rates, latencies, CPU and memory.
 *
 *   npm run bench -- [--endpoint URL --key-id ID --secret KEY --bucket NAME [--pid N]]
 *
 * Without an endpoint it starts a node of its own on a temporary folder, or three (`--nodes 3`).
 */

import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { memoryOf } from '../test/support/process-figures.ts'
import { BAD_PEERS, besideBadPeers } from './bench/bad-peer.ts'
import { LOSSES, underLosses } from './bench/lose.ts'
import { Bench, ROWS, type RowResult } from './bench/rows.ts'
import { endpointOf, oneNode, threeNodes, type Server } from './bench/servers.ts'
import { tableOf } from './bench/report.ts'

const { values } = parseArgs({
  options: {
    endpoint: { type: 'string' },
    region: { type: 'string', default: 'us-east-1' },
    'key-id': { type: 'string' },
    secret: { type: 'string' },
    bucket: { type: 'string', default: 'my-bucket' },
    pid: { type: 'string' },
    rows: { type: 'string', default: ROWS.join(',') },
    clients: { type: 'string', default: '1,16' },
    seconds: { type: 'string', default: '3' },
    /** 3: a cluster on this machine; the requests go to its first node. */
    nodes: { type: 'string', default: '1' },
    /** `kill`, `freeze`: how long requests to three nodes take while one is lost that way. */
    lose: { type: 'string' },
    /** `none`, `slow`, `black`: memory of three nodes where one is hard to reach. */
    peer: { type: 'string' },
    /** A file for the figures as JSON. */
    json: { type: 'string' },
    /** Where the node of its own keeps its data. */
    data: { type: 'string' },
  },
})

async function serverOf(): Promise<Server> {
  const { endpoint, bucket, region, nodes, data } = values
  if (nodes === '3') return threeNodes()
  if (nodes !== '1') throw new Error(`bench: --nodes ${nodes}: wanted 1 or 3`)
  if (endpoint === undefined) return oneNode(data)
  const keys = { region, accessKeyId: values['key-id'] ?? '', secretAccessKey: values.secret ?? '' }
  return {
    ...{ endpoint: endpointOf(endpoint, keys), bucket },
    pids: values.pid === undefined ? [] : [Number(values.pid)],
    stop: () => Promise.resolve(),
  }
}

const seconds = Number(values.seconds)

async function rows(server: Server): Promise<void> {
  const { pids } = server
  const bench = new Bench({ ...server, seconds }, new Date())
  // A moment after the start, before anything was asked of it.
  await new Promise((resolve) => setTimeout(resolve, 1500))
  const idle = pids.map((pid) => memoryOf(pid)?.now ?? 0).reduce((sum, bytes) => sum + bytes, 0)
  const idleMegabytes = idle === 0 ? null : idle / 1e6
  if (idleMegabytes !== null) console.error(`idle: ${idleMegabytes.toFixed(1)} MB resident`)
  const results: RowResult[] = []
  for (const row of values.rows.split(',')) {
    for (const clients of values.clients.split(',').map(Number)) {
      const result = await bench.run(row, clients)
      results.push(result)
      console.error(tableOf([result]).split('\n').at(-1))
    }
  }
  console.log(tableOf(results))
  if (values.json !== undefined) {
    const figures = { node: process.version, idleMegabytes, results }
    await writeFile(values.json, `${JSON.stringify(figures, null, 2)}\n`)
  }
}

/** The words of an option, each one of those that are known. */
function chosen<Word extends string>(option: string, text: string, known: readonly Word[]): Word[] {
  return text.split(',').map((word) => {
    const found = known.find((one) => one === word)
    if (found === undefined) throw new Error(`bench: --${option} ${word}: wanted ${known.join()}`)
    return found
  })
}

async function withServer<S extends Server>(server: S, run: (server: S) => Promise<void>) {
  try {
    await run(server)
  } finally {
    await server.stop()
  }
}

const { lose, peer } = values
if (peer !== undefined) {
  console.log(await besideBadPeers(chosen('peer', peer, BAD_PEERS), seconds))
} else if (lose !== undefined) {
  const losses = chosen('lose', lose, LOSSES)
  await withServer(await threeNodes(), async (server) => {
    const bench = new Bench({ ...server, pids: [], seconds }, new Date())
    console.log(await underLosses(bench, server.nodes[2]!, losses))
  })
} else {
  await withServer(await serverOf(), rows)
}
