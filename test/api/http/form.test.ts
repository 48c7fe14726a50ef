import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formBoundary, isFormType, readForm } from '../../../src/api/http/form.ts'
import { HttpError } from '../../../src/api/http/errors.ts'
import { FORM_BEFORE_FILE_BYTES_MAX } from '../../../src/base/limits.ts'
import { BOUNDARY, END, part } from '../../support/form.ts'

/** Pieces of `size` bytes, each gone once the next is asked for. */
async function* cut(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    await Promise.resolve()
    const piece = Buffer.from(bytes.subarray(at, at + size))
    yield piece
    piece.fill(0xee)
  }
}

interface Read {
  readonly fields: Record<string, string>
  readonly fileName: string
  readonly file: string
}

async function read(bytes: Buffer, size = 1 << 20): Promise<Read> {
  const form = await readForm(cut(bytes, size), BOUNDARY)
  const pieces: Buffer[] = []
  for await (const piece of form.file) pieces.push(Buffer.from(piece))
  return {
    fields: Object.fromEntries(form.fields),
    fileName: form.fileName,
    file: Buffer.concat(pieces).toString('latin1'),
  }
}

function refusesWith(code: string): (error: unknown) => boolean {
  return (error) => error instanceof HttpError && error.code === code
}

const malformed = refusesWith('MalformedPOSTRequest')
const whole = Buffer.concat([part('key', 'größe'), part('File', 'a\r\n--b\r\n', 'x.txt'), END])

test('readForm() gives the same form wherever the body is cut', async () => {
  const wanted = { fields: { key: 'größe' }, fileName: 'x.txt', file: 'a\r\n--b\r\n' }
  for (let size = 1; size < 90; size += 1) assert.deepEqual(await read(whole, size), wanted)
  assert.deepEqual(await read(whole), wanted)
})

test('readForm() keeps bytes that look like the boundary but are not', async () => {
  const tricky = `\r\n-\r\n--${BOUNDARY.slice(0, -1)}\r\r\n\r\n--`
  const body = Buffer.concat([part('file', tricky), END])
  for (let size = 1; size < 70; size += 3) assert.equal((await read(body, size)).file, tricky)
})

test('readForm() ignores a preamble, fields after the file and an epilogue', async () => {
  const body = Buffer.concat([
    Buffer.from('preamble\r\n'),
    part('file', 'x'),
    part('submit', 'Upload'),
    END,
    Buffer.from('epilogue'),
  ])
  for (const size of [1, 7, 4096]) assert.equal((await read(body, size)).file, 'x')
})

test('readForm() takes an empty file and an empty field', async () => {
  const read_ = await read(Buffer.concat([part('a', ''), part('file', ''), END]))
  assert.deepEqual(read_, { fields: { a: '' }, fileName: '', file: '' })
})

test('readForm() reads file names as browsers and libraries write them', async () => {
  const names: [string, string][] = [
    ['filename="a\\"b.txt"', 'a"b.txt'],
    ['filename="a%22b.txt"', 'a"b.txt'],
    ['filename="C:\\dir\\b.txt"', 'C:\\dir\\b.txt'],
    ["filename*=UTF-8''gr%C3%B6sse.txt", 'grösse.txt'],
    ['filename=plain.txt', 'plain.txt'],
  ]
  for (const [parameter, wanted] of names) {
    const head = `--${BOUNDARY}\r\ncontent-disposition: FORM-DATA; name="file"; ${parameter}`
    const body = Buffer.concat([Buffer.from(`${head}\r\nContent-Type: a/b\r\n\r\nx\r\n`), END])
    assert.equal((await read(body)).fileName, wanted)
  }
})

test('readForm() refuses a form that is cut off anywhere, before or within its file', async () => {
  for (let length = 0; length < whole.length - 4; length += 1) {
    await assert.rejects(read(whole.subarray(0, length), 50), malformed, `${length} bytes`)
  }
})

test('readForm() refuses parts that it cannot read', async () => {
  const parts = [
    'Content-Disposition: form-data\r\n\r\nx\r\n',
    'Content-Disposition: form-data; name=""\r\n\r\nx\r\n',
    'Content-Disposition: attachment; name="a"\r\n\r\nx\r\n',
    'Content-Type: text/plain\r\n\r\nx\r\n',
    '\r\nx\r\n',
    'no header\r\n\r\nx\r\n',
    'Content-Disposition: form-data; name="a"\r\n\r\n\xff\xfe\r\n',
  ]
  for (const one of parts) {
    const body = Buffer.concat([
      Buffer.from(`--${BOUNDARY}\r\n${one}`, 'latin1'),
      part('file', 'x'),
      END,
    ])
    await assert.rejects(read(body), malformed, one)
  }
})

test('readForm() refuses no file, two files and a field that stands twice', async () => {
  const bodies = [
    [part('a', 'x'), END],
    [part('file', 'x'), part('file', 'y'), END],
    [part('a', 'x'), part('A', 'y'), part('file', 'x'), END],
  ]
  for (const body of bodies) {
    await assert.rejects(read(Buffer.concat(body)), refusesWith('InvalidArgument'))
  }
})

test('readForm() bounds what comes before the file, its fields and what follows it', async () => {
  const tooMuch = refusesWith('MaxPostPreDataLengthExceededError')
  const long = Buffer.alloc(FORM_BEFORE_FILE_BYTES_MAX + 1, 'x')
  const endless: Buffer[][] = [
    [long, long],
    [part('a', long), part('file', 'x'), END],
    [part(long.toString(), 'x'), part('file', 'x'), END],
    [...Array.from({ length: 101 }, (_, index) => part(`a${index}`, 'x')), part('file', 'x'), END],
  ]
  for (const body of endless) {
    for (const size of [1000, 1 << 20]) {
      await assert.rejects(read(Buffer.concat(body), size), tooMuch)
    }
  }
  const tails = [
    [part('a', long), END],
    [END, long, long],
  ]
  for (const tail of tails) {
    await assert.rejects(read(Buffer.concat([part('file', 'x'), ...tail])), malformed)
  }
  const big = Buffer.concat([part('file', Buffer.alloc(300_000, 'y')), END])
  assert.equal((await read(big, 65_536)).file.length, 300_000)
})

test('formBoundary() reads plain and quoted boundaries and refuses none and long ones', () => {
  assert.equal(formBoundary('multipart/form-data; boundary=abc'), 'abc')
  assert.equal(formBoundary('multipart/form-data; charset=utf-8; Boundary="a b;c"'), 'a b;c')
  for (const type of ['', '; boundary=', `; boundary=${'x'.repeat(71)}`]) {
    assert.throws(() => formBoundary(`multipart/form-data${type}`), malformed)
  }
  assert.ok(isFormType('Multipart/Form-Data; boundary=x'))
  assert.ok(!isFormType('multipart/form-dataset') && !isFormType(undefined))
})
