/**
 * `npm run bench`: loads an S3 endpoint and prints what it does: rates, latencies, CPU and memory.
 *
 *   npm run bench -- [--endpoint URL --key-id ID --secret KEY --bucket NAME [--pid N]]
 *
 * Without an endpoint it starts a node of its own on a temporary folder.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { memoryOf } from '../test/support/process-figures.ts'
import { startNode } from '../test/support/spawn-node.ts'
import { Bench, ROWS, type BenchOptions, type RowResult } from './bench/rows.ts'
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
    /** A file for the figures as JSON. */
    json: { type: 'string' },
    /** Where the node of its own keeps its data. */
    data: { type: 'string' },
  },
})

interface Server {
  readonly options: BenchOptions
  stop(): Promise<void>
}

async function serverOf(): Promise<Server> {
  const { endpoint, bucket, region } = values
  if (endpoint === undefined) return ownNode()
  const pid = values.pid === undefined ? undefined : Number(values.pid)
  const keys = { accessKeyId: values['key-id'] ?? '', secretAccessKey: values.secret ?? '' }
  const options = { ...optionsOf(endpoint, { region, ...keys }), bucket, pid }
  return { options, stop: () => Promise.resolve() }
}

async function ownNode(): Promise<Server> {
  const data = values.data ?? (await mkdtemp(join(tmpdir(), 'hangar-bench-')))
  const node = await startNode({ data })
  const { hello, pid } = node
  const options = {
    ...optionsOf(hello.s3.endpoint, { ...hello, region: hello.s3.region }),
    ...{ bucket: hello.bucket, pid },
  }
  const stop = async (): Promise<void> => {
    await node.stop()
    if (values.data === undefined) await rm(data, { recursive: true, force: true })
  }
  return { options, stop }
}

function optionsOf(
  endpoint: string,
  keys: { region: string; accessKeyId: string; secretAccessKey: string },
): Pick<BenchOptions, 'endpoint' | 'seconds'> {
  const { host, hostname, port } = new URL(endpoint)
  const { region, accessKeyId, secretAccessKey } = keys
  return {
    endpoint: { host, hostname, port: Number(port || 80), region, accessKeyId, secretAccessKey },
    seconds: Number(values.seconds),
  }
}

const server = await serverOf()
const results: RowResult[] = []
try {
  const { pid } = server.options
  // A moment after the start, before anything was asked of it.
  await new Promise((resolve) => setTimeout(resolve, 1500))
  const idle = pid === undefined ? undefined : memoryOf(pid)
  const idleMegabytes = idle === undefined ? null : idle.now / 1e6
  if (idleMegabytes !== null) console.error(`idle: ${idleMegabytes.toFixed(1)} MB resident`)
  const bench = new Bench(server.options, new Date())
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
} finally {
  await server.stop()
}
