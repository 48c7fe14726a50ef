import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'

test('systemLog() writes one object a line to the output asked for, from its level up', () => {
  const module = new URL('../../../src/node/system/log.js', import.meta.url).href
  const program = `
    const { systemLog } = await import(${JSON.stringify(module)})
    const log = systemLog({ level: 'info', output: 'stderr' })
    log.debug({}, 'unseen')
    log.info({ count: 1 }, 'seen')
    log.error({ code: 'X' }, 'also')
    await log.flush()
    process.exit(0)`
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
  })
  assert.equal(run.stdout, '')
  const lines = run.stderr.trimEnd().split('\n')
  const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual(
    parsed.map(({ level, count, code, msg }) => ({ level, count, code, msg })),
    [
      { level: 30, count: 1, code: undefined, msg: 'seen' },
      { level: 50, count: undefined, code: 'X', msg: 'also' },
    ],
  )
})

test('flush() gives up on a slow reader; what lies beyond the bound is dropped', async () => {
  const module = new URL('../../../src/node/system/log.js', import.meta.url).href
  const program = `
    const { systemLog } = await import(${JSON.stringify(module)})
    const log = systemLog({ level: 'info', output: 'stderr' })
    for (let i = 0; i < 3000; i += 1) log.info({ i, fill: 'x'.repeat(1000) }, 'much')
    await log.flush()
    process.stdout.write('gave up')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  // Nothing of the log is taken before the program has said that it waits no longer.
  await once(child.stdout, 'data')
  const lines = (await text(child.stderr)).trimEnd().split('\n')
  assert.ok(lines.length > 10 && lines.length < 1200, `${lines.length} lines`)
  const parsed = lines.map((line) => JSON.parse(line) as { i?: number; lines?: number })
  assert.equal(parsed[0]?.i, 0)
  assert.equal(parsed.at(-1)?.lines, 3000 - (lines.length - 1))
})
