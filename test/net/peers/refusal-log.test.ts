import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog } from '../../../src/base/log.ts'
import { Metrics } from '../../../src/base/metrics.ts'
import { NetError } from '../../../src/net/errors.ts'
import { RefusalLog } from '../../../src/net/peers/refusal-log.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

function refusal(name: string): NetError {
  return new NetError('PeerUnreachable', `because of ${name}`, { details: { refusal: name } })
}

test('every refusal is counted by name; one host is logged once a minute for each', async () => {
  const clock = new VirtualClock()
  const metrics = new Metrics()
  const lines: string[] = []
  const warn = (fields: object, text: string): void => {
    lines.push(`${(fields as { host: string }).host} ${text}`)
  }
  const log = new RefusalLog(clock, { ...silentLog, warn }, metrics)
  for (let n = 0; n < 1000; n += 1) log.note('h1', refusal('WrongSecret'))
  log.note('h1', refusal('BadHello'))
  log.note('h2', refusal('WrongSecret'))
  log.note('h2', refusal('AlreadyLinked'))
  await clock.run(61_000)
  log.note('h1', refusal('WrongSecret'))
  assert.deepEqual(lines, [
    'h1 because of WrongSecret',
    'h1 because of BadHello',
    'h2 because of WrongSecret',
    'h1 because of WrongSecret',
  ])
  assert.match(metrics.text(), /mesh_refusals_total\{name="WrongSecret"\} 1002/)
})

test('a flood from ever other hosts is remembered within bounds', () => {
  let lines = 0
  const log = new RefusalLog(
    new VirtualClock(),
    { ...silentLog, warn: () => (lines += 1) },
    new Metrics(),
  )
  for (let n = 0; n < 300; n += 1) log.note(`h${n}`, refusal('BadHello'))
  log.note('h299', refusal('BadHello'))
  assert.equal(lines, 300)
  log.note('h0', refusal('BadHello'))
  assert.equal(lines, 301, 'what is long past was forgotten')
})
