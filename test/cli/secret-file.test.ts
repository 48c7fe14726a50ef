import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { drawSecretFile } from '../../src/cli/secret-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'hangar-secret-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('drawSecretFile() writes once, for the owner alone; whoever comes later leaves it', () => {
  const file = join(folder, 'shared', 'secret')
  const metadataDir = join(folder, 'none')
  drawSecretFile({ file, metadataDir, secret: 'ab'.repeat(32) })
  drawSecretFile({ file, metadataDir, secret: 'cd'.repeat(32) })
  assert.equal(readFileSync(file, 'utf8'), `${'ab'.repeat(32)}\n`)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(join(folder, 'shared')), ['secret'])
})

test('drawSecretFile() draws no other secret for a node that has lived before', () => {
  const metadataDir = join(folder, 'meta')
  mkdirSync(metadataDir)
  writeFileSync(join(metadataDir, 'identity'), '')
  const file = join(folder, 'gone')
  assert.throws(
    () => drawSecretFile({ file, metadataDir, secret: 'ab'.repeat(32) }),
    /gone" is gone, and this node has lived with it before/,
  )
})
