import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

const RUNNING = new URL('../../src/cli/running.js', import.meta.url).href
const folder = mkdtempSync(join(tmpdir(), 'hangar-running-'))
after(() => rmSync(folder, { recursive: true }))

/** A node that never comes to its end, beside a thread that waits for a pipe with no writer. */
const NODE = `
  import { open } from 'node:fs'
  import { runToEnd } from '${RUNNING}'
  open(process.argv[1], 'r', () => undefined)
  const note = (text) => console.log(text)
  const ending = { fatal: new Promise(() => undefined) }
  const node = { stop: () => new Promise(() => undefined) }
  const alive = setInterval(() => undefined, 1000)
  runToEnd(node, { ending, terminal: { serving: () => undefined, note } }, () => note('serves'))
`

test('a fault that nobody caught ends the process at once with 70, and its stack is told', () => {
  for (const fault of ["throw new Error('oh')", "void Promise.reject(new Error('oh'))"]) {
    const script = `
      import { endOnUncaught } from '${RUNNING}'
      endOnUncaught({ note: (text) => console.log(text) })
      setInterval(() => undefined, 1000)
      setTimeout(() => { ${fault} })
    `
    const words = ['--input-type=module', '-e', script]
    const { status, stdout } = spawnSync(process.execPath, words, {
      encoding: 'utf8',
      timeout: 60_000,
    })
    assert.equal(status, 70, fault)
    assert.match(stdout, /^hangar: stopping, .* in the program itself\nError: oh\n +at /)
  }
})

test('a second signal ends the process at once, whatever its threads wait for', async () => {
  const pipe = join(folder, 'pipe')
  execFileSync('/usr/bin/mkfifo', [pipe])
  const words = ['--input-type=module', '-e', NODE, pipe]
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const late = setTimeout(() => child.kill('SIGKILL'), 60_000)
  child.stdout.setEncoding('utf8')
  assert.deepEqual(await once(child.stdout, 'data'), ['serves\n'])
  child.kill('SIGTERM')
  assert.match(String(await once(child.stdout, 'data')), /^SIGTERM: .* once more to stop at once/)
  child.kill('SIGTERM')
  assert.deepEqual(await ended, [null, 'SIGTERM'])
  clearTimeout(late)
})
