/** `hangar dev`: a node for one machine, with a key and a bucket, and settings to paste. */

import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { InvalidArgumentError } from 'commander'
import type { Command } from 'commander'
import { nodeEnding } from '../ending.ts'
import { CliError } from '../command.ts'
import type { DefineCommand, Terminal } from '../command.ts'
import { DEV_FOLDER, readNodeFile, writeNodeFile } from '../node-file.ts'
import type { NodeFile } from '../node-file.ts'
import { keepYoungSmall, letHeapGrow, letYoungGrow } from '../heap.ts'
import { endOnUncaught, runToEnd } from '../running.ts'
import { clientSettings, pasteLine } from '../settings.ts'
import type { RunningNode } from '../../node/node.ts'

const REGION = 'us-east-1'
const HOST = '127.0.0.1'

interface DevOptions {
  readonly data?: string
  readonly config?: string
  readonly ephemeral?: boolean
  readonly s3Port?: number
  readonly adminPort?: number
  readonly webPort?: number
  readonly json?: boolean
  readonly graceSeconds?: number
  readonly lifecycleDaySeconds?: number
}

export const dev: DefineCommand = (program, terminal) => {
  program
    .command('dev')
    .description('run a node on this machine, with a key and a bucket ready to use')
    .argument('[bucket]', 'a bucket to have', 'my-bucket')
    .option('--ephemeral', 'keep the data in a temporary folder, removed at the end')
    .option('--s3-port <port>', 'port of S3 (default: 3900 or the next free one)', portNumber)
    .option('--admin-port <port>', 'port of the admin API (default: 3903 or the next)', portNumber)
    .option('--web-port <port>', 'port of sites (default: 3902 or the next free one)', portNumber)
    .option('--grace-seconds <n>', 'keep blocks without references this long', seconds)
    .option('--lifecycle-day-seconds <n>', 'for tests: a day of lifecycle rules lasts so', seconds)
    .option('--json', 'say where and how to connect as one JSON object on the first line')
    .action(async (bucket: string, _: unknown, command: Command) => {
      await run(bucket, command.optsWithGlobals<DevOptions>(), terminal)
    })
}

async function run(bucket: string, options: DevOptions, terminal: Terminal): Promise<void> {
  if (options.config !== undefined) {
    throw new CliError('dev takes no settings file', 'Run `hangar server -c FILE` instead.')
  }
  const data = dataFolder(options, terminal)
  try {
    await serve(bucket, data, { options, terminal })
  } finally {
    if (options.ephemeral) rmSync(data, { recursive: true, force: true })
  }
}

function dataFolder(options: DevOptions, terminal: Terminal): string {
  if (!options.ephemeral) {
    const folder = resolve(terminal.folder, options.data ?? DEV_FOLDER)
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
    } catch (cause) {
      throw new CliError(
        `cannot make the data folder "${folder}": ${(cause as Error).message}`,
        'Name a folder that this user may write with --data.',
      )
    }
    return folder
  }
  if (options.data !== undefined) {
    throw new CliError('--ephemeral and --data contradict each other', 'Give one of them.')
  }
  return realpathSync(mkdtempSync(join(tmpdir(), 'hangar-')))
}

