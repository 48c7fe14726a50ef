/** PutObject: what is stored, what is answered, what is refused. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { openDoor } from '../door.ts'
import type { Door } from '../door.ts'

let door: Door
before(async () => {
  door = await openDoor()
})
after(() => door.close())

const md5 = (body: Buffer): string => createHash('md5').update(body).digest('hex')

test('putObject answers the quoted MD5 and the object reads back, empty, small and large', async () => {
  for (const size of [0, 1, 8192, 8193, 1_048_577, 3_200_000]) {
    const body = Buffer.alloc(size, `${size}-`)
    const put = await door.call({ method: 'PUT', key: `size/${size}`, body })
    assert.equal(put.status, 200, put.text)
    assert.equal(put.headers.get('etag'), `"${md5(body)}"`)
    const got = await door.call({ method: 'GET', key: `size/${size}` })
    assert.equal(got.status, 200)
    assert.ok(got.body.equals(body))
    assert.equal(got.headers.get('etag'), `"${md5(body)}"`)
    assert.equal(got.headers.get('content-type'), 'binary/octet-stream')
    assert.equal(got.headers.get('accept-ranges'), 'bytes')
    assert.ok(got.headers.get('last-modified')?.endsWith('GMT'))
  }
})
