import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ManifestId, UploadId } from '../../../src/base/ids.ts'
import { UPLOADS_ENDED_PER_KEY_MAX, UPLOADS_OPEN_PER_KEY_MAX } from '../../../src/base/limits.ts'
import { abortUpload, abortUploadCommand } from '../../../src/model/commands/abort-upload.ts'
import {
  completeUpload,
  completeUploadCommand,
} from '../../../src/model/commands/complete-upload.ts'
import { createUpload, createUploadCommand } from '../../../src/model/commands/create-upload.ts'
import { deleteObject, deleteObjectCommand } from '../../../src/model/commands/delete-object.ts'
import { putObject, putObjectCommand } from '../../../src/model/commands/put-object.ts'
import type { WriteConditions } from '../../../src/model/rows/conditions.ts'
import type { ObjectValue } from '../../../src/model/rows/object.ts'
import type { Command, CommandDefinition, Outcome, Plain } from '../../../src/table/schema.ts'

const definitions: Record<string, CommandDefinition<ObjectValue>> = {
  'put-object': putObject,
  'delete-object': deleteObject,
  'create-upload': createUpload,
  'complete-upload': completeUpload,
  'abort-upload': abortUpload,
}

/** A register of one owner: what commands make of it, one after another. */
class Key {
  value: ObjectValue | undefined
  readonly #sides = new Map<string, Plain>()
  #time = 1000

  run(command: Command): Outcome<ObjectValue> {
    const definition = definitions[command.name]!
    this.#time += 1
    const sides = (definition.reads?.(command.args) ?? []).map((ref) =>
      this.#sides.get(ref.sortKey),
    )
    const outcome = definition.run({
      ...{ partitionKey: 'b.0', key: 'k', value: this.value, sides, args: command.args },
      ballot: { layout: 0, readmissions: 0, time: this.#time, node: 'n' },
    })
    if (outcome.kind === 'write') {
      this.value = outcome.value
      for (const { sortKey, row } of outcome.sides ?? []) {
        if (row === undefined) this.#sides.delete(sortKey)
        else this.#sides.set(sortKey, row)
      }
    }
    return outcome
  }

  get sideCount(): number {
    return this.#sides.size
  }

  open(index: number): UploadId {
    const id = (index.toString(16).padStart(14, '0') + 'c'.repeat(32)) as UploadId
    const outcome = this.run(createUploadCommand({ id, metadata: [['a', 'b']], kind: undefined }))
    assert.equal(outcome.kind === 'refuse' ? outcome.code : '', '')
    return id
  }

  complete(id: UploadId, etag = 'e-1', conditions: WriteConditions = {}): Outcome<ObjectValue> {
    const facts = { id, etag, size: 5, partCount: 1, checksum: undefined, ...conditions }
    return this.run(completeUploadCommand({ ...facts, manifest: 'm' as ManifestId }))
  }

  put(etag: string, conditions: WriteConditions = {}): Outcome<ObjectValue> {
    const body = new Uint8Array(0)
    return this.run(
      putObjectCommand({ size: 0, etag, metadata: [], body, checksum: undefined, ...conditions }),
    )
  }
}

function code(outcome: Outcome<ObjectValue>): string {
  return outcome.kind === 'refuse' ? outcome.code : outcome.kind
}

test('completeUpload makes the version with what was chosen at creation, and may be repeated', () => {
  const key = new Key()
  const id = key.open(1)
  const first = key.complete(id)
  assert.equal(first.kind, 'write')
  assert.deepEqual(key.value?.current?.metadata, [['a', 'b']])
  assert.equal(key.sideCount, 0)
  const again = key.complete(id)
  assert.equal(again.kind, 'answer')
  assert.deepEqual(again.kind === 'answer' && again.answer, first.kind === 'write' && first.answer)
  assert.equal(code(key.complete(id, 'other-1')), 'InvalidPart')
  // Another object took the key: the upload is still known to be completed.
  key.put('x')
  assert.equal(key.complete(id).kind, 'answer')
  assert.equal(key.value?.current?.etag, 'x')
})

test('completeUpload is recognised by its object when the directory forgot it', () => {
  const key = new Key()
  const ended = key.open(1)
  key.complete(ended)
  for (let index = 0; index < UPLOADS_ENDED_PER_KEY_MAX; index += 1) {
    key.run(abortUploadCommand(key.open(2 + index)))
  }
  assert.equal(
    key.value?.uploads.some(({ id }) => id === ended),
    false,
  )
  assert.equal(key.complete(ended).kind, 'answer')
  key.run(deleteObjectCommand())
  assert.equal(code(key.complete(ended)), 'NoSuchUpload')
})

test('of abort and complete exactly one wins', () => {
  const key = new Key()
  const [a, b] = [key.open(1), key.open(2)]
  assert.equal(key.run(abortUploadCommand(a)).kind, 'write')
  assert.equal(code(key.complete(a)), 'NoSuchUpload')
  assert.equal(key.complete(b).kind, 'write')
  assert.equal(code(key.run(abortUploadCommand(b))), 'NoSuchUpload')
  assert.equal(code(key.run(abortUploadCommand(a))), 'NoSuchUpload')
})

test('conditions are decided on the value that the command finds', () => {
  const key = new Key()
  assert.equal(code(key.put('x', { ifMatch: 'x' })), 'ConditionNotFound')
  assert.equal(code(key.run(deleteObjectCommand('x'))), 'ConditionNotFound')
  assert.equal(key.put('x', { ifNoneMatch: '*' }).kind, 'write')
  assert.equal(code(key.put('y', { ifNoneMatch: '*' })), 'PreconditionFailed')
  assert.equal(code(key.put('y', { ifMatch: 'z' })), 'PreconditionFailed')
  const id = key.open(1)
  assert.equal(code(key.complete(id, 'e-1', { ifNoneMatch: '*' })), 'PreconditionFailed')
  assert.equal(code(key.complete(id, 'e-1', { ifMatch: 'z' })), 'PreconditionFailed')
  assert.equal(key.complete(id, 'e-1', { ifMatch: 'x' }).kind, 'write')
  assert.equal(code(key.run(deleteObjectCommand('x'))), 'PreconditionFailed')
  assert.equal(key.run(deleteObjectCommand('e-1')).kind, 'write')
})

test('deleteObject of an absent key writes nothing, and keeps open uploads', () => {
  const key = new Key()
  assert.equal(key.run(deleteObjectCommand()).kind, 'answer')
  key.open(1)
  key.put('x')
  key.run(deleteObjectCommand())
  assert.deepEqual([key.value?.current, key.value?.uploads.length], [undefined, 1])
  assert.equal(key.run(deleteObjectCommand()).kind, 'answer')
})

test('createUpload bounds the open uploads of a key', () => {
  const key = new Key()
  for (let index = 0; index < UPLOADS_OPEN_PER_KEY_MAX; index += 1) key.open(index)
  const id = 'f'.repeat(46) as UploadId
  const command = createUploadCommand({ id, metadata: [], kind: undefined })
  assert.equal(code(key.run(command)), 'SlowDown')
})

test('versions of a key have the times of their ballots, each above the one before', () => {
  const key = new Key()
  key.put('x')
  const first = key.value!.current!.id
  key.put('y')
  assert.ok(key.value!.current!.id > first)
})
