/** Open CORS for pages of this very machine: what `hangar dev` gives a browser. */

const localOrigin =
  /^https?:\/\/(?:localhost|(?:[a-z0-9-]+\.)+localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i
const headerNames = /^[\w!#$%&'*+.^`|~, -]{1,4096}$/

/** What scripts may read beside the body. */
const exposed = [
  'ETag',
  'Content-Length',
  'Content-Range',
  'Accept-Ranges',
  'Last-Modified',
  'x-amz-request-id',
  'x-amz-id-2',
  'x-amz-bucket-region',
  'x-amz-mp-parts-count',
  'x-amz-checksum-crc32',
  'x-amz-checksum-crc32c',
  'x-amz-checksum-crc64nvme',
  'x-amz-checksum-sha1',
  'x-amz-checksum-sha256',
  'x-amz-checksum-type',
].join(', ')

type Headers = readonly (readonly [string, string])[]

const none: Headers = []

/** The headers that let a local page read this answer, an error as well; none for other origins. */
export function devAnswerHeaders(origin: string | undefined): Headers {
  if (origin === undefined) return none
  if (!localOrigin.test(origin)) return [['vary', 'Origin']]
  return [
    ['access-control-allow-origin', origin],
    ['access-control-expose-headers', exposed],
    ['vary', 'Origin'],
  ]
}

/** What tells a local page that it may send any request; undefined for other origins. */
export function devPreflightHeaders(headers: ReadonlyMap<string, string>): Headers | undefined {
  const origin = headers.get('origin')
  if (origin === undefined || !localOrigin.test(origin)) return undefined
  const wanted = headers.get('access-control-request-headers')
  return [
    ['access-control-allow-methods', 'GET, HEAD, PUT, POST, DELETE'],
    ...(wanted !== undefined && headerNames.test(wanted)
      ? [['access-control-allow-headers', wanted] as const]
      : []),
    ['access-control-max-age', '3000'],
    ...devAnswerHeaders(origin),
  ]
}
