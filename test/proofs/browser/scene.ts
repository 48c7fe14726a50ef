/** What the claims about a browser share: a node, a window, buckets, and pages of other origins. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { SignedClient, prepare, type Call } from '../../support/signed-client.ts'
import { startNode, type Hello } from '../../support/spawn-node.ts'
import { openBrowser, type Browser } from './driver.ts'

/**
 * `hangar dev` lets pages of this machine do anything, so the pages have hosts of a domain that
 * only the browser takes for this machine.
 */
const DOMAIN = 'hangar.example'
export const BUCKET = 'uploads'
export const SITE = 'site'

export interface Scene {
  readonly hello: Hello
  readonly client: SignedClient
  readonly browser: Browser
  readonly folder: string
  readonly pages: Pages
  /** Of the pages that the bucket lets in. */
  readonly friend: string
  readonly stranger: string
}

/** For the page: bytes as text that can be handed out. */
export const GIVE_BYTES = `
  const base64 = (buffer) => {
    let text = ''
    for (const byte of new Uint8Array(buffer)) text += String.fromCharCode(byte)
    return btoa(text)
  }
`

export function etagOf(bytes: Buffer): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`
}

/** Pages of other origins: `/` is empty, the rest is put there by name. */
interface Pages {
  readonly port: number
  readonly texts: Map<string, string>
  close(): void
}

async function openPages(): Promise<Pages> {
  const texts = new Map([['/', '<!doctype html><title>page</title>']])
  const server: Server = createServer((request, answer) => {
    const text = texts.get(new URL(request.url ?? '/', 'http://page').pathname)
    const type = request.url?.endsWith('.js') === true ? 'text/javascript' : 'text/html'
    answer.writeHead(text === undefined ? 404 : 200, { 'content-type': `${type}; charset=utf-8` })
    answer.end(text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { port, texts, close: () => server.close() }
}

export async function must(client: SignedClient, call: Call): Promise<void> {
  const { status, body } = await client.call(call)
  assert.equal(status, 200, `${call.method} ${call.key ?? ''}: ${body.toString()}`)
}

export function presigned({ hello, client }: Scene, call: Call): string {
  return hello.s3.endpoint + prepare(client.target, { ...call, presigned: true }).path
}

export async function stored({ client }: Scene, key: string): Promise<Buffer> {
  const answer = await client.call({ method: 'GET', bucket: BUCKET, key })
  assert.equal(answer.status, 200, `GET ${key}: ${answer.body.toString()}`)
  return answer.body
}

async function settle({ client, friend }: Scene): Promise<void> {
  const rule = (origin: string, more: string): string =>
    `<CORSRule><AllowedOrigin>${origin}</AllowedOrigin>${more}</CORSRule>`
  const methods = ['GET', 'PUT', 'POST', 'HEAD', 'DELETE']
    .map((method) => `<AllowedMethod>${method}</AllowedMethod>`)
    .join('')
  const cors = rule(
    friend,
    `${methods}<AllowedHeader>*</AllowedHeader><ExposeHeader>ETag</ExposeHeader>`,
  )
  const website =
    '<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument>' +
    '<ErrorDocument><Key>lost.html</Key></ErrorDocument><RoutingRules><RoutingRule>' +
    '<Condition><KeyPrefixEquals>old/</KeyPrefixEquals></Condition>' +
    '<Redirect><ReplaceKeyPrefixWith>docs/</ReplaceKeyPrefixWith></Redirect>' +
    '</RoutingRule></RoutingRules></WebsiteConfiguration>'
  for (const bucket of [BUCKET, SITE]) await must(client, { method: 'PUT', bucket })
  const set = (bucket: string, name: string, text: string): Promise<void> =>
    must(client, { method: 'PUT', bucket, query: { [name]: '' }, body: Buffer.from(text) })
  await set(BUCKET, 'cors', `<CORSConfiguration>${cors}</CORSConfiguration>`)
  await set(SITE, 'website', website)
}

/** Opens all of it, works in it, and closes it. */
export async function inScene(
  folder: string,
  work: (scene: Scene) => Promise<void>,
): Promise<void> {
  const node = await startNode({ data: join(folder, 'data') })
  const { hello } = node
  const { accessKeyId, secretAccessKey } = hello
  const client = new SignedClient({ ...hello.s3, accessKeyId, secretAccessKey })
  const pages = await openPages()
  const browser = await openBrowser(folder, DOMAIN).catch(async (error: unknown) => {
    pages.close()
    await node.stop()
    throw error
  })
  const at = (name: string): string => `http://${name}.${DOMAIN}:${pages.port}`
  const friend = at('friend')
  const scene = { hello, client, browser, folder, pages, friend, stranger: at('stranger') }
  try {
    await settle(scene)
    await work(scene)
  } finally {
    await browser.close()
    pages.close()
    client.close()
    await node.stop()
  }
}
