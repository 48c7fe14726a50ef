/** The release worker of a simulation: the rule of protocol 8.1 over the model's own notes. */

import type { ManifestId } from '../../src/base/ids.ts'
import { HEADER_SORT_KEY, manifestTable } from '../../src/model/manifest.table.ts'
import { manifestNoteKey, parseNote, releaseNotes } from '../../src/model/notes.ts'
import { manifestOf } from '../../src/model/rows/object.ts'
import { TableError } from '../../src/table/errors.ts'
import { insertHeader, PARTITION_KEY, type Run } from './clients.ts'
import type { Present, SimulatedNode } from './node.ts'

const PAUSE_MS = 300

/** Works on the notes of this life of the node, again and again, until the life ends. */
export function startReleasing(run: Run, node: SimulatedNode): void {
  const { present } = node
  if (present === undefined) return
  const busy = new Set<string>()
  const round = async (): Promise<void> => {
    const notes = await present.db.range(releaseNotes, { limit: 50 })
    for (const { key, value } of notes) {
      const note = parseNote(key, value)
      if (note.kind !== 'manifest' || busy.has(key)) continue
      // Every owner has the note; to save time one of them works on it.
      if (Number.parseInt(note.manifest.slice(0, 4), 16) % run.ownerCount !== node.index) continue
      busy.add(key)
      release(run, present, note.manifest).then(
        () => busy.delete(key),
        (error: unknown) => {
          busy.delete(key)
          if (!(error instanceof TableError)) run.faults.push(`worker: ${String(error)}`)
        },
      )
    }
    present.life.after(PAUSE_MS, () => void round())
  }
  present.life.after(PAUSE_MS, () => void round())
}

async function release(run: Run, present: Present, manifest: ManifestId): Promise<void> {
  const { tables } = present
  const [header] = await tables.read(manifestTable, [
    { partitionKey: manifest, sortKey: HEADER_SORT_KEY },
  ])
  if (header?.kind !== 'header') return
  const operation = `${header.owner.node}.${header.owner.boot}.${header.owner.number}`
  if (run.running.has(operation)) return
  const own = { manifest, key: header.key, operation }
  try {
    await insertHeader(tables, { ...own, state: 'closing' })
  } catch (error) {
    if (!(error instanceof TableError && error.code === 'Outranked')) throw error
  }
  const from = tables.now()
  while (tables.now() <= from + run.spanMicros) {
    await new Promise<void>((resolve) => void present.life.after(run.spanMicros / 2000, resolve))
  }
  const ref = { table: run.objects, partitionKey: PARTITION_KEY, key: header.key }
  const value = await tables.settle(ref)
  if (manifestOf(value) !== manifest) {
    // The clock of the world, which no node has: the first of several workers counts.
    if (!run.freed.has(manifest)) run.freed.set(manifest, run.world.now)
    await insertHeader(tables, { ...own, state: 'released' })
  }
  await present.db.write((batch) => batch.del(releaseNotes, manifestNoteKey(manifest)))
}
