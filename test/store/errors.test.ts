import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { DomainError } from '../../src/base/errors.ts'
import { BlockError } from '../../src/block/errors.ts'
import { fromBelow, StoreError, storeErrorCodes, toStoreError } from '../../src/store/errors.ts'
import { TableError } from '../../src/table/errors.ts'

const project = new URL('../../../../', import.meta.url)

class Passing extends DomainError {}

function isAnswered(code: string): boolean {
  return (storeErrorCodes as readonly string[]).includes(code) || fromBelow[code] !== undefined
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown }).code
}

test('toStoreError() gives failures below the words of the store, with their cause', () => {
  const refused = new TableError('Refused', 'no', { details: { code: 'PreconditionFailed' } })
  const told = toStoreError(refused)
  assert.ok(told instanceof StoreError)
  assert.equal(told.code, 'PreconditionFailed')
  assert.equal(told.cause, refused)
  assert.equal(codeOf(toStoreError(new TableError('QuorumNotReached', 'x'))), 'Unavailable')
  assert.equal(codeOf(toStoreError(new TableError('OutcomeUnknown', 'x'))), 'OutcomeUnknown')
  assert.equal(codeOf(toStoreError(new TableError('TooBusy', 'x'))), 'SlowDown')
  assert.equal(codeOf(toStoreError(new BlockError('DriveFull', 'x'))), 'StorageFull')
  assert.equal(codeOf(toStoreError(new BlockError('BlockMissing', 'x'))), 'BlockUnavailable')
})

test('toStoreError() lets pass what it does not know', () => {
  const unknown = new TableError('Refused', 'no', { details: { code: 'Whatever' } })
  assert.equal(toStoreError(unknown), unknown)
  const other = new Error('x')
  assert.equal(toStoreError(other), other)
})

test('every code of the layers below is one of the store, or says why it stays', () => {
  const silent: string[] = []
  for (const layer of ['table', 'block', 'net', 'cluster', 'db']) {
    const text = readFileSync(new URL(`src/${layer}/errors.ts`, project), 'utf8')
    const codes = [...text.matchAll(/^ {2}\| '(\w+)'$/gm)].map(([, code]) => code!)
    assert.ok(codes.length > 3, `"${layer}" lists its codes one a line`)
    silent.push(...codes.filter((code) => !isAnswered(code)).map((code) => `${layer}: ${code}`))
  }
  assert.deepEqual(silent, [])
})

test('every code that a command or a veto refuses with is one of the store', () => {
  const model = fileURLToPath(new URL('src/model/', project))
  const files = readdirSync(model, { recursive: true, encoding: 'utf8' })
  const texts = files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(model, file), 'utf8'))
  const codes = texts.flatMap((text) =>
    [...text.matchAll(/kind: 'refuse', code: '(\w+)'/g)].map(([, code]) => code!),
  )
  assert.ok(codes.length > 10)
  const unknown = [...codes, 'missing', 'BucketClosing'].filter((code) => !isAnswered(code))
  assert.deepEqual(unknown, [])
})

test('toStoreError() says of what passes by itself that it may be tried again', () => {
  for (const code of ['Outranked', 'CallTimeout', 'PeerBusy', 'TooLarge']) {
    assert.equal(codeOf(toStoreError(new Passing(code, 'x'))), 'Unavailable')
  }
  const missing = new TableError('Refused', 'no', { details: { code: 'missing' } })
  assert.equal(codeOf(toStoreError(missing)), 'Unavailable')
})
