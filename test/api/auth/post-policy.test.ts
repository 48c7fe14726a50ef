import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AuthError } from '../../../src/api/auth/errors.ts'
import { judgePolicy, parsePolicy, withinSizes } from '../../../src/api/auth/post-policy.ts'

const expiration = '2030-01-01T12:00:00.000Z'
const before = Date.UTC(2030, 0, 1, 11, 59, 59)

function encoded(policy: unknown): string {
  return Buffer.from(typeof policy === 'string' ? policy : JSON.stringify(policy)).toString(
    'base64',
  )
}

function refuses(run: () => unknown, code: string, message: string): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof AuthError)
    assert.equal(error.code, code)
    assert.equal(error.message, message)
    return true
  })
}

test('parsePolicy() says what is wrong with a policy, in the words of S3', () => {
  const wrong: [string, string][] = [
    ['', "Expecting '{' but found End-of-Input"],
    ['not base64!', 'invalid Base64 encoding.'],
    [encoded('invalid json'), 'Invalid JSON.'],
    [encoded('[]'), 'Invalid JSON.'],
    [encoded({ conditions: [] }), 'Policy missing expiration.'],
    [encoded({ EXPIRATION: expiration, conditions: [] }), "Unexpected: 'EXPIRATION'"],
    [encoded({ expiration }), 'Policy missing conditions.'],
    [encoded({ expiration: 'soon', conditions: [] }), "Invalid 'expiration' value: 'soon'"],
    [encoded({ expiration: true, conditions: [] }), "Invalid 'expiration' value: 'true'"],
    [encoded({ expiration, conditions: {} }), "Invalid 'conditions' value: must be a List."],
  ]
  for (const [text, message] of wrong) {
    refuses(() => parsePolicy(text), 'InvalidPolicyDocument', `Invalid Policy: ${message}`)
  }
})

test('parsePolicy() refuses conditions that it does not know whole', () => {
  const wrong: [unknown, string][] = [
    [true, 'Invalid condition test: must be a List or Object.'],
    [null, 'Invalid condition test: must be a List or Object.'],
    [[], 'Invalid Condition: missing operation identifier.'],
    [['ends-with', '$key', 'x'], "Invalid Condition: unknown operation 'ends-with'."],
    [['eq', '$key'], 'Invalid eq: wrong number of arguments.'],
    [['eq', '$key', 'x', 'y'], 'Invalid eq: wrong number of arguments.'],
    [['eq', false, 'x'], 'Invalid JSON.'],
    [['content-length-range', 0], 'Invalid content-length-range: wrong number of arguments.'],
    [['content-length-range', -1, 0], 'Invalid content-length-range: wrong argument.'],
    [['content-length-range', 0, 'x'], 'Invalid content-length-range: wrong argument.'],
    [
      { a: 'x', b: 'y' },
      'Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.',
    ],
    [{ a: 1 }, 'Invalid Simple-Condition: value must be a string.'],
  ]
  for (const [condition, message] of wrong) {
    const text = encoded({ expiration, conditions: [condition] })
    refuses(() => parsePolicy(text), 'InvalidPolicyDocument', `Invalid Policy: ${message}`)
  }
  const many = encoded({ expiration, conditions: Array.from({ length: 201 }, () => ({ a: 'b' })) })
  assert.throws(() => parsePolicy(many), AuthError)
})

function judge(conditions: unknown[], fields: Record<string, string>, now = before): void {
  const policy = parsePolicy(encoded({ expiration, conditions }))
  judgePolicy(policy, new Map(Object.entries(fields)), now)
}

test('judgePolicy() takes a form whose every field is named and right', () => {
  const conditions = [
    { bucket: 'b' },
    ['EQ', '$KEY', 'a/b'],
    ['starts-with', '$Content-Type', 'image/'],
    ['starts-with', '$x-amz-meta-any', ''],
    ['content-length-range', 1, '10'],
  ]
  const fields = { bucket: 'b', key: 'a/b', 'content-type': 'image/png,image/gif' }
  judge(conditions, { ...fields, 'x-amz-meta-any': 'x', policy: 'p', 'x-ignore-y': 'z' })
})

test('judgePolicy() refuses what fails a condition, and shows which', () => {
  const failed: [unknown, Record<string, string>, string][] = [
    [{ key: 'a' }, { key: 'A' }, '["eq", "$key", "a"]'],
    [['eq', '$key', 'a'], {}, '["eq", "$key", "a"]'],
    [['eq', 'key', 'a'], { key: 'a' }, '["eq", "key", "a"]'],
    [['starts-with', '$key', 'a/'], { key: 'b/' }, '["starts-with", "$key", "a/"]'],
    [
      ['starts-with', '$content-type', 'image/'],
      { 'content-type': 'image/png, text/html' },
      '["starts-with", "$content-type", "image/"]',
    ],
  ]
  for (const [condition, fields, shown] of failed) {
    const message = `Invalid according to Policy: Policy Condition failed: ${shown}`
    refuses(() => judge([condition], fields), 'AccessDenied', message)
  }
})

test('judgePolicy() refuses a field without a condition and a policy that ended', () => {
  const extra = 'Invalid according to Policy: Extra input fields: x-amz-meta-a'
  refuses(() => judge([], { 'x-amz-meta-a': '1' }), 'AccessDenied', extra)
  const expired = 'Invalid according to Policy: Policy expired.'
  refuses(() => judge([], {}, before + 1000), 'AccessDenied', expired)
  judge([], {}, before + 999)
})

async function* pieces(...sizes: number[]): AsyncGenerator<Uint8Array> {
  for (const size of sizes) {
    await Promise.resolve()
    yield new Uint8Array(size)
  }
}

async function drain(source: AsyncIterable<Uint8Array>): Promise<number> {
  let size = 0
  for await (const piece of source) size += piece.length
  return size
}

test('withinSizes() ends only within every range', async () => {
  const ranges = [
    { min: 2, max: 10 },
    { min: 0, max: 5 },
  ]
  for (const size of [2, 5]) assert.equal(await drain(withinSizes(pieces(size), ranges)), size)
  const code = (wanted: string) => (error: unknown) =>
    error instanceof AuthError && error.code === wanted
  await assert.rejects(drain(withinSizes(pieces(1), ranges)), code('EntityTooSmall'))
  await assert.rejects(drain(withinSizes(pieces(3, 3), ranges)), code('EntityTooLarge'))
  await assert.rejects(drain(withinSizes(pieces(), ranges)), code('EntityTooSmall'))
})