async function serve(
  bucket: string,
  data: string,
  { options, terminal }: { readonly options: DevOptions; readonly terminal: Terminal },
): Promise<void> {
  letHeapGrow()
  keepYoungSmall()
  endOnUncaught(terminal)
  const { startNode } = await import('../../node/node.ts')
  const { newAccessKey, newToken } = await import('../../node/credentials.ts')
  const found = readNodeFile(data)
  const file: NodeFile = found ?? { ...newAccessKey(), adminToken: newToken() }
  const { accessKeyId, secretAccessKey, adminToken } = file
  const kept = { accessKeyId, secretAccessKey, adminToken }
  // Written before the key exists: after a crash in between the same key is made again. One that
  // is there stays: it may be that of a node that runs on this folder.
  if (found === undefined) keep(data, kept)
  const listen = (port: number | undefined, usual: number) => ({
    host: HOST,
    port: port ?? usual,
    orNext: port === undefined,
  })
  const ending = nodeEnding()
  const node = await startNode({
    data,
    s3: { ...listen(options.s3Port, 3900), region: REGION, devCors: true },
    admin: { ...listen(options.adminPort, 3903), token: adminToken },
    web: listen(options.webPort, 3902),
    log: 'stderr',
    onFatal: ending.onFatal,
    ...(options.lifecycleDaySeconds === undefined
      ? {}
      : { lifecycleDayMs: options.lifecycleDaySeconds * 1000 }),
    ...(options.graceSeconds === undefined ? {} : { graceMs: options.graceSeconds * 1000 }),
  })
  try {
    await runToEnd(node, { ending, terminal }, async () => {
      await haveKeyAndBucket(node, kept, bucket)
      writeNodeFile(data, { ...kept, adminEndpoint: node.admin!.endpoint, pid: process.pid })
      letYoungGrow()
      tell(node, { file: kept, bucket, options, terminal })
    })
  } finally {
    forgetEndpoint(data, kept)
  }
}

/** @throws {CliError} when this user may not write the folder */
function keep(data: string, file: NodeFile): void {
  try {
    writeNodeFile(data, file)
  } catch (cause) {
    throw new CliError(
      `cannot write the data folder "${data}": ${(cause as Error).message}`,
      'Run this as the owner of the folder, free space on its drive, or name another with --data.',
    )
  }
}

/** Best effort: on a full drive the file goes on naming a node that no longer answers. */
function forgetEndpoint(data: string, kept: NodeFile): void {
  try {
    writeNodeFile(data, kept)
  } catch {
    // What ended the node is what people should read.
  }
}

async function haveKeyAndBucket(node: RunningNode, file: NodeFile, bucket: string): Promise<void> {
  if (node.condition().kind !== 'serving') return
  await node.ensureKey({
    accessKeyId: file.accessKeyId,
    secretAccessKey: file.secretAccessKey,
    name: 'dev',
  })
  await node.ensureBucket(bucket, file.accessKeyId)
}

interface Told {
  readonly file: NodeFile
  readonly bucket: string
  readonly options: DevOptions
  readonly terminal: Terminal
}

function tell(node: RunningNode, { file, bucket, options, terminal }: Told): void {
  const { accessKeyId, secretAccessKey } = file
  const { endpoint, region } = node.s3!
  for (const sentence of node.notices) terminal.note(`! ${sentence}`)
  if (options.json) {
    const line = {
      s3: { endpoint, region },
      accessKeyId,
      secretAccessKey,
      bucket,
      admin: { endpoint: node.admin!.endpoint, token: file.adminToken },
      web: { endpoint: node.web!.endpoint },
      data: node.data,
      pid: process.pid,
    }
    terminal.print(JSON.stringify(line))
    return
  }
  const settings = { endpoint, region, accessKeyId, secretAccessKey, bucket }
  terminal.print(`
Hangar serves S3 at ${endpoint}, bucket "${bucket}"; admin at ${node.admin!.endpoint}
Sites at http://BUCKET.localhost:${new URL(node.web!.endpoint).port}, each once \`aws s3 website s3://BUCKET --index-document index.html\` made it one
Data: ${node.data}${options.ephemeral ? ' (removed at the end)' : ''}. Ctrl-C stops it.

Paste this line into another terminal:

${pasteLine(settings)}

Other clients:

${clientSettings(settings)}
`)
}

function portNumber(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535) {
    throw new InvalidArgumentError('Wanted a port, 0 (any free one) to 65535.')
  }
  return port
}

function seconds(text: string): number {
  const count = Number(text)
  if (text.trim() === '' || !Number.isFinite(count) || count < 0) {
    throw new InvalidArgumentError('Wanted a number of seconds.')
  }
  return count
}
