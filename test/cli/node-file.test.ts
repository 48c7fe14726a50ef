import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readNodeFile, writeNodeFile } from '../../src/cli/node-file.ts'

test('writeNodeFile keeps secrets from others, readNodeFile refuses a cut file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hangar-node-file-'))
  try {
    assert.equal(readNodeFile(folder), undefined)
    const file = { accessKeyId: 'GK1', secretAccessKey: 's', adminToken: 't' }
    writeNodeFile(folder, file)
    assert.equal(statSync(join(folder, 'node.json')).mode & 0o777, 0o600)
    assert.deepEqual(readNodeFile(folder), file)
    writeFileSync(join(folder, 'node.json'), '{"accessKeyId":"GK1"')
    assert.equal(readNodeFile(folder), undefined)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
