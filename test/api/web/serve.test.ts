/** The web door until there are sites. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HttpError } from '../../../src/api/http/errors.ts'
import { createWebHandler, renderWebFault } from '../../../src/api/web/serve.ts'
import { requestOf } from '../s3/door.ts'

test('createWebHandler() answers 404 with one sentence and does not repeat what was asked', async () => {
  const handler = createWebHandler()
  for (const path of ['/', '/<script>', '/../../etc/passwd', '//evil.example']) {
    const headers = { host: 'site.example' }
    const answer = await handler(requestOf({ method: 'GET', path, headers, body: Buffer.of() }))
    assert.equal(answer.status, 404)
    assert.match(answer.body as string, /^There is no site here: [^<>]+\.\n$/)
  }
})

test('renderWebFault() keeps the status of what the server refused', () => {
  const error = new HttpError('InvalidURI', 'Cannot read the URI: it holds NUL')
  const answer = renderWebFault({ error, requestId: '1', target: '' })
  assert.equal(answer.status, 400)
  assert.equal(answer.body, 'Cannot read the URI: it holds NUL\n')
})
