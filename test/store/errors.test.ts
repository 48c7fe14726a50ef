import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BlockError } from '../../src/block/errors.ts'
import { StoreError, toStoreError } from '../../src/store/errors.ts'
import { TableError } from '../../src/table/errors.ts'

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
