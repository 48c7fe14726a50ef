/** The page of what S3 asks and what becomes of it, made of the operations and the fates. */

import type { Operation, Parameter, Selector } from '../src/api/s3/contract/operation.ts'
import { elementFates, headerFates, queryFates } from '../src/api/s3/contract/fates.ts'
import type { Fate } from '../src/api/s3/contract/fates.ts'
import { operations } from '../src/api/s3/operations/index.ts'
import { unimplementedOperations } from '../src/api/s3/contract/unimplemented.ts'

const intro = `# S3 compatibility

<!-- Written by scripts/gen-docs.ts from src/api/s3. Do not edit. -->

What Hangar does of S3, and what it answers to the rest. The rule: **nothing that a client asks for
is silently ignored.** A header, query parameter or XML element that Hangar does not honour is
answered with \`501 NotImplemented\` and its name, unless it asks for what is done anyway. Access
control lists are off, as in a new bucket of AWS, and refused with AWS's code for that.

- Path style (\`http://host/bucket/key\`) and virtual-host style (\`http://bucket.s3.localhost/key\`)
  work side by side. Any well-formed region is accepted unless \`region_strict\` is set.
- Signatures: SigV4 in the header or in the query (presigned), every payload mode of S3 but
  SigV4A's. Requests without a signature are refused with 403, but for preflights of
  browsers: those are answered by the CORS rules of the bucket.
- Answers carry \`x-amz-request-id\` and \`x-amz-id-2\`. Errors are S3's codes and statuses; 503 comes
  with \`Retry-After\`.
- Keys are 1 to 1,024 bytes of UTF-8 without NUL, taken from the path as sent: \`//\`, \`.\` and \`..\`
  are plain characters, but a path that climbs above its bucket is refused with 400. A character
  that XML 1.0 cannot hold shows as U+FFFD in lists; \`encoding-type=url\` shows it as it is (a space
  as \`%20\`).
- Metadata values are kept byte for byte; names and values of \`x-amz-meta-*\` may take 2 KiB.
- A checksum is computed where one is sent or was chosen for an upload; none is added by itself.
- Form uploads (PostObject) are signed by a policy of signature version 4, and every field is named by
  a condition of it. Fields say what PutObject's headers say; a form without a signature is refused
  with 403, one of version 2 with 400. Fields after the file are ignored, as browsers send their
  buttons there; the form must end with its boundary.
- Lifecycle rules run once a day, after midnight of UTC, and \`x-amz-expiration\` tells the day ahead.
  Rules with tags, transitions or noncurrent versions are refused with 501.
- A write that would exceed a quota of its bucket is refused with 403 \`QuotaExceeded\` (Ceph's code:
  AWS has no quotas, Garage answers \`AccessDenied\`), before its body where the length is known.
- CopyObject, UploadPartCopy and CompleteMultipartUpload begin their answer with 200 when it takes
  longer than ten seconds, and send a space every five until the document comes; what fails after that
  is an \`<Error>\` in the body, as with S3. Until then an error has its own status. SDKs look into
  the body by themselves; a client of your own must.
- Several ranges in one request are answered with the whole object.
- SSE-C encrypts with a key that the client keeps; over plain http too, where S3 refuses it: use https.
  Metadata and checksums are not encrypted. No other encryption is offered.
- Nothing is versioned: each object is its version \`null\`. An id that S3 could have given out is one
  that is not there (404 NoSuchVersion; deleting it is 204), any other is malformed (400).
- Settings that cannot be changed here take what is so anyway, and nothing else: a private ACL, the
  four public access blocks, \`BucketOwnerEnforced\`, \`BucketOwner\` as payer, no logging and no
  notifications. \`private\` is taken as an ACL where AWS takes \`bucket-owner-full-control\` alone. A
  website opens a bucket: as long as it has one, two of the four blocks are not so.
- \`x-amz-expected-bucket-owner\` is kept to by every operation on a bucket that is there: it must be
  the id of an access key with the owner right, which is what lists show as the id of the owner.
`

