import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { CertificateFault, datesWarning, judgeIdentity } from '../../../src/node/tls/judge.ts'
import { newAuthority } from '../../support/certificates.ts'

const authority = newAuthority()
const pair = authority.issue()

test('judgeIdentity() takes a pair and its chain, and reads the dates', () => {
  const chained = { ...pair, certificate: pair.certificate + authority.certificate }
  const facts = judgeIdentity(chained)
  assert.equal(new Date(facts.fromMs).getUTCFullYear(), 2020)
  assert.equal(new Date(facts.untilMs).getUTCFullYear(), 2049)
})

test('judgeIdentity() says what is wrong with either, and that they do not fit', () => {
  const refused = (change: object, sentence: RegExp): void => {
    assert.throws(
      () => judgeIdentity({ ...pair, ...change }),
      (error) => error instanceof CertificateFault && sentence.test(error.message),
    )
  }
  refused({ certificate: 'text' }, /not PEM/)
  refused({ certificate: pair.key }, /not PEM/)
  refused({ certificate: pair.certificate.replace(/[A-Za-z]{20}/, 'AAAA') }, /damaged/)
  refused({ key: pair.certificate }, /not a private key/)
  refused({ key: authority.issue().key }, /not that of the certificate/)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const closed = { cipher: 'aes-256-cbc', passphrase: 'p' }
  const key = privateKey.export({ format: 'pem', type: 'pkcs8', ...closed })
  refused({ key }, /passphrase/)
})

test('datesWarning() warns before the start, two weeks before the end, and after it', () => {
  const facts = { fromMs: Date.parse('2030-01-01'), untilMs: Date.parse('2031-01-01') }
  const on = (day: string): string | undefined => datesWarning(facts, Date.parse(day))
  assert.match(on('2029-12-31') ?? '', /good only from 2030-01-01/)
  assert.equal(on('2030-01-01'), undefined)
  assert.equal(on('2030-12-17'), undefined)
  assert.match(on('2030-12-19') ?? '', /expires on 2031-01-01/)
  assert.match(on('2031-01-01') ?? '', /expired on 2031-01-01/)
})
