/** Uploads of pages: presigned requests under CORS, and forms under a policy. */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bytesOf } from '../../support/content.ts'
import { signatureOf } from '../../support/form.ts'
import { BUCKET, GIVE_BYTES, etagOf, presigned, stored, type Scene } from './scene.ts'

const FORM_BYTES = 300_000

/** A page of the bucket's friends may do what the rule says, and reads what it exposes. */
export async function friendsMay(scene: Scene): Promise<string> {
  const { browser, friend } = scene
  const key = 'from a page/ü+%.bin'
  const body = bytesOf({ seed: 1, size: 250_000 })
  const headers = { 'x-amz-meta-from': 'a page', 'content-type': 'application/x-page' }
  const put = presigned(scene, { method: 'PUT', bucket: BUCKET, key, headers })
  const get = presigned(scene, { method: 'GET', bucket: BUCKET, key })
  await browser.open(friend)
  const seen = await browser.run<Record<string, unknown>>(
    `${GIVE_BYTES}
    const [put, get, headers, text] = arguments
    const body = Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
    const sent = await fetch(put, { method: 'PUT', headers, body })
    const got = await fetch(get)
    const part = await fetch(get, { headers: { range: 'bytes=10-19' } })
    return {
      put: sent.status, get: got.status, etag: sent.headers.get('etag'),
      type: got.headers.get('content-type'), meta: got.headers.get('x-amz-meta-from'),
      id: got.headers.get('x-amz-request-id'), body: base64(await got.arrayBuffer()),
      part: part.status, range: part.headers.get('content-range'),
      ten: base64(await part.arrayBuffer()),
    }`,
    ...[put, get, headers, body.toString('base64')],
  )
  assert.ok(Buffer.from(String(seen['body']), 'base64').equals(body))
  assert.deepEqual(
    { ...seen, body: null },
    {
      ...{
        put: 200,
        get: 200,
        etag: etagOf(body),
        type: 'application/x-page',
        meta: null,
        id: null,
      },
      ...{ body: null, part: 206, range: null },
      ten: body.subarray(10, 20).toString('base64'),
    },
  )
  assert.ok((await stored(scene, key)).equals(body))
  return `${body.length} bytes there and back; ETag readable, x-amz-meta-from not`
}

/** A page of anybody else sends nothing that needs asking, and reads nothing. */
export async function strangersMayNot(scene: Scene): Promise<string> {
  const { browser, stranger, client } = scene
  const key = 'by a stranger'
  const put = presigned(scene, { method: 'PUT', bucket: BUCKET, key })
  const get = presigned(scene, { method: 'GET', bucket: BUCKET, key: 'from a page/ü+%.bin' })
  await browser.open(stranger)
  const seen = await browser.run<unknown>(
    `const [put, get] = arguments
    const fate = (asked) => asked.then((answer) => answer.type, (error) => error.name)
    return [
      await fate(fetch(put, { method: 'PUT', body: 'x' })),
      await fate(fetch(get)),
      await fate(fetch(get, { mode: 'no-cors' })),
    ]`,
    ...[put, get],
  )
  assert.deepEqual(seen, ['TypeError', 'TypeError', 'opaque'])
  const { status } = await client.call({ method: 'HEAD', bucket: BUCKET, key })
  assert.equal(status, 404, 'a refused PUT is never sent')
  return 'PUT not sent, GET not read'
}

/** A refusal is readable too, or no page could say why. */
export async function errorsAreRead(scene: Scene): Promise<string> {
  const { browser, friend } = scene
  const gone = presigned(scene, { method: 'GET', bucket: BUCKET, key: 'nothing' })
  const wrong = gone.replace(/.$/, (last) => (last === '0' ? '1' : '0'))
  await browser.open(friend)
  const seen = await browser.run<string[]>(
    `const seen = []
    for (const url of arguments[0]) {
      const answer = await fetch(url)
      seen.push(answer.status + ' ' + /<Code>(.*?)</.exec(await answer.text())[1])
    }
    return seen`,
    [gone, wrong],
  )
  assert.deepEqual(seen, ['404 NoSuchKey', '403 SignatureDoesNotMatch'])
  return seen.join(', ')
}

