/** Hostile preflights, and hostile requests of a site that is on. */

import type { SignedClient, Target } from '../../support/signed-client.ts'
import type { Row } from './row.ts'
import { wire } from './wire.ts'

type Answer = Pick<Row, 'status' | 'code'>
const forbidden: Answer = { status: [403], code: ['AccessForbidden'] }
const bad: Answer = { status: [400], code: ['BadRequest'] }

const cors =
  '<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod>' +
  '<AllowedOrigin>https://good.example</AllowedOrigin></CORSRule></CORSConfiguration>'
const website =
  '<WebsiteConfiguration><IndexDocument><Suffix>there</Suffix></IndexDocument></WebsiteConfiguration>'

/** Makes a site of a bucket, with one rule of CORS: what the rows ask of. */
export async function makeSite(client: SignedClient, bucket: string): Promise<void> {
  const put = async (setting: string, document: string): Promise<void> => {
    const body = Buffer.from(document)
    const { status } = await client.call({ method: 'PUT', bucket, query: { [setting]: '' }, body })
    if (status !== 200) throw new Error(`the ${setting} of the bucket: ${status}`)
  }
  await put('cors', cors)
  await put('website', website)
}

const hostOf = ({ endpoint }: Target): string => new URL(endpoint).host

/** A preflight for the object that is there. */
const preflight = (
  name: string,
  headers: Readonly<Record<string, string>>,
  answer: Answer,
): Row => ({
  name,
  bytes: ({ owner, bucket, key }) =>
    wire({
      method: 'OPTIONS',
      path: `/${bucket}/${key}`,
      headers: { host: hostOf(owner), ...headers },
      body: Buffer.alloc(0),
    }),
  hides: 'evil',
  ...answer,
})

const site = (name: string, target: string, status: number, headers = ''): Row => ({
  name,
  door: 'web',
  bytes: ({ bucket }) =>
    `GET ${target} HTTP/1.1\r\nHost: ${bucket}.web.localhost\r\n${headers}\r\n`,
  status: [status],
  hides: '<script>',
})

const get = { 'access-control-request-method': 'GET' }
const evil = { origin: 'https://evil.example' }

export const siteRows: readonly Row[] = [
  preflight('X23 an origin that no rule names', { ...evil, ...get }, forbidden),
  preflight('X23 no origin at all', get, bad),
  preflight('X23 the origin null', { origin: 'null', ...get }, forbidden),
  preflight(
    'X23 an origin of 10 KB',
    { origin: `https://${'a'.repeat(10_000)}`, ...get },
    forbidden,
  ),
  preflight('X23 a method that is none', { ...evil, 'access-control-request-method': 'G T' }, bad),
  preflight(
    'X23 2,000 headers',
    {
      ...{ origin: 'https://good.example', ...get },
      'access-control-request-headers': 'a,'.repeat(2000),
    },
    forbidden,
  ),
  site('Q2 a path of another host, of a site', '//evil.example', 404),
  site('Q2 a path that climbs, of a site', '/../../etc/passwd', 400),
  site('Q2 an encoded path that climbs, of a site', '/%2e%2e%2fetc/passwd', 400),
  site('Q2 a backslash, of a site', '/\\evil.example', 404),
  site('Q2 markup in the path, of a site', '/%3Cscript%3E', 404),
  site('Q2 a list of a site', '/%00?list-type=2', 400),
  site('Q2 a range of nothing, of a site', '/', 416, 'Range: bytes=999999-\r\n'),
  site('Q2 a condition that fails, of a site', '/', 412, 'If-Match: "x"\r\n'),
]