/** The page as it should stand in doc/. */
export function s3CompatibilityPage(): string {
  return [
    intro,
    `## Operations\n\nImplemented: ${operations.length}.\n`,
    table(['operation', 'request', 'right', 'own errors'], operations.map(operationRow)),
    '\n`-`: any key that exists. Every operation can also answer the errors of signatures, of HTTP\n' +
      'itself, `AccessDenied`, `NotImplemented`, `SlowDown`, `ServiceUnavailable` and `InternalError`.\n',
    '## What each operation reads\n',
    table(['operation', 'query parameters', 'headers'], operations.map(parameterRow)),
    `\n## Operations answered with 501\n\nKnown: ${unimplementedOperations.length}.\n`,
    table(
      ['operation', 'request'],
      unimplementedOperations.map((one) => [one.name, requestText(one)]),
    ),
    '\n## `x-amz-*` headers that no operation reads\n\nAny that is not here is answered with 501.\n',
    table(['header', 'fate'], fateRows(headerFates)),
    '\n## Query parameters of S3\n\nWhere the operation does not read them. One that is not of S3 is ignored (it is signed).\n',
    table(['parameter', 'fate'], fateRows(queryFates)),
    '\n## XML elements\n\nAny that is not here makes the document malformed (400).\n',
    table(
      ['element', 'fate'],
      Object.entries(elementFates).flatMap(([parent, fates]) =>
        fateRows(fates).map(([name, fate]) => [`${parent} / ${name}`, fate!]),
      ),
    ),
    '',
  ].join('\n')
}

function operationRow(one: Operation): string[] {
  const name = `[${one.name}](https://docs.aws.amazon.com/AmazonS3/latest/API/${one.doc ?? `API_${one.name}.html`})`
  const right = { 'any-key': '-', 'create-bucket': 'create buckets' }[one.permission as string]
  return [name, requestText(one), right ?? one.permission, one.errors.join(', ')]
}

function requestText(one: Pick<Operation, 'method' | 'target'> & { selector?: Selector }): string {
  const path = { service: '/', bucket: '/bucket', object: '/bucket/key' }[one.target]
  const { query = [], values = {}, headers = [] } = one.selector ?? {}
  const asked = [...query, ...Object.entries(values).map(([name, value]) => `${name}=${value}`)]
  const header = headers.length === 0 ? '' : ` with \`${headers.join('`, `')}\``
  return `\`${one.method} ${path}${asked.length === 0 ? '' : `?${asked.join('&')}`}\`${header}`
}

function parameterRow(one: Operation): string[] {
  const names = (from: Parameter<unknown>['from']): string[] =>
    Object.values(one.parameters)
      .filter((parameter) => parameter.from === from)
      .map((parameter) => `\`${parameter.name}\``)
  const groups = (one.groups ?? []).map((group) =>
    group === 'metadata'
      ? 'content-\\*, cache-control, expires, `x-amz-meta-*`'
      : `\`x-amz-checksum-*\` and \`x-amz-sdk-checksum-algorithm\` of the ${group === 'checksum' ? 'body' : 'object'} (CRC32, CRC32C, CRC64NVME, SHA1, SHA256), Content-MD5`,
  )
  return [one.name, names('query').join(', '), [...names('header'), ...groups].join(', ')]
}

function fateRows(fates: Readonly<Record<string, Fate>>): string[][] {
  return Object.entries(fates)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, fate]) => [`\`${name}\``, fateText(fate)])
}

function fateText(fate: Fate): string {
  switch (fate.kind) {
    case 'read':
      return `honoured by ${fate.by}`
    case 'refused':
      return fate.refusal ?? '501'
    case 'accepted': {
      if (fate.values === 'any') return `accepted: ${fate.because}`
      const values = fate.values.map((value) => (value === '' ? 'empty' : `\`${value}\``))
      return `${values.join(' or ')} accepted: ${fate.because}; else ${fate.refusal ?? '501'}`
    }
  }
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
