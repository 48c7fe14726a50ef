import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

/** Allocates little for as long as it takes V8 to notice. */
const script = `
  const { letHeapGrow } = await import(process.argv[1])
  if (process.argv[2] === 'as a node') letHeapGrow()
  for (let turn = 0; turn < 20; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 30))
    gc()
  }
`

/** How many times what is live the heap may grow to, as V8 says after each turn. */
function growth(how: 'as a node' | 'as usual'): number[] {
  const file = fileURLToPath(new URL('../../src/cli/heap.js', import.meta.url))
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [...['--expose-gc', '--trace-gc-verbose', '--input-type=module', '-e'], script, file, how],
    { encoding: 'utf8', timeout: 30_000 },
  )
  const told = [...stdout.matchAll(/\[HeapController\] Limit: .*\((\d+\.\d)\)/g)]
  assert.ok(told.length > 0, stderr)
  return told.map(([, times]) => Number(times))
}

test('the heap of a node that allocates little may still grow to four times what is live', () => {
  // What a turn says depends on how long the machine let it wait.
  assert.ok(Math.min(...growth('as usual')) < 2, 'else the setting were needless')
  assert.equal(Math.min(...growth('as a node')), 4)
})

/** Makes what survives, as a program does that is loaded; says how large the young generation is. */
const surviving = `
  import { getHeapSpaceStatistics } from 'node:v8'
  const heap = await import(process.argv[1])
  const kept = []
  const say = () => {
    for (let at = 0; at < 400_000; at += 1) kept.push({ at })
    console.log(getHeapSpaceStatistics().find((one) => one.space_name === 'new_space').space_size)
  }
  heap.keepYoungSmall()
  say()
  heap.letYoungGrow()
  say()
`

test('the young generation stays small while a node is loaded, and grows once it serves', () => {
  const file = fileURLToPath(new URL('../../src/cli/heap.js', import.meta.url))
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', surviving, file],
    { encoding: 'utf8', timeout: 30_000 },
  )
  const [loading = NaN, serving = NaN] = stdout.trim().split('\n').map(Number)
  assert.ok(loading < 3e6, `${loading} while loading\n${stderr}`)
  assert.ok(serving > 30e6, `${serving} once it serves`)
})
