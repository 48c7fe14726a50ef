/** The clients of a simulation: they draw operations, run them at some node, and write down all. */

import type { ManifestId, UploadId } from '../../src/base/ids.ts'
import { hexOf } from '../../src/base/bytes.ts'
import { abortUploadCommand } from '../../src/model/commands/abort-upload.ts'
import { completeUploadCommand } from '../../src/model/commands/complete-upload.ts'
import { createUploadCommand } from '../../src/model/commands/create-upload.ts'
import { deleteObjectCommand } from '../../src/model/commands/delete-object.ts'
import { putObjectCommand } from '../../src/model/commands/put-object.ts'
import {
  HEADER_SORT_KEY,
  manifestTable,
  type ManifestState,
} from '../../src/model/manifest.table.ts'
import { LIVE_INDEX } from '../../src/model/object.table.ts'
import { parseLiveLine } from '../../src/model/rows/listing.ts'
import type { ObjectBody, ObjectValue } from '../../src/model/rows/object.ts'
import type { Command, RegisterTable } from '../../src/table/schema.ts'
import { TableError } from '../../src/table/errors.ts'
import type { OpenTables } from '../../src/table/table.ts'
import { etagOf, type Answer, type Recorded, type Request } from './history.ts'
import type { Present, SimulatedNode } from './node.ts'
import type { World } from './world.ts'

export const PARTITION_KEY = 'bucket.0'
export const KEYS = ['a', 'b', 'c'] as const
export const OPERATIONS_PER_CLIENT = 22
const CLIENT_DEADLINE_MS = 2000

/** What all clients and workers of a run know together. */
export interface Run {
  readonly world: World
  readonly nodes: readonly SimulatedNode[]
  readonly objects: RegisterTable<ObjectValue>
  readonly spanMicros: number
  readonly ownerCount: number
  readonly history: Recorded[]
  /** Manifests whose blocks were given back, and when. */
  readonly freed: Map<string, number>
  /** Operations that still run, as their manifests name them. */
  readonly running: Set<string>
  readonly faults: string[]
  /** Told before each operation. */
  readonly beforeOperation: () => void
}

interface Upload {
  readonly id: UploadId
  readonly key: string
  readonly version: string
}

/** Something definitely without effect, which no history needs. */
class NotTried extends Error {}

export class Client {
  readonly #run: Run
  readonly #number: number
  /** Shared by all clients, so that they complete one another's uploads. */
  readonly #uploads: Upload[]
  /** Last version seen of each key. */
  readonly #seen = new Map<string, string>()
  #count = 0
  #done = 0

  constructor(run: Run, number: number, uploads: Upload[]) {
    this.#run = run
    this.#number = number
    this.#uploads = uploads
  }

  async work(): Promise<void> {
    const { world } = this.#run
    while (this.#done < OPERATIONS_PER_CLIENT) {
      this.#count += 1
      this.#run.beforeOperation()
      if (await this.#isTried(world.rng.pick(KEYS))) this.#done += 1
      await new Promise<void>((resolve) => world.after(world.rng.unit() * 60, resolve))
    }
  }

  /** False when it came to nothing before anything could have taken effect. */
  async #isTried(key: string): Promise<boolean> {
    try {
      await this.#draw(key)
      return true
    } catch (error) {
      if (error instanceof NotTried) return false
      throw error
    }
  }

  async #draw(key: string): Promise<void> {
    const { rng } = this.#run.world
    const dice = rng.below(100)
    const name = `${this.#number}-${this.#count}`
    const version = `${name}|`
    if (dice < 20) await this.#ask(key, { kind: 'put', version, ifNone: false })
    else if (dice < 32) await this.#ask(key, { kind: 'put', version, ifNone: true })
    else if (dice < 40) {
      const ifMatch = etagOf(this.#seen.get(key) ?? 'none')
      await this.#ask(key, { kind: 'put', version, ifNone: false, ifMatch })
    } else if (dice < 52) await this.#ask(key, { kind: 'delete' })
    else if (dice < 68) await this.#ask(key, { kind: 'get' })
    else if (dice < 80) await this.#create(key, name)
    else if (dice < 94) await this.#end(key, 'complete')
    else if (dice < 96) await this.#end(key, 'abort')
    else await this.#page()
  }

  async #create(key: string, name: string): Promise<void> {
    const id = hexOf(this.#run.world.rng.bytes(8)) as UploadId
    // The metadata is the upload's own choice: an object completed without it shows.
    const upload = { id, key, version: `u${name}|${id}` }
    await this.#ask(key, { kind: 'create', upload: id })
    this.#uploads.push(upload)
  }

