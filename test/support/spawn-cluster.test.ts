import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { freePorts } from './spawn-cluster.ts'

const COUNT = 300

test('ports that two processes of tests get at the same time are never the same', async () => {
  const file = new URL('./spawn-cluster.js', import.meta.url).href
  const script = `
    const { freePorts } = await import(${JSON.stringify(file)})
    console.log(JSON.stringify(await freePorts(${COUNT})))
    process.stdin.resume()
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const others = new Set(JSON.parse(line.toString()) as number[])
  const ports = await freePorts(COUNT)
  child.stdin.end()
  await once(child, 'exit')
  assert.deepEqual([others.size, new Set(ports).size], [COUNT, COUNT])
  assert.deepEqual(
    ports.filter((port) => others.has(port)),
    [],
  )
})
