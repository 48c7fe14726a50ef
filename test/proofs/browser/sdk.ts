/** The AWS SDK for JavaScript within a page. */

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mustRun, npmPackages } from '../clients.ts'
import { BUCKET, stored, type Scene } from './scene.ts'

/** Two parts. A page of plain http has no quick sums, so not more. */
const UPLOAD_BYTES = 6_000_000

/** The project's own SDK as one script. */
async function sdkScript(folder: string): Promise<string> {
  const bundler = await npmPackages('bundler', ['esbuild'])
  const entry = join(folder, 'sdk.mjs')
  await writeFile(
    entry,
    "export * from '@aws-sdk/client-s3'\nexport { Upload } from '@aws-sdk/lib-storage'\n",
  )
  const out = join(folder, 'sdk.js')
  const words = ['--bundle', '--format=iife', '--global-name=aws', '--platform=browser']
  const binary = join(bundler, 'node_modules', '.bin', 'esbuild')
  await mustRun(binary, [entry, ...words, '--log-level=error', `--outfile=${out}`])
  return readFile(out, 'utf8')
}

/** What it does in the page, over a body that both sides can make. */
const DRIVE = `
  const [endpoint, region, credentials, Bucket, size] = arguments
  const client = new aws.S3Client({ endpoint, region, credentials, forcePathStyle: true })
  const body = new Uint8Array(size).map((_, at) => (at * 31) % 251)
  const params = { Bucket, Key: 'sdk/ü +%.bin', Body: new Blob([body]), Metadata: { by: 'page' } }
  const sent = await new aws.Upload({ client, params }).done()
  const got = await client.send(new aws.GetObjectCommand({ Bucket, Key: params.Key }))
  const back = await got.Body.transformToByteArray()
  const list = await client.send(new aws.ListObjectsV2Command({ Bucket, Prefix: 'sdk/' }))
  const failure = await client
    .send(new aws.GetObjectCommand({ Bucket, Key: 'sdk/none' }))
    .catch((error) => error.name)
  const isSame = back.length === size && back.every((byte, at) => byte === body[at])
  return { etag: sent.ETag, isSame, keys: list.Contents.map(({ Key }) => Key), failure }
`

export async function sdkGoesThrough(scene: Scene): Promise<string> {
  const { hello, browser, folder, friend, pages } = scene
  pages.texts.set('/sdk.js', await sdkScript(folder))
  pages.texts.set('/sdk', '<!doctype html><script src="/sdk.js"></script>')
  await browser.open(`${friend}/sdk`)
  const { accessKeyId, secretAccessKey, s3 } = hello
  const seen = await browser.run<Record<string, unknown>>(
    DRIVE,
    ...[s3.endpoint, s3.region, { accessKeyId, secretAccessKey }, BUCKET, UPLOAD_BYTES],
  )
  const key = 'sdk/ü +%.bin'
  assert.match(String(seen['etag']), /^"[0-9a-f]{32}-2"$/)
  assert.deepEqual(
    { ...seen, etag: null },
    { etag: null, isSame: true, keys: [key], failure: 'NoSuchKey' },
  )
  const body = Buffer.from(Uint8Array.from({ length: UPLOAD_BYTES }, (_, at) => (at * 31) % 251))
  assert.ok((await stored(scene, key)).equals(body))
  return `${UPLOAD_BYTES} bytes in two parts`
}

/** What a first page of a newcomer does: no rules, no path style. */
const DRIVE_LOCALLY = `
  const [endpoint, region, credentials, Bucket] = arguments
  const client = new aws.S3Client({ endpoint, region, credentials })
  const Key = 'local'
  const sent = await client.send(
    new aws.PutObjectCommand({ Bucket, Key, Body: 'text', Metadata: { by: 'page' } }),
  )
  const got = await client.send(new aws.GetObjectCommand({ Bucket, Key }))
  const gone = await client.send(
    new aws.DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key }] } }),
  )
  return [sent.ETag === got.ETag, await got.Body.transformToString(), gone.Deleted[0].Key]
`

/** Behind `sdkGoesThrough`, which made the script. */
export async function localPagesMay({ hello, browser, pages }: Scene): Promise<string> {
  const { accessKeyId, secretAccessKey, s3, bucket } = hello
  const endpoint = `http://localhost:${new URL(s3.endpoint).port}`
  await browser.open(`http://localhost:${pages.port}/sdk`)
  const seen = await browser.run<unknown>(
    DRIVE_LOCALLY,
    ...[endpoint, s3.region, { accessKeyId, secretAccessKey }, bucket],
  )
  assert.deepEqual(seen, [true, 'text', 'local'])
  return `PutObject, GetObject, DeleteObjects at ${bucket}.localhost`
}
