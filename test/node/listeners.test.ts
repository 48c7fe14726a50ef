import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from 'node:tls'
import { silentLog } from '../../src/base/log.ts'
import { openDoor } from '../../src/node/listeners.ts'
import { systemDisk } from '../../src/node/system/disk.ts'
import { systemRng } from '../../src/node/system/rng.ts'
import { HandClock, hello, renderFault, turn } from '../api/http/door.ts'
import { newAuthority, type Pair } from '../support/certificates.ts'

test('openDoor() shows new connections the certificate that lies in the files', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'hangar-door-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const tls = { certificateFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }
  const authority = newAuthority()
  const put = ({ certificate, key }: Pair): void => {
    writeFileSync(tls.certificateFile, certificate)
    writeFileSync(tls.keyFile, key)
  }
  put(authority.issue({ until: new Date('2020-06-01') }))
  const clock = new HandClock()
  const stops: (() => Promise<void>)[] = []
  const said: string[] = []
  const ports = { clock, disk: systemDisk, log: silentLog, rng: systemRng(), stops }
  const endpoint = await openDoor(
    { ...ports, notice: (sentence) => void said.push(sentence) },
    { name: 'S3', handler: hello, renderFault },
    { tls },
  )
  t.after(() => Promise.all(stops.map((stop) => stop())))
  assert.match(endpoint, /^https:/)
  assert.match(said.join(), /expired on 2020-06-01/)
  const shown = async (): Promise<string> => {
    const { port } = new URL(endpoint)
    const socket = connect({ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    const { valid_to: until } = socket.getPeerCertificate()
    socket.destroy()
    return until
  }
  assert.match(await shown(), /2020/)
  put(authority.issue())
  clock.advance(10_000)
  while (!(await shown()).includes('2049')) await turn()
})