  async #end(key: string, kind: 'complete' | 'abort'): Promise<void> {
    const { rng } = this.#run.world
    const known = this.#uploads.filter((upload) => upload.key === key)
    // Mostly a young one; an old one is a late retry.
    const upload = rng.chance(0.7) ? known.at(-1) : known[rng.below(known.length || 1)]
    if (upload === undefined) return this.#create(key, `${this.#number}-${this.#count}`)
    const request: Request =
      kind === 'abort'
        ? { kind, upload: upload.id }
        : {
            kind,
            upload: upload.id,
            version: upload.version,
            operation: `${this.#number}-${this.#count}`,
          }
    await this.#ask(key, request)
    const last = this.#run.history.at(-1)
    const isUnknown = last?.request === request && last.answer === undefined
    if (isUnknown && kind === 'complete') await this.#ask(key, { ...request })
    return undefined
  }

  async #page(): Promise<void> {
    const { world, history } = this.#run
    const call = world.now
    const recorded = KEYS.map((key): Recorded => ({
      key,
      request: { kind: 'listed' },
      call,
      end: Infinity,
      answer: undefined,
    }))
    const page = await this.#withDeadline(async ({ tables }) => {
      const limit = 1 + world.rng.below(4)
      const shown = new Map<string, string>()
      let after: string | undefined
      for (;;) {
        const { entries, done } = await tables.page(this.#run.objects, LIVE_INDEX, PARTITION_KEY, {
          limit,
          ...(after === undefined ? {} : { after }),
        })
        for (const { key, line } of entries) shown.set(key, parseLiveLine(line).etag)
        if (done) return shown
        after = entries.at(-1)!.key
      }
    })
    history.push(...recorded)
    if (page === undefined) return
    for (const entry of recorded) {
      entry.end = world.now
      entry.answer = { kind: 'shows', version: page.get(entry.key) ?? '' }
    }
  }

  /** Runs a request at some node that is up and writes down what became of it. */
  async #ask(key: string, request: Request): Promise<void> {
    const { world, history } = this.#run
    const recorded: Recorded = { key, request, call: world.now, end: Infinity, answer: undefined }
    history.push(recorded)
    try {
      const answer = await this.#withDeadline((present) => this.#perform(present, key, request))
      if (answer === undefined) return
      recorded.answer = answer
      recorded.end = world.now
      if (answer.kind === 'shows' && answer.version !== '') this.#seen.set(key, answer.version)
      if (request.kind === 'put' && answer.kind === 'done') this.#seen.set(key, request.version)
    } catch (error) {
      if (error instanceof NotTried) history.splice(history.indexOf(recorded), 1)
      throw error
    }
  }

  async #perform(present: Present, key: string, request: Request): Promise<Answer> {
    const { tables } = present
    switch (request.kind) {
      case 'get':
        return this.#get(tables, key)
      case 'put': {
        const body = await this.#body(present, key)
        const facts = {
          size: 1,
          etag: etagOf(request.version),
          metadata: [],
          body: body.body,
          checksum: undefined,
          ...(request.ifNone ? { ifNoneMatch: '*' as const } : {}),
          ifMatch: request.ifMatch,
        }
        return this.#change(tables, key, { command: putObjectCommand(facts), ...body })
      }
      case 'delete': {
        const answer = await this.#change(tables, key, { command: deleteObjectCommand() })
        return answer
      }
      case 'create': {
        const metadata = [['x-amz-meta-upload', request.upload]] as const
        const facts = { id: request.upload as UploadId, metadata, kind: undefined }
        return this.#change(tables, key, { command: createUploadCommand(facts) })
      }
      case 'abort':
        return this.#change(tables, key, {
          command: abortUploadCommand(request.upload as UploadId),
        })
      case 'complete': {
        const { manifest, operation, firstTime } = await this.#manifest(present, key)
        const command = completeUploadCommand({
          ...{ size: 1, etag: etagOf(request.version), partCount: 1, checksum: undefined },
          id: request.upload as UploadId,
          manifest,
        })
        return this.#change(tables, key, { command, operation, firstTime, id: request.operation })
      }
      case 'listed':
        throw new Error('pages are asked for otherwise')
    }
  }

  async #get(tables: OpenTables, key: string): Promise<Answer> {
    const { freed, faults, objects, world } = this.#run
    const call = world.now
    const value = await tables.get({ table: objects, partitionKey: PARTITION_KEY, key })
    const body = value?.current?.body
    const freedAt = typeof body === 'string' ? freed.get(body) : undefined
    if (freedAt !== undefined && freedAt < call) {
      faults.push(`freed: key "${key}" names manifest ${String(body)}, freed before the read`)
    }
    return { kind: 'shows', version: versionOf(value) }
  }

  async #change(
    tables: OpenTables,
    key: string,
    parts: {
      command: Command
      operation?: string | undefined
      firstTime?: number | undefined
      id?: string
    },
  ): Promise<Answer> {
    const { objects, running } = this.#run
    try {
      const answer = await tables.change(
        { table: objects, partitionKey: PARTITION_KEY, key },
        parts.command,
        {
          ...(parts.firstTime === undefined ? {} : { firstTime: parts.firstTime }),
          ...(parts.id === undefined ? {} : { operation: parts.id }),
        },
      )
      return typeof answer === 'boolean' && parts.command.name === 'delete-object'
        ? { kind: 'was there', isThere: answer }
        : { kind: 'done' }
    } catch (error) {
      if (error instanceof TableError && error.code === 'Refused') {
        return { kind: 'refused', code: String(error.details['code']) }
      }
      throw error
    } finally {
      if (parts.operation !== undefined) running.delete(parts.operation)
    }
  }

  async #body(
    present: Present,
    key: string,
  ): Promise<{ body: ObjectBody; operation?: string; firstTime?: number }> {
    if (this.#run.world.rng.chance(0.7)) return { body: new Uint8Array([this.#number]) }
    const { manifest, operation, firstTime } = await this.#manifest(present, key)
    return { body: manifest, operation, firstTime }
  }

  /** As the product does it: pending, (blocks,) in use, the first time, and a look whether it is. */
  async #manifest(
    present: Present,
    key: string,
  ): Promise<{ manifest: ManifestId; operation: string; firstTime: number }> {
    const { world, running } = this.#run
    const manifest = hexOf(world.rng.bytes(32)) as ManifestId
    const operation = `${present.network.self}.${present.number}.${this.#number * 1000 + this.#count}`
    const insert = (state: ManifestState): Promise<void> =>
      insertHeader(present.tables, { manifest, key, operation, state })
    running.add(operation)
    try {
      await insert('pending')
      await insert('in use')
      const firstTime = present.tables.now()
      const [header] = await present.tables.read(manifestTable, [
        { partitionKey: manifest, sortKey: HEADER_SORT_KEY },
      ])
      if (header?.kind !== 'header' || header.state !== 'in use') throw new NotTried()
      return { manifest, operation, firstTime }
    } catch {
      running.delete(operation)
      throw new NotTried()
    }
  }

  /** Undefined when the client gave up or was told that nothing is known. */
  #withDeadline<Result>(work: (present: Present) => Promise<Result>): Promise<Result | undefined> {
    const { world, nodes } = this.#run
    const up = nodes.filter(({ present }) => present !== undefined)
    if (up.length === 0) return Promise.reject(new NotTried())
    const { present } = world.rng.pick(up)
    return new Promise((resolve, reject) => {
      const cancel = world.after(CLIENT_DEADLINE_MS, () => resolve(undefined))
      work(present!).then(
        (result) => {
          cancel()
          resolve(result)
        },
        (error: unknown) => {
          cancel()
          if (error instanceof NotTried) reject(error)
          else if (error instanceof TableError) resolve(undefined)
          else reject(error as Error)
        },
      )
    })
  }
}

/** @throws {TableError} `Outranked` when the header is further already */
export async function insertHeader(
  tables: OpenTables,
  header: { manifest: ManifestId; key: string; operation: string; state: ManifestState },
): Promise<void> {
  const { manifest, key, operation, state } = header
  const [node, boot, number] = operation.split('.')
  const owner = { node: node!, boot: boot!, number: Number(number) }
  const row = {
    ...({ kind: 'header', state, key, owner } as const),
    partitionKey: PARTITION_KEY,
    part: undefined,
  }
  await tables.insert(manifestTable, [{ partitionKey: manifest, sortKey: HEADER_SORT_KEY, row }])
}

export function versionOf(value: ObjectValue | undefined): string {
  const current = value?.current
  if (current === undefined) return ''
  const [upload] = current.metadata
  return `${current.etag}|${upload?.[1] ?? ''}`
}
