import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  bucketFaults,
  type BucketAnswer,
  type BucketRecord,
  type BucketRequest,
} from '../../../src/simulation/properties/buckets.ts'

type Step = readonly [
  kind: BucketRequest['kind'],
  what: string,
  call: number,
  end: number,
  answer: BucketAnswer,
]

function faults(...steps: readonly Step[]): string[] {
  const records = steps.map(([kind, what, call, end, answer]): BucketRecord => ({
    ...{ request: { kind, what }, call, end, answer },
  }))
  return bucketFaults('n', records)
}

test('bucketFaults() takes what may be told of a bucket that is emptied and deleted', () => {
  const history: readonly Step[] = [
    ['put', 'x', 1, 2, 'done'],
    ['delete', '', 2, 5, 'BucketNotEmpty'],
    ['take', 'x', 3, 6, 'done'],
    ['find', '', 8, 9, 'there'],
    ['delete', '', 7, 12, 'done'],
    ['find', '', 8, 9, 'absent'],
    ['put', 'y', 10, 13, 'NoSuchBucket'],
    ['put', 'y', 11, Infinity, undefined],
    ['find', '', 13, 14, 'absent'],
    ['get', 'y', 20, 21, 'absent'],
    ['get', 'x', 20, 21, 'NoSuchBucket'],
  ]
  assert.deepEqual(faults(...history), [])
  // What nobody knows of may keep a bucket.
  const kept: Step = ['delete', '', 3, 4, 'BucketNotEmpty']
  assert.deepEqual(faults(['put', 'x', 1, Infinity, undefined], kept), [])
})

test('bucketFaults() finds a delete that lost what was acknowledged', () => {
  const put: Step = ['put', 'x', 1, 2, 'done']
  assert.equal(faults(put, ['delete', '', 3, 4, 'done']).length, 1)
  assert.equal(faults(put, ['get', 'x', 3, 4, 'absent']).length, 1)
  assert.equal(faults(put, ['get', 'x', 3, 4, 'NoSuchBucket']).length, 1)
  // Beside the delete is no excuse: nobody took it away.
  assert.equal(faults(['put', 'x', 1, 9, 'done'], ['delete', '', 2, 8, 'done']).length, 1)
})

test('bucketFaults() finds whoever writes into a deleted bucket, or sees it', () => {
  const gone: Step = ['delete', '', 1, 2, 'done']
  assert.equal(faults(gone, ['put', 'x', 3, 4, 'done']).length, 1)
  assert.equal(faults(gone, ['find', '', 2, 2, 'there']).length, 1)
  const late: Step = ['put', 'x', 3, Infinity, undefined]
  assert.equal(faults(gone, late, ['get', 'x', 5, 6, 'there']).length, 1)
})

test('bucketFaults() finds refusals without a reason', () => {
  assert.equal(faults(['delete', '', 1, 2, 'BucketNotEmpty']).length, 1)
  assert.equal(faults(['put', 'x', 1, 2, 'NoSuchBucket']).length, 1)
  assert.equal(faults(['find', '', 1, 2, 'absent']).length, 1)
})
