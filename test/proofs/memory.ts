/** Eight clients, 5 GB up and 5 GB down, one of them very slow: the node's memory stays bounded. */

import { request, type IncomingMessage } from 'node:http'
import { StampedStream } from '../support/content.ts'
import { memoryOf } from '../support/process-figures.ts'
import { prepare, type Prepared, type Target } from '../support/signed-client.ts'
import { startNode, type RunningNode } from '../support/spawn-node.ts'
import { claim, inFolder, progress, Skipped } from './claims.ts'

const MIB = 1024 * 1024
const CLIENTS = 8
const OBJECT_MIB = 64
const TOTAL_BYTES = Number(process.env['HANGAR_PROOF_GIGABYTES'] ?? 5) * 1e9
const OBJECTS = Math.ceil(TOTAL_BYTES / (OBJECT_MIB * MIB))
const SLOW_BYTES_PER_SECOND = 10_000
const PEAK_BYTES_MAX = 400e6

function target(node: RunningNode): Target {
  return { ...node.hello, ...node.hello.s3 }
}

function send(to: Target, prepared: Prepared): { answer: Promise<IncomingMessage>; end: SendBody } {
  const { hostname, port } = new URL(to.endpoint)
  const { method, path, headers } = prepared
  const sent = request({ hostname, port, method, path, headers, agent: false })
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve)
    sent.once('error', reject)
  })
  const end: SendBody = async (blocks) => {
    for (const block of blocks) {
      if (!sent.write(block)) await new Promise((resolve) => sent.once('drain', resolve))
    }
    sent.end()
  }
  return { answer, end }
}

type SendBody = (blocks: Iterable<Buffer>) => Promise<void>

function* blocksOf(stream: StampedStream): Generator<Buffer> {
  for (let index = 0; index < OBJECT_MIB; index += 1) yield stream.block(index)
}

async function upload(node: RunningNode, object: number): Promise<void> {
  const prepared = prepare(target(node), {
    ...{ method: 'PUT', bucket: node.hello.bucket, key: `object-${object}`, presigned: true },
  })
  prepared.headers['content-length'] = `${OBJECT_MIB * MIB}`
  const { answer, end } = send(target(node), prepared)
  await end(blocksOf(new StampedStream(object)))
  const response = await answer
  response.resume()
  if (response.statusCode !== 200) throw new Error(`PUT ${object}: ${response.statusCode}`)
  await new Promise((resolve) => response.once('end', resolve))
}

async function open(node: RunningNode, object: number): Promise<IncomingMessage> {
  const prepared = prepare(target(node), {
    ...{ method: 'GET', bucket: node.hello.bucket, key: `object-${object}` },
  })
  const { answer, end } = send(target(node), prepared)
  await end([])
  const response = await answer
  if (response.statusCode !== 200) throw new Error(`GET ${object}: ${response.statusCode}`)
  return response
}

async function download(node: RunningNode, object: number): Promise<void> {
  const stream = new StampedStream(object)
  let at = 0
  for await (const piece of await open(node, object)) {
    if (!stream.matches(piece as Buffer, at)) throw new Error(`object ${object} differs at ${at}`)
    at += (piece as Buffer).length
  }
  if (at !== OBJECT_MIB * MIB) throw new Error(`object ${object} ended after ${at} bytes`)
}

/** Reads at a crawl until it is cut off; gives back how much came. */
function crawl(response: IncomingMessage): { cutOff: () => number } {
  let got = 0
  response.pause()
  const timer = setInterval(() => {
    // A tenth of a second's bytes at a time; what the kernel holds fills up behind it.
    const piece = response.read(SLOW_BYTES_PER_SECOND / 10) as Buffer | null
    got += piece?.length ?? 0
  }, 100)
  return {
    cutOff: () => {
      clearInterval(timer)
      response.destroy()
      return got
    },
  }
}

/** Runs `work` for every object on `clients` at once. */
async function forAll(clients: number, work: (object: number) => Promise<void>): Promise<number> {
  const began = performance.now()
  const turns = Array.from({ length: OBJECTS }, (_, object) => object).values()
  const lanes = Array.from({ length: clients }, async () => {
    for (const object of turns) await work(object)
  })
  await Promise.all(lanes)
  return (OBJECTS * OBJECT_MIB * MIB) / 1e6 / ((performance.now() - began) / 1000)
}

function peakOf(node: RunningNode): number {
  const memory = memoryOf(node.pid)
  if (memory === undefined) throw new Skipped('there is no /proc to read the peak from')
  return memory.peak
}

function judge(node: RunningNode): string {
  const peak = peakOf(node)
  const text = `peak ${Math.round(peak / 1e6)} MB of ${PEAK_BYTES_MAX / 1e6}`
  if (peak >= PEAK_BYTES_MAX) throw new Error(text)
  return text
}

await inFolder('memory', async (data) => {
  const node = await startNode({ data })
  const gigabytes = ((OBJECTS * OBJECT_MIB * MIB) / 1e9).toFixed(1)
  progress(`idle: ${Math.round((memoryOf(node.pid)?.now ?? 0) / 1e6)} MB`)
  await claim(`memory is bounded while ${CLIENTS} clients send ${gigabytes} GB`, async () => {
    const rate = await forAll(CLIENTS, (object) => upload(node, object))
    return `${judge(node)}; ${Math.round(rate)} MB/s`
  })
  await claim(`and while ${CLIENTS} read them, one at 10 KB/s, byte by byte the same`, async () => {
    const slow = crawl(await open(node, 0))
    const rate = await forAll(CLIENTS - 1, (object) => download(node, object))
    const got = slow.cutOff()
    return `${judge(node)}; ${Math.round(rate)} MB/s; the slow one got ${got} bytes`
  })
  await node.stop()
})
