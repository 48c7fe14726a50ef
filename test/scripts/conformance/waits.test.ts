import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OPEN, waitOf } from '../../../scripts/conformance/waits.ts'

test('waitOf() reads the mark or the name, and leaves the rest open', () => {
  const of = (name: string, ...markers: string[]): string =>
    waitOf({ name: `test_s3.py::${name}`, why: '', markers })
  assert.equal(of('test_bucket_list_many'), OPEN)
  assert.equal(of('test_lifecycle_set', 'lifecycle', 'fails_on_aws'), 'lifecycle')
  assert.equal(of('test_object_copy_same_bucket'), 'CopyObject')
  assert.equal(of('test_versioning_copy_obj_version'), 'versioning')
  const why = 'NotImplemented: Cannot honour the header "x-amz-acl" of PutObject'
  assert.match(waitOf({ name: 'test_s3.py::test_x', why, markers: [] }), /^ACLs/)
})
