import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

test('systemLog() writes one object a line to the output asked for, from its level up', () => {
  const module = new URL('../../../src/node/system/log.js', import.meta.url).href
  const program = `
    const { systemLog } = await import(${JSON.stringify(module)})
    const log = systemLog({ level: 'info', output: 'stderr' })
    log.debug({}, 'unseen')
    log.info({ count: 1 }, 'seen')
    log.error({ code: 'X' }, 'also')
    log.flush()
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
