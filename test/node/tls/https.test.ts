/** A node whose three ports speak https, asked by real clients of JavaScript and the CLI. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import { connect } from 'node:tls'
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { NodeError } from '../../../src/node/errors.ts'
import { startNode, type RunningNode } from '../../../src/node/node.ts'
import { say } from '../../cli/terminal.ts'
import { newAuthority } from '../../support/certificates.ts'
import { bytesOf } from '../../support/content.ts'
import { PAYLOAD_MODES } from '../../support/payload.ts'
import { SignedClient, type Target } from '../../support/signed-client.ts'

const authority = newAuthority()
const folder = mkdtempSync(join(tmpdir(), 'hangar-https-'))
const files = { certificateFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }
const authorityFile = join(folder, 'ca.pem')
const BUCKET = 'secured'
let node: RunningNode
let target: Target

function put(pair: { readonly certificate: string; readonly key: string }): void {
  writeFileSync(files.certificateFile, pair.certificate)
  writeFileSync(files.keyFile, pair.key)
}

before(async () => {
  put(authority.issue())
  writeFileSync(authorityFile, authority.certificate)
  const listen = { tls: files }
  node = await startNode({
    data: join(folder, 'node'),
    ...{ s3: listen, web: listen, admin: { ...listen, token: 'a-token-of-the-tests' } },
  })
  const key = await node.createKey({ name: 'owner', createBucket: true })
  await node.ensureBucket(BUCKET, key.accessKeyId)
  const { endpoint, region } = node.s3!
  target = { endpoint, region, ...key, authority: authority.certificate }
})
after(async () => {
  await node.stop()
  rmSync(folder, { recursive: true, force: true })
})

test('the three ports of a node say https and show the certificate', async () => {
  for (const place of [node.s3, node.admin, node.web]) {
    const { protocol, port } = new URL(place!.endpoint)
    assert.equal(protocol, 'https:')
    const wish = { host: '127.0.0.1', port: Number(port), ca: authority.certificate }
    const socket = connect(wish)
    await once(socket, 'secureConnect')
    assert.ok(socket.authorized)
    socket.destroy()
  }
})

test('every payload mode goes over https', async () => {
  const client = new SignedClient(target)
  const body = bytesOf({ seed: 7, size: 300_000 })
  for (const payload of PAYLOAD_MODES) {
    const trailer = payload.endsWith('TRAILER') ? { trailer: 'CRC32' as const } : {}
    const at = { bucket: BUCKET, key: `mode/${payload}` }
    const sent = await client.call({ ...at, method: 'PUT', body, payload, ...trailer })
    assert.equal(sent.status, 200, `${payload} ${String(sent.body)}`)
    const got = await client.call({ ...at, method: 'GET' })
    assert.ok(got.body.equals(body), payload)
  }
  client.close()
})

test('the SDK v3 sends strings, and streams of unknown length, and gets an https Location', async () => {
  const { endpoint, region, accessKeyId, secretAccessKey } = target
  const client = new S3Client({
    ...{ endpoint, region, forcePathStyle: true },
    credentials: { accessKeyId, secretAccessKey },
    requestHandler: { httpsAgent: new Agent({ ca: authority.certificate, keepAlive: true }) },
  })
  await client.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'text', Body: 'a string' }))
  const body = bytesOf({ seed: 9, size: 11_000_000 })
  const pieces = function* (): Generator<Buffer> {
    for (let at = 0; at < body.length; at += 500_000) yield body.subarray(at, at + 500_000)
  }
  const params = { Bucket: BUCKET, Key: 'stream', Body: Readable.from(pieces()) }
  const done = await new Upload({ client, params }).done()
  assert.equal(done.Location, `${endpoint}/${BUCKET}/stream`)
  for (const [Key, wanted] of [
    ['text', Buffer.from('a string')],
    ['stream', body],
  ] as const) {
    const got = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key }))
    assert.ok(Buffer.from(await got.Body!.transformToByteArray()).equals(wanted), Key)
  }
  client.destroy()
})

test('the command line believes an authority, or the very certificate of a settings file', async () => {
  const environment = { HANGAR_ADMIN_TOKEN: 'a-token-of-the-tests' }
  const url = ['--admin-url', node.admin!.endpoint]
  const hangar = (...words: string[]) => say(words, { environment, folder })
  const trusting = await hangar('bucket', 'list', ...url, '--admin-ca', authorityFile)
  assert.equal(trusting.code, 0, trusting.err)
  assert.match(trusting.out, new RegExp(BUCKET))
  const strange = await hangar('bucket', 'list', ...url)
  assert.equal(strange.code, 1)
  assert.match(strange.err, /certificate[\s\S]*--admin-ca FILE/)
  const settings = join(folder, 'node.toml')
  const { port } = new URL(node.admin!.endpoint)
  const write = (certificateFile: string): void =>
    writeFileSync(
      settings,
      `metadata_dir = "m"\ndata_dir = "d"\nreplication_factor = 1\n[admin]
api_bind_addr = "127.0.0.1:${port}"\nadmin_token = "a-token-of-the-tests"
tls_certificate_file = "${certificateFile}"\ntls_key_file = "${files.keyFile}"\n`,
    )
  write(files.certificateFile)
  const pinned = await hangar('bucket', 'list', '-c', settings)
  assert.equal(pinned.code, 0, pinned.err)
  write(authorityFile)
  const other = await hangar('bucket', 'list', '-c', settings)
  assert.equal(other.code, 1)
  assert.match(other.err, /another certificate than that of the settings/)
})

test('startNode refuses a certificate without its key, and says of an expired one', async () => {
  const place = { data: join(folder, 'second') }
  await assert.rejects(
    startNode({ ...place, s3: { tls: { ...files, keyFile: authorityFile } } }),
    (error) => error instanceof NodeError && error.code === 'CertificateUnusable',
  )
  put(authority.issue({ until: new Date('2021-01-01') }))
  const late = await startNode({ ...place, s3: { tls: files } })
  await late.stop()
  assert.match(late.notices.join(), /The certificate expired on 2021-01-01/)
})
