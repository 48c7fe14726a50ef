/** W6: parts sent again, and uploads completed and aborted by two clients at once. */

import type { Recorded, Request } from '../../../src/simulation/history.ts'
import { md5Hex, etagOfParts } from '../../../test/support/checksums.ts'
import { bytesOf, type Content } from '../../../test/support/content.ts'
import { parseXml, textAt } from '../../../test/support/xml-tree.ts'
import { get, newContent, noteUnexpected, noteWrite, remove } from '../actions.ts'
import { registerFaults } from '../checks/registers.ts'
import type { Client } from '../client.ts'
import { PassingKeys } from './keys.ts'
import type { Workload } from './workload.ts'

const MIB = 1024 * 1024
const PART_BYTES_MIN = 5 * MIB
const LAST_PART_BYTES_MAX = 150_000
/** Parts of a hundred that go with a second, larger one. */
const LARGE_PERCENT = 8

interface Upload {
  readonly key: string
  /** What the store calls it. */
  readonly id: string
  /** What the history calls it. */
  readonly name: string
  readonly parts: Content[]
  /** Every part was acknowledged, so that nothing but its end can refuse a Complete. */
  isSure: boolean
  /** When an end of it was first acknowledged. */
  endedAt: number
}

export const multipart: Workload = {
  name: 'W6',
  sentence: 'multipart uploads: parts sent again, Complete against Complete and Abort',
  clients: 8,
  thinkMs: 60,
  secondsMin: 0,
  start() {
    const keys = new PassingKeys('upload', 3, 40)
    const ready: Upload[] = []
    let made = 0
    return {
      async turn(client) {
        const draw = client.rng.below(100)
        if (draw < 20) await get(client, keys.use(client.rng.below(keys.slots)))
        else if (draw < 25) await remove(client, keys.use(client.rng.below(keys.slots)))
        else if (draw < 60 || ready.length === 0) {
          made += 1
          const upload = await create(client, keys.use(client.rng.below(keys.slots)), `u${made}`)
          if (upload === undefined || !(await sendParts(client, upload))) return
          ready.push(upload)
          if (ready.length > 4) ready.shift()
          await end(client, upload)
        } else await end(client, client.rng.pick(ready))
      },
      judge: ({ records }) => registerFaults(records),
    }
  },
}

async function create(client: Client, key: string, name: string): Promise<Upload | undefined> {
  const { journal } = client
  const recorded = journal.record(key, { kind: 'create', upload: name })
  const headers = { 'x-amz-meta-id': name }
  const outcome = await client.ask({ method: 'POST', key, query: { uploads: '' }, headers })
  noteWrite(journal, recorded, outcome)
  if (outcome.kind !== 'ok') return undefined
  const id = textAt(parseXml(outcome.answer.body), 'UploadId')!
  return { key, id, name, parts: [], isSure: true, endedAt: Infinity }
}

/** The parts, some of them twice with other bytes; false when one was not acknowledged at all. */
async function sendParts(client: Client, upload: Upload): Promise<boolean> {
  const { rng } = client
  const sizes = [20_000 + rng.below(LAST_PART_BYTES_MAX)]
  if (rng.percent(LARGE_PERCENT)) sizes.unshift(PART_BYTES_MIN)
  for (const [index, size] of sizes.entries()) {
    for (let again = rng.percent(30) ? 2 : 1; again > 0; again -= 1) {
      const content = newContent(client, size)
      const isTaken = await sendPart(client, { upload, number: index + 1, content })
      if (isTaken) upload.parts[index] = content
      else upload.isSure = false
    }
    if (upload.parts[index] === undefined) return false
  }
  return true
}

async function sendPart(
  client: Client,
  part: { readonly upload: Upload; readonly number: number; readonly content: Content },
): Promise<boolean> {
  const { upload, number, content } = part
  const { key, id, endedAt } = upload
  const began = performance.now()
  const outcome = await client.ask({
    method: 'PUT',
    key,
    query: { partNumber: `${number}`, uploadId: id },
    body: bytesOf(content),
  })
  if (outcome.kind === 'ok' && endedAt < began) {
    client.journal.violations.push(`part ${number} of ${upload.name} was taken after its end`)
  }
  if (outcome.kind === 'refused') noteUnexpected(client.journal, 'UploadPart', outcome)
  return outcome.kind === 'ok'
}

async function end(client: Client, upload: Upload): Promise<void> {
  if (client.rng.percent(75)) await complete(client, upload)
  else await abort(client, upload)
}

async function complete(client: Client, upload: Upload): Promise<void> {
  const { journal } = client
  const { key, id, name, parts } = upload
  const etags = parts.map((content) => md5Hex(bytesOf(content)))
  const version = `${etagOfParts(etags)}|${name}`
  journal.contents.set(version, [...parts])
  const request = { kind: 'complete', upload: name, version, operation: '' } as const
  const list = etags.map(
    (etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>"${etag}"</ETag></Part>`,
  )
  const body = Buffer.from(`<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`)
  const recorded = journal.record(key, request)
  const outcome = await client.ask({ method: 'POST', key, query: { uploadId: id }, body })
  if (outcome.kind === 'refused' && outcome.code === 'InvalidPart' && !upload.isSure) {
    journal.withdraw(recorded)
    return
  }
  noteEnd(client, upload, { recorded, outcome })
}

async function abort(client: Client, upload: Upload): Promise<void> {
  const { key, id, name } = upload
  const request: Request = { kind: 'abort', upload: name }
  const recorded = client.journal.record(key, request)
  const outcome = await client.ask({ method: 'DELETE', key, query: { uploadId: id } })
  noteEnd(client, upload, { recorded, outcome })
}

function noteEnd(
  client: Client,
  upload: Upload,
  end: { readonly recorded: Recorded; readonly outcome: Parameters<typeof noteWrite>[2] },
): void {
  noteWrite(client.journal, end.recorded, end.outcome)
  if (end.outcome.kind === 'ok') upload.endedAt = Math.min(upload.endedAt, performance.now())
}
