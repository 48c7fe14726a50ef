/** A node with a gigabyte of rows serves within five seconds of its start, kill -9 or not. */

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Batch, Db, Tree } from '../../src/db/db.ts'
import { openRows } from '../../src/db/open.ts'
import { buildObjectTable, LIVE_INDEX } from '../../src/model/object.table.ts'
import { Gates } from '../../src/model/rows/gate.ts'
import { systemClock } from '../../src/node/system/clock.ts'
import { systemDisk } from '../../src/node/system/disk.ts'
import { systemLog } from '../../src/node/system/log.ts'
import { systemRng } from '../../src/node/system/rng.ts'
import { indexTree, registerTree } from '../../src/table/schema.ts'
import { bytesOf } from '../support/content.ts'
import { SignedClient } from '../support/signed-client.ts'
import { startNode, type RunningNode } from '../support/spawn-node.ts'
import { claim, inFolder, judgeTime, progress, slowness } from './claims.ts'

const BUCKET = 'my-bucket'
const GIGABYTE = 1e9
const START_MS_MAX = 5000
const BATCH_ROWS = 2000
/** Objects that are copied, and how often: few large rows and many small ones. */
const SEEDS = [
  { key: 'large', size: 4096, copies: 215_000 },
  { key: 'small', size: 100, copies: 900_000 },
] as const

function clientOf(node: RunningNode): SignedClient {
  return new SignedClient({ ...node.hello, ...node.hello.s3 })
}

async function putSeeds(data: string): Promise<void> {
  const node = await startNode({ data })
  const client = clientOf(node)
  for (const { key, size } of SEEDS) {
    const body = bytesOf({ seed: size, size })
    const answer = await client.call({ method: 'PUT', bucket: BUCKET, key, body })
    if (answer.status !== 200) throw new Error(`PUT ${key}: ${answer.status}`)
  }
  client.close()
  await node.stop()
}

/** The row of a key in a tree: everything before the key itself, and the value. */
async function rowOf<V extends string | Uint8Array>(
  db: Db,
  tree: Tree<V>,
  key: string,
): Promise<{ head: string; value: V }> {
  let after: string | undefined
  for (;;) {
    const rows = await db.range(tree, {
      limit: 1000,
      ...(after === undefined ? {} : { gt: after }),
    })
    const found = rows.find((row) => row.key.endsWith(`\0${key}`))
    if (found !== undefined) return { head: found.key.slice(0, -key.length), value: found.value }
    after = rows.at(-1)?.key
    if (after === undefined) throw new Error(`a row of "${key}" in ${tree.name}`)
  }
}

/** Copies the rows of one object to many keys, through the door of the node's own rows. */
async function copyRows(db: Db, key: string, copies: number): Promise<void> {
  const objectTable = buildObjectTable(new Gates())
  const live = objectTable.indexes.find((index) => index.name === LIVE_INDEX)
  if (live === undefined) throw new Error('the object table has an index of what is live')
  const [rows, lines] = [registerTree(objectTable), indexTree(live)]
  const [row, line] = [await rowOf(db, rows, key), await rowOf(db, lines, key)]
  const open: Promise<void>[] = []
  for (let from = 0; from < copies; from += BATCH_ROWS) {
    const fill = (batch: Batch): void => {
      for (let at = from; at < Math.min(copies, from + BATCH_ROWS); at += 1) {
        const name = copyName(key, at)
        batch.put(rows, row.head + name, row.value)
        batch.put(lines, line.head + name, line.value)
      }
    }
    open.push(db.write(fill))
    if (open.length >= 4) await open.shift()
  }
  await Promise.all(open)
}

function copyName(key: string, at: number): string {
  return `${key}/copy/${`${at}`.padStart(8, '0')}`
}

async function load(data: string): Promise<void> {
  const fatal = (fault: Error): void => {
    throw fault
  }
  const { db, sealStatus } = await openRows({
    ...{ folder: join(data, 'meta'), clock: systemClock, disk: systemDisk, rng: systemRng() },
    ...{ log: systemLog({ level: 'warn', output: 'stderr' }), onFatal: fatal },
  })
  if (sealStatus.broken !== undefined) throw new Error(sealStatus.broken)
  for (const { key, copies } of SEEDS) await copyRows(db, key, copies)
  await db.close()
}

async function folderSize(folder: string): Promise<number> {
  let size = 0
  for (const name of await readdir(folder)) size += (await stat(join(folder, name))).size
  return size
}

/** Starts the node and sends it one GET and one PUT; gives back milliseconds since the spawn. */
async function startAndServe(data: string): Promise<{ node: RunningNode; took: number }> {
  const began = performance.now()
  const node = await startNode({ data })
  const client = clientOf(node)
  const [seed] = SEEDS
  const key = copyName(seed.key, seed.copies - 7)
  const answer = await client.call({ method: 'GET', bucket: BUCKET, key })
  const took = performance.now() - began
  if (!answer.body.equals(bytesOf({ seed: seed.size, size: seed.size }))) {
    throw new Error(`a copied object differs: ${answer.status}\n${node.errors()}`)
  }
  for (let at = 0; at < 50; at += 1) {
    const put = await client.call({
      method: 'PUT',
      bucket: BUCKET,
      key: `new-${at}`,
      body: answer.body,
    })
    if (put.status !== 200) throw new Error(`a PUT was answered ${put.status}\n${node.errors()}`)
  }
  client.close()
  return { node, took }
}

await inFolder('metadata-gigabyte', async (data) => {
  const level = join(data, 'meta', 'db')
  await claim('one gigabyte of rows is written through the door of the database', async () => {
    await putSeeds(data)
    await load(data)
    const size = await folderSize(level)
    if (size < GIGABYTE) throw new Error(`${size} bytes`)
    return `${(size / 1e9).toFixed(2)} GB, ${SEEDS[0].copies + SEEDS[1].copies} objects`
  })
  await claim(
    'a restart over it serves within 5 s, after a clean stop and after kill -9',
    async () => {
      const times: number[] = []
      const slownesses = [slowness()]
      for (let start = 0; start < 4; start += 1) {
        const { node, took } = await startAndServe(data)
        times.push(Math.round(took))
        slownesses.push(slowness())
        if (start === 0) await node.stop()
        else await node.kill()
        progress(`start ${start + 1}: ${Math.round(took)} ms`)
      }
      const told = judgeTime(Math.max(...times), START_MS_MAX, slownesses)
      return `${times.join(', ')} ms, ${told}`
    },
  )
})
