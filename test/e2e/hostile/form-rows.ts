/** Hostile forms: framing, policies, fields that no policy covers. */

import { BOUNDARY, END, part, postOf, signatureOf, type Policy } from '../../support/form.ts'
import { wire } from './wire.ts'
import type { Row, World } from './row.ts'

type Answer = Pick<Row, 'status' | 'code'>
const malformed: Answer = { status: [400], code: ['MalformedPOSTRequest', 'InvalidArgument'] }
const tooMuch: Answer = { status: [400], code: ['MaxPostPreDataLengthExceededError'] }
const denied: Answer = { status: [403], code: ['AccessDenied'] }
const badPolicy: Answer = { status: [400, 403], code: ['InvalidPolicyDocument', 'AccessDenied'] }

const tomorrow = (): string => new Date(Date.now() + 86_400_000).toISOString()

interface Wish {
  readonly policy?: (world: World) => Policy | string
  /** Instead of the fields and the file. */
  readonly parts?: (signed: readonly Buffer[]) => readonly Buffer[]
  readonly contentType?: string
  readonly change?: (fields: Record<string, string>) => Record<string, string>
}

const right = ({ bucket }: World): Policy => ({
  expiration: tomorrow(),
  conditions: [
    { bucket },
    ['starts-with', '$key', 'hostile'],
    ['content-length-range', 5, 100],
    ...['x-amz-algorithm', 'x-amz-credential', 'x-amz-date'].map((name) => [
      ...['starts-with', `$${name}`, ''],
    ]),
  ],
})

const file = part('file', 'the bytes of it', 'a.txt')

function form(name: string, wish: Wish, answer: Answer): Row {
  const { policy = right, contentType, parts, change = (fields) => fields } = wish
  return {
    name,
    bytes: (world) => {
      const fields = change({
        key: 'hostile',
        ...signatureOf(world.owner, policy(world), Date.now()),
      })
      const signed = Object.entries(fields).map(([field, value]) => part(field, value))
      const all = parts?.(signed) ?? [...signed, file, END]
      return wire(postOf(world.bucket, all, contentType))
    },
    ...answer,
  }
}

export const formRows: readonly Row[] = [
  form(
    'S31 no policy',
    {
      change: (fields) =>
        Object.fromEntries(Object.entries(fields).filter(([name]) => name !== 'policy')),
    },
    {
      status: [400, 403],
      code: ['InvalidArgument', 'AccessDenied'],
    },
  ),
  form(
    'S31 an expired policy',
    { policy: (world) => ({ ...right(world), expiration: '2020-01-01T00:00:00Z' }) },
    denied,
  ),
  form('S31 a policy that is no base64', { policy: () => '%%%' }, badPolicy),
  form(
    'S31 a policy that is no JSON',
    { policy: () => Buffer.from('{').toString('base64') },
    badPolicy,
  ),
  form(
    'S31 an unknown condition',
    { policy: (world) => ({ ...right(world), conditions: [['like', '$key', 'a']] }) },
    badPolicy,
  ),
  form(
    'S31 a condition of four',
    { policy: (world) => ({ ...right(world), conditions: [['eq', '$key', 'a', 'b']] }) },
    badPolicy,
  ),
  form(
    'S31 conditions that are no list',
    { policy: (world) => ({ ...right(world), conditions: 5 }) },
    badPolicy,
  ),
  form(
    'S31 a field that no condition covers',
    { change: (fields) => ({ ...fields, 'x-amz-meta-a': 'b' }) },
    denied,
  ),
  form('S31 another bucket', { change: (fields) => ({ ...fields, bucket: 'other' }) }, denied),
  form('S31 another key', { change: (fields) => ({ ...fields, key: 'other' }) }, denied),
  form(
    'S31 a key that climbs',
    { change: (fields) => ({ ...fields, key: 'hostile/../../../etc' }) },
    {
      status: [400, 403],
      code: ['InvalidArgument', 'InvalidURI', 'AccessDenied'],
    },
  ),
  form(
    'S31 a forged signature',
    { change: (fields) => ({ ...fields, 'x-amz-signature': '0'.repeat(64) }) },
    {
      status: [403],
      code: ['SignatureDoesNotMatch'],
    },
  ),
  form(
    'S31 a key of the store that nobody has',
    {
      change: (fields) => ({
        ...fields,
        'x-amz-credential': fields['x-amz-credential']!.replace(/^[^/]*/, '__proto__'),
      }),
    },
    {
      status: [403],
      code: ['InvalidAccessKeyId'],
    },
  ),
  form('S31 two files', { parts: (signed) => [...signed, file, file, END] }, malformed),
  form('S31 no file', { parts: (signed) => [...signed, END] }, malformed),
  form(
    'S32 a file that is too long',
    { parts: (signed) => [...signed, part('file', 'x'.repeat(101), 'a'), END] },
    {
      status: [400],
      code: ['EntityTooLarge'],
    },
  ),
  form(
    'S32 a file that is too short',
    { parts: (signed) => [...signed, part('file', 'x', 'a'), END] },
    {
      status: [400],
      code: ['EntityTooSmall'],
    },
  ),
  form('S33 no boundary', { contentType: 'multipart/form-data' }, malformed),
  form(
    'S33 a boundary of 5 KB',
    { contentType: `multipart/form-data; boundary=${'a'.repeat(5000)}` },
    malformed,
  ),
  form(
    'S33 10,000 fields',
    {
      parts: (signed) => [
        ...signed,
        ...Array.from({ length: 10_000 }, (_, at) => part(`f${at}`, 'x')),
        file,
        END,
      ],
    },
    tooMuch,
  ),
  form(
    'S33 a name of a megabyte',
    { parts: (signed) => [part('n'.repeat(1_000_000), 'x'), ...signed, file, END] },
    tooMuch,
  ),
  form(
    'S33 a value of ten megabytes',
    { parts: (signed) => [part('x-amz-meta-a', 'x'.repeat(10_000_000)), ...signed, file, END] },
    {
      // The node does not read on for ever to be heard.
      status: [400, 0],
      code: ['MaxPostPreDataLengthExceededError'],
    },
  ),
  form(
    'S33 a preamble that does not end',
    { parts: () => [Buffer.alloc(3_000_000, 'a')] },
    {
      status: [400],
      code: ['MalformedPOSTRequest', 'InvalidArgument', 'MaxPostPreDataLengthExceededError'],
    },
  ),
  form('S33 no end', { parts: (signed) => [...signed, file.subarray(0, -2)] }, malformed),
  {
    name: 'S31 a form without a signature',
    bytes: ({ bucket }) => wire(postOf(bucket, [part('key', 'hostile'), file, END])),
    status: [400, 403],
    code: ['AccessDenied', 'InvalidArgument'],
  },
  {
    name: 'S31 a form that is JSON',
    bytes: ({ bucket }) =>
      wire(postOf(bucket, [Buffer.from(`{"${BOUNDARY}":1}`)], 'application/json')),
    status: [400, 403, 405, 412],
  },
]
