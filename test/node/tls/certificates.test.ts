import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { silentLog } from '../../../src/base/log.ts'
import { systemDisk } from '../../../src/node/system/disk.ts'
import { Certificates } from '../../../src/node/tls/certificates.ts'
import { HandClock, turn } from '../../api/http/door.ts'
import { newAuthority, type Pair } from '../../support/certificates.ts'

const authority = newAuthority()

function place(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'hangar-tls-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const files = { certificateFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }
  const clock = new HandClock()
  clock.micros = Date.parse('2026-01-01') * 1000
  const lines: string[] = []
  const say = (_: object, message: string): void => void lines.push(message)
  const log = { ...silentLog, info: say, warn: say, error: say }
  const put = ({ certificate, key }: Partial<Pair>): void => {
    if (certificate !== undefined) writeFileSync(files.certificateFile, certificate)
    if (key !== undefined) writeFileSync(files.keyFile, key)
  }
  let looks = 0
  const disk = {
    ...systemDisk,
    readSmall: async (path: string) => {
      const bytes = await systemDisk.readSmall(path)
      looks += 1
      return bytes
    },
  }
  /** Lets one look happen, whole. */
  const look = async (): Promise<void> => {
    const before = looks
    clock.advance(10_000)
    while (looks < before + 2) await turn()
    await turn()
  }
  const open = (): Promise<Certificates> =>
    Certificates.open({ name: 'S3', files, disk, clock, log })
  return { files, lines, put, look, open }
}

test('Certificates.open() names what is missing, unreadable or does not fit', async (t) => {
  const { files, put, open } = place(t)
  const refused = (sentence: RegExp): Promise<void> =>
    assert.rejects(open(), (error: Error & { code: string }) => {
      assert.equal(error.code, 'CertificateUnusable')
      assert.match(error.message, /^Cannot serve https \(S3\): /)
      return sentence.test(error.message)
    })
  await refused(/there is no tls_certificate_file ".*cert\.pem"/)
  put({ certificate: authority.issue().certificate })
  await refused(/there is no tls_key_file ".*key\.pem"/)
  put({ key: authority.issue().key })
  await refused(/key is not that of the certificate.*cert\.pem.*key\.pem/)
  if (process.getuid?.() !== 0) {
    chmodSync(files.keyFile, 0)
    await refused(/cannot read tls_key_file/)
  }
})

test('Certificates.open() takes an expired certificate and warns of it', async (t) => {
  const { put, open } = place(t)
  put(authority.issue({ until: new Date('2025-12-31') }))
  assert.match((await open()).warning ?? '', /expired on 2025-12-31.*cert\.pem/)
})

test('Certificates.watch() brings a new pair, once both files are there', async (t) => {
  const { lines, put, look, open } = place(t)
  const [first, second] = [authority.issue(), authority.issue()]
  put(first)
  const certificates = await open()
  t.after(() => certificates.stop())
  const used: string[] = []
  certificates.watch(({ certificate }) => used.push(certificate))
  await look()
  put({ certificate: second.certificate })
  await look()
  assert.deepEqual([used, lines], [[], []])
  put({ key: second.key })
  await look()
  await look()
  assert.deepEqual(used, [second.certificate])
  assert.deepEqual(lines, ['New connections see a new certificate'])
})

test('Certificates.watch() keeps the old pair where the new one is broken, and says so once', async (t) => {
  const { lines, put, look, open } = place(t)
  const first = authority.issue()
  put(first)
  const certificates = await open()
  t.after(() => certificates.stop())
  const used: string[] = []
  certificates.watch(({ certificate }) => used.push(certificate))
  put({ certificate: 'half a file' })
  for (let count = 0; count < 4; count += 1) await look()
  assert.equal(lines.length, 1)
  assert.match(lines[0]!, /not replaced, the one before stays in use: .*not PEM/)
  assert.deepEqual(used, [])
  put(first)
  await look()
  assert.deepEqual(used, [])
  assert.equal(lines.length, 1)
})
