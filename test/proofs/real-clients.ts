/** Real clients against the node: what they upload comes back byte for byte. */

import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { bytesOf } from '../support/content.ts'
import { PROJECT, startNode, type RunningNode } from '../support/spawn-node.ts'
import { claim, inFolder } from './claims.ts'
import {
  clientEnvironment,
  debianAwsCli,
  mustRun,
  pypiAwsCli,
  pypiPython,
  writeAwsConfig,
  type AwsCli,
} from './clients.ts'

const MB = 1_000_000
const SIZES = { empty: 0, five: 5 * MB, hundred: 100 * MB } as const
type FileName = keyof typeof SIZES

function contentOf(name: FileName): Buffer {
  return bytesOf({ seed: SIZES[name] + 1, size: SIZES[name] })
}

async function writeFiles(folder: string): Promise<void> {
  for (const name of Object.keys(SIZES) as FileName[]) {
    await writeFile(join(folder, name), contentOf(name))
  }
  const tree = join(folder, 'tree', 'a b', 'ü+%')
  await mkdir(tree, { recursive: true })
  for (let at = 0; at < 12; at += 1) {
    await writeFile(join(tree, `file ${at}&`), bytesOf({ seed: 100 + at, size: at * 3000 }))
  }
  await writeFile(join(folder, 'tree', 'nine'), bytesOf({ seed: 99, size: 9 * MB }))
}

async function sameFile(left: string, right: string): Promise<void> {
  const [one, other] = await Promise.all([readFile(left), readFile(right)])
  if (!one.equals(other)) throw new Error(`${right} differs from ${left}`)
}

/** Every command of a user's first day. */
async function driveAwsCli(cli: AwsCli, node: RunningNode, folder: string): Promise<string> {
  const aws = (...args: readonly string[]): Promise<string> => cli.run(node.hello, ...args)
  const bucket = `cli-${cli.version.toLowerCase().replace(/[^a-z0-9]/g, '-')}`
  const back = join(folder, 'back')
  await aws('s3', 'mb', `s3://${bucket}`)
  for (const name of Object.keys(SIZES)) {
    await aws('s3', 'cp', '--only-show-errors', join(folder, name), `s3://${bucket}/files/${name}`)
    await aws('s3', 'cp', '--only-show-errors', `s3://${bucket}/files/${name}`, back)
    await sameFile(join(folder, name), back)
  }
  const listed = await aws('s3', 'ls', '--recursive', `s3://${bucket}/files/`)
  for (const [name, size] of Object.entries(SIZES)) {
    if (!new RegExp(`\\s${size} files/${name}$`, 'm').test(listed)) throw new Error(listed)
  }
  const tree = join(folder, 'tree')
  const treeBack = join(folder, 'tree-back')
  await rm(treeBack, { recursive: true, force: true })
  await aws('s3', 'sync', '--only-show-errors', tree, `s3://${bucket}/tree`)
  await aws('s3', 'sync', '--only-show-errors', `s3://${bucket}/tree`, treeBack)
  await mustRun('diff', ['-r', tree, treeBack])
  const again = await aws('s3', 'sync', tree, `s3://${bucket}/tree`)
  if (again.trim() !== '') throw new Error(`a second sync copies again:\n${again}`)
  const link = (await aws('s3', 'presign', `s3://${bucket}/files/five`)).trim()
  const fetched = await fetch(link)
  if (!Buffer.from(await fetched.arrayBuffer()).equals(contentOf('five'))) {
    throw new Error(`the presigned link answers ${fetched.status}`)
  }
  await aws('s3', 'rm', '--only-show-errors', `s3://${bucket}/files/five`)
  if (/five/.test(await aws('s3', 'ls', `s3://${bucket}/files/`))) throw new Error('rm leaves it')
  await aws('s3', 'rb', '--force', `s3://${bucket}`)
  if ((await aws('s3', 'ls')).includes(bucket)) throw new Error('rb leaves the bucket')
  return `${cli.version}: mb, cp, ls, sync, presign, rm, rb`
}

async function driveSdk(node: RunningNode): Promise<string> {
  const { hello } = node
  const client = new S3Client({
    endpoint: hello.s3.endpoint,
    region: hello.s3.region,
    forcePathStyle: true,
    credentials: { accessKeyId: hello.accessKeyId, secretAccessKey: hello.secretAccessKey },
  })
  const Bucket = hello.bucket
  const get = async (Key: string): Promise<Buffer> => {
    const answer = await client.send(new GetObjectCommand({ Bucket, Key }))
    return Buffer.from((await answer.Body?.transformToByteArray()) ?? [])
  }
  const text = 'a string with ü and 😀'
  const put = { Bucket, Key: 'sdk/a b+ü', Body: text, Metadata: { one: '1' } }
  await client.send(new PutObjectCommand(put))
  if ((await get('sdk/a b+ü')).toString() !== text) throw new Error('the string differs')
  for (const size of [3 * MB, 23 * MB]) {
    const body = bytesOf({ seed: size, size })
    const pieces = function* (): Generator<Buffer> {
      for (let at = 0; at < size; at += 300_000) yield body.subarray(at, at + 300_000)
    }
    const Key = `sdk/stream-${size}`
    const params = { Bucket, Key, Body: Readable.from(pieces()) }
    await new Upload({ client, params }).done()
    if (!(await get(Key)).equals(body)) throw new Error(`the stream of ${size} bytes differs`)
  }
  client.destroy()
  return 'a string, and streams of unknown length of 3 MB and 23 MB'
}

async function driveBoto3(node: RunningNode, folder: string): Promise<string> {
  const python = await pypiPython()
  const script = join(PROJECT, 'test', 'proofs', 'boto3-round-trip.py')
  const environment = { ...clientEnvironment(node.hello), HANGAR_BUCKET: node.hello.bucket }
  return (await mustRun(python, [script], { folder, environment })).trim()
}

await inFolder('real-clients', async (folder) => {
  await writeFiles(folder)
  await writeAwsConfig()
  const node = await startNode({ data: join(folder, 'data') })
  await claim("Debian's aws-cli gets back what it sent", async () => {
    return driveAwsCli(await debianAwsCli(), node, folder)
  })
  await claim("PyPI's newest aws-cli gets back what it sent", async () => {
    return driveAwsCli(await pypiAwsCli(), node, folder)
  })
  await claim('the AWS SDK for JavaScript v3 gets back what it sent', () => driveSdk(node))
  await claim('boto3 gets back what it sent', () => driveBoto3(node, folder))
  await node.stop()
})
