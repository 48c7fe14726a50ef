/** A database that was cut, holed, emptied or set back behind the node's back: noticed every time. */

import { cp, open, readFile, rm, truncate, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { bytesOf } from '../support/content.ts'
import { SignedClient, type Answer } from '../support/signed-client.ts'
import { runCommand, StartFailed, startNode, type RunningNode } from '../support/spawn-node.ts'
import { claim, inFolder } from './claims.ts'
import { newestLog, recordsOf } from './level-log.ts'

const BUCKET = 'my-bucket'
const EARLY = 'early'
const EARLY_BODY = bytesOf({ seed: 1, size: 30_000 })

function clientOf(node: RunningNode): SignedClient {
  return new SignedClient({ ...node.hello, ...node.hello.s3 })
}

function put(client: SignedClient, key: string, body: Buffer): Promise<Answer> {
  return client.call({ method: 'PUT', bucket: BUCKET, key, body })
}

/** Each PUT waits for the one before, so that each is in a group of its own. */
async function putSeveral(client: SignedClient, name: string, count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    const answer = await put(client, `${name}-${at}`, bytesOf({ seed: at, size: 500 }))
    if (answer.status !== 200) throw new Error(`PUT ${name}-${at}: ${answer.status}`)
  }
}

/** A data folder whose node was killed: its log holds all that came since. */
async function makeFolder(data: string, between: () => Promise<void>): Promise<void> {
  const first = await startNode({ data })
  const client = clientOf(first)
  const early = await put(client, EARLY, EARLY_BODY)
  if (early.status !== 200) throw new Error(`PUT ${EARLY}: ${early.status}`)
  await putSeveral(client, 'first', 20)
  client.close()
  await first.kill()
  await between()
  const second = await startNode({ data })
  const other = clientOf(second)
  await putSeveral(other, 'second', 40)
  other.close()
  await second.kill()
}

async function flipBit(file: string, at: number): Promise<void> {
  const handle = await open(file, 'r+')
  const byte = Buffer.alloc(1)
  await handle.read(byte, 0, 1, at)
  byte[0] = (byte[0] ?? 0) ^ 4
  await handle.write(byte, 0, 1, at)
  await handle.close()
}

/** The node says what is missing, serves reads where it can, and takes no write. */
async function noticed(data: string): Promise<string> {
  let node: RunningNode
  try {
    node = await startNode({ data })
  } catch (error) {
    if (!(error instanceof StartFailed) || error.exit.code === 0) throw error
    if (error.stderr.trim() === '') throw new Error('the start failed without a word')
    return `does not start: ${error.stderr.trim().split('\n').at(-1)}`
  }
  const client = clientOf(node)
  const write = await put(client, 'later', Buffer.from('x'))
  const remove = await client.call({ method: 'DELETE', bucket: BUCKET, key: EARLY })
  const read = await client.call({ method: 'GET', bucket: BUCKET, key: EARLY })
  client.close()
  await node.stop()
  const said = node.errors()
  if (write.status !== 503) throw new Error(`a PUT was answered ${write.status}\n${said}`)
  if (remove.status !== 503) throw new Error(`a DELETE was answered ${remove.status}\n${said}`)
  if (read.status !== 200 || !read.body.equals(EARLY_BODY)) {
    throw new Error(`a GET was answered ${read.status} ${read.body.subarray(0, 300).toString()}`)
  }
  if (!/recover/.test(said)) throw new Error(`the start does not say what to do:\n${said}`)
  return said.split('\n').find((line) => /recover|missing|lost/.test(line)) ?? said
}

async function recovered(data: string): Promise<void> {
  const looked = await runCommand(['recover', '--data', data])
  if (looked.code === 0) throw new Error('recover without --accept-loss ends with 0')
  const { code, stdout, stderr } = await runCommand(['recover', '--accept-loss', '--data', data])
  if (code !== 0) throw new Error(`recover ended with ${code}: ${stdout}${stderr}`)
  const node = await startNode({ data })
  const client = clientOf(node)
  await putSeveral(client, 'after', 3)
  client.close()
  const ended = await node.stop()
  if (ended !== 0) throw new Error(`a clean stop ended with ${ended}`)
}

interface Damage {
  readonly name: string
  /** Between the two runs of the folder. */
  readonly between?: (level: string) => Promise<void>
  readonly harm: (level: string) => Promise<void>
}

const damages: readonly Damage[] = [
  {
    name: 'two groups cut off the tail of the log',
    harm: (level) => cutGroups(level, 2),
  },
  {
    name: 'twenty groups cut off the tail of the log',
    harm: (level) => cutGroups(level, 20),
  },
  {
    name: 'one bit flipped in the middle of the log',
    harm: async (level) => {
      const log = newestLog(level)
      const records = recordsOf(log)
      const middle = records[Math.floor(records.length / 2)]
      if (middle === undefined) throw new Error('a log with records')
      await flipBit(log, middle.payload + 30)
    },
  },
  {
    name: 'CURRENT deleted',
    harm: (level) => unlink(join(level, 'CURRENT')),
  },
  {
    name: 'an old copy of the level folder put back',
    between: (level) => cp(level, `${level}.old`, { recursive: true }),
    harm: async (level) => {
      await rm(level, { recursive: true })
      await cp(`${level}.old`, level, { recursive: true })
    },
  },
]

async function cutGroups(level: string, groups: number): Promise<void> {
  const log = newestLog(level)
  const from = recordsOf(log).at(-groups)
  if (from === undefined) throw new Error(`a log of at least ${groups} records`)
  await truncate(log, from.start)
}

await inFolder('seal', async (base) => {
  for (const [at, damage] of damages.entries()) {
    const data = join(base, `${at}`)
    const level = join(data, 'meta', 'db')
    await claim(`noticed: ${damage.name}`, async () => {
      await makeFolder(data, () => damage.between?.(level) ?? Promise.resolve())
      await damage.harm(level)
      const said = await noticed(data)
      await recovered(data)
      return said.slice(0, 200)
    })
  }
  await claim('an undamaged folder raises no alarm', async () => {
    const data = join(base, 'whole')
    await makeFolder(data, () => Promise.resolve())
    const node = await startNode({ data })
    const client = clientOf(node)
    await putSeveral(client, 'third', 3)
    client.close()
    const secret = await readFile(join(data, 'node.json'), 'utf8')
    if (!secret.includes(node.hello.secretAccessKey)) throw new Error('the key is kept')
    return `ended with ${await node.stop()}`
  })
})
