import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runKills } from './kill-runs.ts'

test('seal raises no false alarm in 30 clean kills, and no write is lost', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hangar-kill-'))
  try {
    const { writes } = await runKills(folder, 30)
    // Each life has at least one: where a sync takes long no other comes before the kill.
    assert.ok(writes >= 30)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
