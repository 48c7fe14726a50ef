import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HttpHandler } from '../../src/api/http/response.ts'
import type { HttpRequest } from '../../src/api/http/request.ts'
import {
  blockShortageOf,
  frozenCondition,
  guardedS3,
  guardedWeb,
  recoveringCondition,
  sparingS3,
  waitingCondition,
  waitingSentence,
} from '../../src/node/conditions.ts'

const served: HttpHandler = () => Promise.resolve({ status: 200, headers: [] })

async function statusOf(handler: HttpHandler, method: string, target = '/b/<k>'): Promise<number> {
  const request = { method, target, requestId: 'r' } as HttpRequest
  return (await handler(request)).status
}

test('guardedS3 lets through what the condition of the node allows', async () => {
  const methods = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'POST', 'DELETE']
  const all = async (handler: HttpHandler): Promise<number[]> =>
    Promise.all(methods.map((method) => statusOf(handler, method)))
  assert.deepEqual(await all(guardedS3(() => ({ kind: 'serving' }), served)), Array(6).fill(200))
  assert.deepEqual(
    await all(guardedS3(() => waitingCondition({ replicationFactor: 3 }), served)),
    Array(6).fill(503),
  )
  for (const condition of [
    recoveringCondition('rows', false),
    frozenCondition('the clock', true),
  ]) {
    const answers = await all(guardedS3(() => condition, served))
    assert.deepEqual(answers, [200, 200, 200, 503, 503, 503])
  }
})

test('a node that takes no writes says that it reads only where no other one stores', () => {
  for (const conditionOf of [recoveringCondition, frozenCondition]) {
    const [alone, linked] = [false, true].map((others) => conditionOf('why', others))
    assert.match(sentenceOf(alone!), /why\. Reads are served\. /)
    assert.match(sentenceOf(linked!), /why\. It is not linked .* 503, also for reading\. /)
  }
})

function sentenceOf(condition: ReturnType<typeof recoveringCondition>): string {
  return condition.kind === 'serving' ? '' : condition.sentence
}

test('guardedS3 answers well-formed XML whatever was asked', async () => {
  const request = { method: 'PUT', target: '/b/<k>&?x', requestId: 'r' } as HttpRequest
  const answer = await guardedS3(() => waitingCondition({}), served)(request)
  assert.match(answer.body as string, /<Resource>\/b\/&lt;k&gt;&amp;<\/Resource>/)
  assert.deepEqual(new Map(answer.headers).get('retry-after'), '10')
})

test('guardedWeb closes only while there is no layout', async () => {
  assert.equal(
    await statusOf(
      guardedWeb(() => waitingCondition({ replicationFactor: 3 }), served),
      'GET',
    ),
    503,
  )
  assert.equal(
    await statusOf(
      guardedWeb(() => recoveringCondition('x', false), served),
      'GET',
    ),
    200,
  )
})

test('sparingS3 refuses uploads alone, with the sentence', async () => {
  let shortage: string | undefined = 'full'
  const handler = sparingS3(() => shortage, served)
  assert.equal(await statusOf(handler, 'PUT'), 503)
  for (const method of ['GET', 'HEAD', 'DELETE']) {
    assert.equal(await statusOf(handler, method), 200)
  }
  // A form, an upload in parts; deletes of many make room, as the end of an upload does.
  assert.equal(await statusOf(handler, 'POST', '/b'), 503)
  assert.equal(await statusOf(handler, 'POST', '/b/k?uploads'), 503)
  assert.equal(await statusOf(handler, 'POST', '/b?delete'), 200)
  assert.equal(await statusOf(handler, 'POST', '/b/k?uploadId=x'), 200)
  shortage = undefined
  assert.equal(await statusOf(handler, 'PUT'), 200)
})

test('waitingSentence() asks for roles only where the settings make no layout', () => {
  const firstLayout = { nodes: 3, zone: 'a' }
  assert.match(waitingSentence({ replicationFactor: 3 }), /`hangar layout assign`/)
  const byItself = waitingSentence({ replicationFactor: 3, firstLayout })
  assert.match(byItself, /makes one by itself as its settings say: `hangar status`/)
  assert.match(waitingSentence({ firstLayout }, 'b is away'), /say: b is away$/)
})

test('a node tells when the drive of its blocks has no room for more of them', () => {
  const totalBytes = 1000 * 2 ** 20
  const leastBytes = totalBytes / 20 + 16 * 2 ** 20
  assert.equal(blockShortageOf(undefined), undefined)
  assert.equal(blockShortageOf({ totalBytes, availableBytes: leastBytes }), undefined)
  assert.match(blockShortageOf({ totalBytes, availableBytes: leastBytes - 1 })!, /add a node/)
})
