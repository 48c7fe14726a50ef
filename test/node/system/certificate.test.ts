import assert from 'node:assert/strict'
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { newIdentity, nodeIdOf, nodeKeyOf } from '../../../src/db/identity.ts'
import { nodeCertificate, nodeOfCertificate } from '../../../src/node/system/certificate.ts'
import { SeededRng } from '../../../src/simulation/seeded-rng.ts'

test('nodeCertificate() is one that OpenSSL parses and verifies, over the key of the node', () => {
  for (let seed = 0; seed < 50; seed += 1) {
    const identity = newIdentity(new SeededRng(seed))
    const pem = nodeCertificate(nodeKeyOf(identity))
    const parsed = new X509Certificate(pem)
    assert.ok(parsed.verify(parsed.publicKey))
    assert.equal(parsed.subject, 'CN=hangar')
    assert.equal(parsed.issuer, 'CN=hangar')
    assert.ok(Date.parse(parsed.validFrom) < 1_600_000_000_000)
    assert.equal(new Date(parsed.validTo).getUTCFullYear(), 9999)
    assert.equal(nodeOfCertificate(parsed), nodeIdOf(identity))
    assert.equal(nodeCertificate(nodeKeyOf(identity)), pem)
  }
})

test('nodeOfCertificate() knows no node by a missing certificate or another kind of key', () => {
  assert.equal(nodeOfCertificate(undefined), undefined)
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  assert.equal(nodeOfCertificate({ publicKey } as X509Certificate), undefined)
})
