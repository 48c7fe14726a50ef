/** What GetObject and HeadObject share: conditions, the bytes that are asked for, the headers. */

import { PART_NUMBER_MAX } from '../../base/limits.ts'
import type { ObjectInfo } from '../../store/object/get-object.ts'
import { contentRange } from '../http/range.ts'
import type { HttpResponse } from '../http/response.ts'
import { judgeConditions, objectHeaders, pickBytes } from '../object/selection.ts'
import { checksumHeaders } from './checksums.ts'
import { customerKeyParameters } from './customer-key.ts'
import { S3Error } from './errors.ts'
import { metadataHeaders } from './metadata.ts'
import type { Overrides } from './metadata.ts'
import type { InputOf } from './contract/operation.ts'
import { header, headerText, integer, oneOf, query, rawText } from './contract/parameters.ts'
import { versionToRead } from './version-id.ts'

/** The parameters of reading an object, whole or in part. */
export const readParameters = {
  ...customerKeyParameters,
  ...versionToRead,
  ifMatch: header('if-match', rawText),
  ifNoneMatch: header('if-none-match', rawText),
  ifModifiedSince: header('if-modified-since', rawText),
  ifUnmodifiedSince: header('if-unmodified-since', rawText),
  range: header('range', rawText),
  ifRange: header('if-range', rawText),
  checksumMode: header('x-amz-checksum-mode', oneOf(['ENABLED'])),
  partNumber: query('partNumber', integer(1, PART_NUMBER_MAX)),
  cacheControl: query('response-cache-control', headerText),
  contentDisposition: query('response-content-disposition', headerText),
  contentEncoding: query('response-content-encoding', headerText),
  contentLanguage: query('response-content-language', headerText),
  contentType: query('response-content-type', headerText),
  expires: query('response-expires', headerText),
}

export type ReadInput = InputOf<typeof readParameters>

/** Which bytes go out, under which status and headers. */
export interface Selection {
  readonly status: 200 | 206
  readonly headers: HttpResponse['headers']
  /** Of the first byte, in the object. */
  readonly start: number
  readonly length: number
}

/**
 * Judges the conditions, then picks the bytes.
 *
 * @returns the finished answer when there is nothing to read (304)
 * @throws {S3Error} `PreconditionFailed`, `InvalidRange`, `InvalidPartNumber`, `InvalidRequest`
 */
export async function selectBytes(
  info: ObjectInfo,
  input: ReadInput,
  nowMicros: number,
): Promise<Selection | HttpResponse> {
  const verdict = judgeConditions(info, input, nowMicros)
  if (verdict?.kind === 'not-modified') return { status: 304, headers: verdict.headers }
  if (verdict !== undefined) {
    throw new S3Error(
      'PreconditionFailed',
      'At least one of the pre-conditions you specified did not hold',
      { details: { Condition: verdict.condition } },
    )
  }
  const headers = [...objectHeaders(info), ...metadataHeaders(info.metadata, overridesOf(input))]
  if (input.partNumber !== undefined) return selectPart(info, input, headers)
  const bytes = pickBytes(info, input, nowMicros)
  if (bytes === 'unsatisfiable') {
    throw new S3Error('InvalidRange', 'The requested range is not satisfiable', {
      details: { RangeRequested: input.range!.slice(0, 100), ActualObjectSize: info.size },
    })
  }
  const { status, start, length, range } = bytes
  if (range !== undefined) headers.push(['content-range', range])
  else if (input.checksumMode === 'ENABLED') headers.push(...checksumHeaders(info.checksum))
  return { status, headers, start, length }
}

async function selectPart(
  info: ObjectInfo,
  input: ReadInput,
  headers: (readonly [string, string])[],
): Promise<Selection> {
  if (input.range !== undefined) {
    throw new S3Error(
      'InvalidRequest',
      'Cannot specify both Range header and partNumber query parameter',
    )
  }
  const part = await info.part(input.partNumber!)
  if (part === undefined) {
    throw new S3Error('InvalidPartNumber', 'The requested partnumber is not satisfiable', {
      details: { ActualPartCount: info.parts?.count ?? 1, PartNumberRequested: input.partNumber },
    })
  }
  if (info.parts !== undefined) headers.push(['x-amz-mp-parts-count', String(info.parts.count)])
  if (input.checksumMode === 'ENABLED' && part.checksum !== undefined) {
    // The type is that of the whole: it says what the value of a part is good for.
    const { type } = info.checksum ?? part.checksum
    headers.push(...checksumHeaders({ ...part.checksum, type }))
  }
  const { start, size } = part
  if (size === 0) return { status: 200, headers, start, length: 0 }
  headers.push(['content-range', contentRange({ start, end: start + size - 1 }, info.size)])
  return { status: 206, headers, start, length: size }
}

function overridesOf(input: ReadInput): Overrides | undefined {
  const overrides: Overrides = {
    'cache-control': input.cacheControl,
    'content-disposition': input.contentDisposition,
    'content-encoding': input.contentEncoding,
    'content-language': input.contentLanguage,
    'content-type': input.contentType,
    expires: input.expires,
  }
  return Object.values(overrides).some((value) => value !== undefined) ? overrides : undefined
}
