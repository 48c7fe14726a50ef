import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Job } from '../../../src/api/admin/job.ts'

test('Job joins a start to the run under way', async () => {
  let runs = 0
  let finish: () => void = () => undefined
  const job = new Job(async (report) => {
    runs += 1
    report({ done: 1, total: 2, unit: 'rows' })
    await new Promise<void>((resolve) => (finish = resolve))
    return runs
  })
  assert.equal(job.status().state, 'never')
  job.start()
  job.start()
  assert.deepEqual(job.status().progress, { done: 1, total: 2, unit: 'rows' })
  finish()
  await new Promise(setImmediate)
  assert.deepEqual([job.status().state, job.status().report, runs], ['done', 1, 1])
})

test('Job.stop ends the run and lets no other begin', async () => {
  const job = new Job(
    (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error))
      }),
  )
  job.start()
  await job.stop()
  assert.equal(job.status().state, 'failed')
  assert.equal(job.start().state, 'failed')
})