/** The fields of a form whose policy lets a file in below `prefix`. */
function formFields(
  { hello, client }: Scene,
  prefix: string,
  more: Readonly<Record<string, string>>,
): Record<string, string> {
  const nowMillis = Date.now()
  const fields = { key: `${prefix}\${filename}`, ...more }
  const names = ['x-amz-algorithm', 'x-amz-credential', 'x-amz-date']
  const conditions = [
    { bucket: BUCKET },
    ['starts-with', '$key', prefix],
    ['content-length-range', 1, FORM_BYTES],
    ...Object.entries(more).map(([name, value]) => ({ [name]: value })),
    ...names.map((name) => ['starts-with', `$${name}`, '']),
  ]
  const expiration = new Date(nowMillis + 600_000).toISOString()
  const target = { ...client.target, region: hello.s3.region }
  return { ...fields, ...signatureOf(target, { expiration, conditions }, nowMillis) }
}

/** A form without a script, with a file that somebody chose, and where it leads. */
export async function plainForm(scene: Scene): Promise<string> {
  const { hello, browser, folder, friend, pages } = scene
  const body = bytesOf({ seed: 2, size: FORM_BYTES })
  const name = 'a "b" ü+%.bin'
  await writeFile(join(folder, name), body)
  const redirect = `${friend}/done?from=form`
  const fields = formFields(scene, 'forms/', { success_action_redirect: redirect })
  const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;')
  const inputs = Object.entries(fields).map(
    ([field, value]) => `<input type="hidden" name="${field}" value="${escaped(value)}">`,
  )
  pages.texts.set('/done', '<!doctype html><title>done</title>')
  pages.texts.set(
    '/form',
    `<!doctype html><form method="post" enctype="multipart/form-data" action="${hello.s3.endpoint}/${BUCKET}">
    ${inputs.join('')}<input type="file" name="file"><button>send</button></form>`,
  )
  await browser.open(`${friend}/form`)
  await browser.type('input[type=file]', join(folder, name))
  await browser.click('button')
  const at = new URL(await browser.urlBehind(`${friend}/form`))
  assert.equal(`${at.origin}${at.pathname}`, `${friend}/done`, at.href)
  const { from, bucket, key, etag } = Object.fromEntries(at.searchParams)
  assert.deepEqual([from, bucket, key], ['form', BUCKET, `forms/${name}`])
  assert.equal(etag, etagOf(body))
  assert.ok((await stored(scene, key!)).equals(body))
  return `${body.length} bytes as ${key}, then led on`
}

/** `FormData` of a script: 201 with its XML, and a file that the policy has no room for. */
export async function formData(scene: Scene): Promise<string> {
  const { hello, browser, friend } = scene
  const fields = formFields(scene, 'data/', { success_action_status: '201' })
  await browser.open(friend)
  const send = (size: number): Promise<readonly [number, string, string | null]> =>
    browser.run(
      `const [url, fields, size] = arguments
      const form = new FormData()
      for (const [name, value] of Object.entries(fields)) form.append(name, value)
      form.append('file', new Blob([new Uint8Array(size).fill(7)]), 'blob.bin')
      const answer = await fetch(url, { method: 'POST', body: form })
      return [answer.status, await answer.text(), answer.headers.get('etag')]`,
      ...[`${hello.s3.endpoint}/${BUCKET}`, fields, size],
    )
  const [status, text, etag] = await send(FORM_BYTES)
  assert.equal(status, 201, text)
  assert.match(text, /<Key>data\/blob\.bin<\/Key>/)
  const body = Buffer.alloc(FORM_BYTES, 7)
  assert.equal(etag, etagOf(body))
  assert.ok((await stored(scene, 'data/blob.bin')).equals(body))
  const [tooLarge, why] = await send(FORM_BYTES + 1)
  assert.equal(tooLarge, 400)
  assert.match(why, /<Code>EntityTooLarge</)
  return '201 with its document, EntityTooLarge'
}
