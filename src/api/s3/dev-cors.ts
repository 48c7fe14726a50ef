/** Open CORS for pages of this very machine: what `hangar dev` gives a browser. */

import type { HttpRequest } from '../http/request.ts'
import type { HttpResponse } from '../http/response.ts'
import { S3Error } from './errors.ts'

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
export function corsHeaders(request: HttpRequest): Headers {
  const origin = request.headers.get('origin')
  if (origin === undefined) return none
  if (!localOrigin.test(origin)) return [['vary', 'Origin']]
  return [
    ['access-control-allow-origin', origin],
    ['access-control-expose-headers', exposed],
    ['vary', 'Origin'],
  ]
}

/**
 * The answer to a browser's question whether it may send a request.
 *
 * @throws {S3Error} `AccessForbidden` unless this is a preflight of a local page and `open`
 */
export function answerPreflight(request: HttpRequest, open: boolean): HttpResponse {
  const { headers } = request
  const origin = headers.get('origin')
  const method = headers.get('access-control-request-method')
  if (origin === undefined || method === undefined) {
    throw new S3Error('BadRequest', 'Insufficient information. Origin request header needed.')
  }
  if (!open || !localOrigin.test(origin)) {
    throw new S3Error(
      'AccessForbidden',
      open
        ? `CORSResponse: The origin is not of this machine; it is "${origin.slice(0, 200)}"`
        : 'CORSResponse: CORS is not enabled for this bucket.',
      { details: { Method: method.slice(0, 20), ResourceType: 'OBJECT' } },
    )
  }
  const wanted = headers.get('access-control-request-headers')
  return {
    status: 200,
    headers: [
      ['access-control-allow-methods', 'GET, HEAD, PUT, POST, DELETE'],
      ...(wanted !== undefined && headerNames.test(wanted)
        ? [['access-control-allow-headers', wanted] as const]
        : []),
      ['access-control-max-age', '3000'],
    ],
  }
}
