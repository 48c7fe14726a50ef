import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ManifestHeader, ManifestRow } from '../../../src/model/manifest.table.ts'
import { orphanFaults, type Holdings } from '../../../src/simulation/properties/orphans.ts'

const hash = 'ab'.repeat(32)
const manifest = 'cd'.repeat(32)
const header: ManifestHeader = {
  ...{ kind: 'header', state: 'in use', partitionKey: 'p', key: 'k', part: undefined },
  owner: { node: 'n', boot: 'b', number: 1 },
}
const segment: ManifestRow = {
  ...{ kind: 'blocks', hashes: Buffer.from(hash, 'hex'), sizes: [5] },
}
const whole: Holdings = {
  named: new Set([manifest]),
  openUploads: new Set(),
  parts: [],
  manifests: new Map([[manifest, [header, segment]]]),
  references: new Set([`${hash} ${manifest}`]),
}

test('what is named, and lies there, and nothing else, is no fault', () => {
  assert.deepEqual(orphanFaults(whole), [])
})

test('each row that is missing, or left over, is found', () => {
  const wrong: readonly Partial<Holdings>[] = [
    { named: new Set() },
    { manifests: new Map() },
    { manifests: new Map([[manifest, [segment]]]) },
    { manifests: new Map([[manifest, [{ ...header, state: 'released' }, segment]]]) },
    { references: new Set() },
    { references: new Set([...whole.references, `${hash} ${'ef'.repeat(32)}`]) },
    { parts: [{ upload: 'u', manifest: 'm' }] },
  ]
  for (const [index, change] of wrong.entries()) {
    assert.notDeepEqual(orphanFaults({ ...whole, ...change }), [], `change ${index}`)
  }
})

test('a part of an open upload, and what an object is made of, are named', () => {
  const large = 'ef'.repeat(32)
  const parts: ManifestRow = {
    ...{ kind: 'parts' },
    parts: [{ ...{ number: 1, size: 5, checksum: undefined }, manifest: manifest as never }],
  }
  const holdings: Holdings = {
    ...whole,
    named: new Set([large]),
    manifests: new Map([...whole.manifests, [large, [header, parts]]]),
  }
  assert.deepEqual(orphanFaults(holdings), [])
  const open = { openUploads: new Set(['u']), parts: [{ upload: 'u', manifest }] }
  assert.deepEqual(orphanFaults({ ...whole, ...open }), [])
})
