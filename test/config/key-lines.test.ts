import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyLines, lineOf } from '../../src/config/key-lines.ts'

test('keyLines skips strings, comments and brackets that hold what looks like keys', () => {
  const lines = keyLines(`a = "x # [no]" # a = 2
b = [ # one
  "]", '[c]',
  { d = 1 },
]
"quoted key" = 1
c.d = '''
e = 1
'''
[t."u v"]
f = "\\""
[[list]]
g = 1
[[list]]
g = 2
`)
  assert.deepEqual(Object.fromEntries(lines), {
    a: 1,
    b: 2,
    'quoted key': 6,
    c: 7,
    'c.d': 7,
    t: 10,
    't.u v': 10,
    't.u v.f': 11,
    list: 12,
    'list.0': 12,
    'list.0.g': 13,
    'list.1': 14,
    'list.1.g': 15,
  })
})

test('lineOf falls back to what a key lies in', () => {
  const lines = keyLines('a = 1\n[s]\nb = { c = 1 }\n')
  assert.equal(lineOf(lines, 's.b.c'), 3)
  assert.equal(lineOf(lines, 'z'), undefined)
})
