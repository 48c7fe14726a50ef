/** Hostile requests to the admin port and to the web port. */

import type { Row } from './row.ts'

type Answer = Pick<Row, 'status' | 'code'>
const denied: Answer = { status: [403], code: ['AccessDenied', 'Forbidden'] }
const refused: Answer = { status: [400], code: ['InvalidRequest'] }

const admin = (
  name: string,
  headers: (token: string) => string,
  answer: Answer,
  request: { readonly target?: string; readonly body?: string } = {},
): Row => ({
  name,
  door: 'admin',
  bytes: ({ adminToken }) => {
    const { target = '/v2/ListKeys', body } = request
    const method = body === undefined ? 'GET' : 'POST'
    const length = body === undefined ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`
    const head = `${method} ${target} HTTP/1.1\r\nHost: localhost\r\n${length}`
    return `${head}${headers(adminToken)}\r\n${body ?? ''}`
  },
  ...answer,
})

const bearer = (token: string): string => `Authorization: Bearer ${token}\r\n`
const json = (name: string, body: string, answer: Answer, target = '/v2/CreateKey'): Row =>
  admin(name, bearer, answer, { target, body })

const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`

const web = (
  name: string,
  host: string,
  target = '/',
  answer: Answer = { status: [400, 404] },
): Row => ({
  name,
  door: 'web',
  bytes: () => `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  ...answer,
})

export const doorRows: readonly Row[] = [
  admin('A1 no token', () => '', denied),
  admin('A1 an empty token', () => bearer(''), denied),
  admin('A1 a wrong token', () => bearer('wrong'), denied),
  admin('A1 a token too short', (token) => bearer(token.slice(0, -1)), denied),
  admin('A1 a token too long', (token) => bearer(`${token}a`), denied),
  admin('A1 another scheme', (token) => `Authorization: Basic ${token}\r\n`, denied),
  admin('A1 a token of 7 KB', () => bearer('a'.repeat(7000)), denied),
  admin('A1 a token in the query', () => '', denied, { target: '/v2/ListKeys?token=x' }),
  admin(
    'A2 metrics with a wrong token',
    () => bearer('wrong'),
    { status: [200, 403] },
    { target: '/metrics' },
  ),
  json('A3 no JSON', '{', refused),
  json('A3 nothing', '', refused),
  json('A3 a list', '[]', refused),
  json('A3 null', 'null', refused),
  json('A3 a number for a name', '{"name":5}', refused),
  json('A3 100,000 brackets', deep, refused),
  json('A3 three megabytes', `{"name":"${'a'.repeat(3 << 20)}"}`, {
    status: [400, 413],
    code: ['InvalidRequest', 'MaxMessageLengthExceeded', 'EntityTooLarge'],
  }),
  json('A3 invalid UTF-8', '{"name":"\ud800"}', { status: [200, 400] }),
  json(
    'A4 a key of another form',
    '{"accessKeyId":"abc","secretAccessKey":"x"}',
    refused,
    '/v2/ImportKey',
  ),
  json(
    'A5 a role for a node that is none',
    '[{"id":"zz","zone":"a","capacity":1,"tags":[]}]',
    refused,
    '/v2/UpdateClusterLayout',
  ),
  json(
    'A5 capacity 0',
    `{"roles":[{"id":"${'ab'.repeat(32)}","zone":"a","capacity":0,"tags":[]}]}`,
    refused,
    '/v2/UpdateClusterLayout',
  ),
  json(
    'A5 capacity -1',
    `{"roles":[{"id":"${'ab'.repeat(32)}","zone":"a","capacity":-1,"tags":[]}]}`,
    refused,
    '/v2/UpdateClusterLayout',
  ),
  admin('A7 a path that is none', bearer, refused, { target: '/v2/../../etc/passwd' }),
  admin(
    'A7 debugging without a token',
    () => '',
    { status: [400, 403, 404] },
    { target: '/debug/pprof' },
  ),
  web('Q1 an unknown bucket', 'nobody.web.localhost'),
  web('Q1 an address', '127.0.0.1'),
  web('Q1 an address with a port', '127.0.0.1:3902'),
  web('Q1 a dot at the end', 'nobody.web.localhost.'),
  web('Q1 upper case', 'NOBODY.WEB.LOCALHOST'),
  web('Q1 markup', '<script>alert(1)</script>'),
  web('Q1 5 KB', 'a'.repeat(5000)),
  web('Q2 a path that climbs', 'nobody.web.localhost', '/../../etc/passwd'),
  web('Q2 an encoded path that climbs', 'nobody.web.localhost', '/%2e%2e%2fetc/passwd'),
  web('Q2 a path of another host', 'nobody.web.localhost', '//evil.example'),
  { ...web('Q2 markup in the path', 'nobody.web.localhost', '/%3Cscript%3E'), hides: '<script>' },
]
