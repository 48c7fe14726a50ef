/** The clients of a simulation: what they ask of the store, and what they were told. */

import type { BucketId } from '../base/ids.ts'
import { DomainError } from '../base/errors.ts'
import { completeUpload } from '../store/upload/complete-upload.ts'
import { deleteObject } from '../store/object/delete-object.ts'
import { StoreError, type StoreErrorCode } from '../store/errors.ts'
import { listObjects } from '../store/object/list-objects.ts'
import { abortUpload, createUpload } from '../store/upload/multipart.ts'
import { putObject } from '../store/object/put-object.ts'
import type { Store } from '../store/store.ts'
import { uploadPart } from '../store/upload/upload-part.ts'
import { bodyOf, contentOf, joined, readVersion, VERSION_HEADER, type Content } from './contents.ts'
import { etagOf, type Answer, type Recorded, type Request } from './history.ts'
import { BLOCK_BYTES, stackOf, type SimulatedNode } from './node.ts'
import { listingFaults } from './properties/listing.ts'
import type { World } from './world.ts'

export const KEYS = ['a', 'b', 'c', 'd'] as const
const CLIENT_DEADLINE_MS = 3000
/** Of a request that is sent again under one name: well within the time that names are remembered. */
const ATTEMPT_MS = 500
const REPEATED_MS = 1800
const BURST_PAUSE_MS = 60
export const CLIENT_COUNT = 4
/** At least one of so many operations has to do with a multipart upload. */
const UPLOADS_ONE_OF = 10

/** What all clients of a run know together. */
export interface Run {
  readonly world: World
  readonly nodes: readonly SimulatedNode[]
  readonly bucket: () => BucketId
  readonly operationsPerClient: number
  readonly pauseMs: number
  /** Else what would be an upload is a delete. */
  readonly hasUploads: boolean
  /** Of ten bodies, those that lie in their row. */
  readonly inlineOfTen: number
  /** Most large bodies are one of a few. */
  readonly sharesBlocks: boolean
  readonly history: Recorded[]
  /** What each ETag that was ever written stands for. */
  readonly contents: Map<string, Content>
  readonly faults: string[]
  /** Some writes are sent again under one name: not where clocks are far apart, by which names age. */
  readonly repeatsWrites: boolean
  /** Told before each operation. */
  readonly beforeOperation: () => void
}

interface Upload {
  readonly id: string
  readonly key: string
  readonly name: string
  /** Of the object that it becomes; empty while parts are still sent. */
  version: string
  parts: readonly { readonly partNumber: number; readonly etag: string }[]
}

/** Refusals that are answers: they say that nothing was done, and why. */
const REFUSALS: ReadonlySet<StoreErrorCode> = new Set<StoreErrorCode>([
  'PreconditionFailed',
  'ConditionNotFound',
  'NoSuchUpload',
  // Only parts that were acknowledged are ever named.
  'InvalidPart',
])

export class Client {
  readonly #run: Run
  readonly #number: number
  /** Shared by all clients, so that they complete one another's uploads. */
  readonly #uploads: Upload[]
  /** Last version seen of each key. */
  readonly #seen = new Map<string, string>()
  #count = 0

  constructor(run: Run, number: number, uploads: Upload[]) {
    this.#run = run
    this.#number = number
    this.#uploads = uploads
  }

  async work(): Promise<void> {
    const { world, operationsPerClient, pauseMs } = this.#run
    while (this.#count < operationsPerClient) {
      this.#count += 1
      this.#run.beforeOperation()
      await this.#draw(world.rng.pick(KEYS))
      // In bursts: contention needs clients that meet, the faults need time to come and go.
      const restMs = world.rng.unit() * (world.rng.chance(0.8) ? BURST_PAUSE_MS : 2 * pauseMs)
      await new Promise<void>((resolve) => void world.after(restMs, resolve))
    }
  }

  async #draw(key: string): Promise<void> {
    const { rng } = this.#run.world
    if (this.#lacksUploads()) return this.#upload(key)
    const dice = rng.below(100)
    if (dice < 24) await this.#put(key, false)
    else if (dice < 35) await this.#put(key, true)
    else if (dice < 44) await this.#put(key, false, etagOf(this.#seen.get(key) ?? 'none'))
    else if (dice < 57) await this.#ask(key, { kind: 'delete' })
    else if (dice < 81) await this.#ask(key, { kind: 'get' })
    else if (dice < 94 && !this.#run.hasUploads) await this.#ask(key, { kind: 'delete' })
    else if (dice < 86) await this.#upload(key)
    else if (dice < 92) await this.#end(key, 'complete')
    else if (dice < 94) await this.#end(key, 'abort')
    else await this.#page()
  }

  /** Few runs have drawn little of them by their end. */
  #lacksUploads(): boolean {
    const { history, hasUploads, operationsPerClient } = this.#run
    const isNearEnd = operationsPerClient - this.#count < operationsPerClient / UPLOADS_ONE_OF
    if (!hasUploads || !isNearEnd) return false
    const count = history.filter(({ request }) => 'upload' in request).length
    return count < (CLIENT_COUNT * operationsPerClient) / UPLOADS_ONE_OF
  }

  #name(): string {
    return `${this.#number}-${this.#count}`
  }

  #content(name: string): Content {
    const { rng } = this.#run.world
    const { sharesBlocks, inlineOfTen } = this.#run
    const isInline = !sharesBlocks && rng.below(10) < inlineOfTen
    const isShort = sharesBlocks || rng.chance(0.5)
    const size = isInline ? 20 : isShort ? 700 : BLOCK_BYTES + 1 + rng.below(2 * BLOCK_BYTES)
    // Some clients write the same bytes: then blocks are shared.
    const isShared = sharesBlocks || (isShort && !isInline && rng.chance(0.5))
    const few = sharesBlocks ? `shared${rng.below(3)}` : 'shared'
    const content = contentOf(isShared ? few : name, size)
    this.#run.contents.set(content.etag, content)
    return content
  }

  async #put(key: string, ifNone: boolean, ifMatch?: string): Promise<void> {
    const name = this.#name()
    const content = this.#content(name)
    const version = `${content.etag}|${name}`
    const request: Request = {
      kind: 'put',
      version,
      ifNone,
      ...(ifMatch === undefined ? {} : { ifMatch }),
    }
    await this.#ask(key, request, content)
  }

  /** Opens an upload and sends its parts; nothing of it shows before it is completed. */
  async #upload(key: string): Promise<void> {
    const { world, contents } = this.#run
    const name = `u${this.#name()}`
    const metadata = [[VERSION_HEADER, name]] as const
    const opened = await this.#ask(key, { kind: 'create', upload: name }, metadata)
    if (opened === undefined) return
    const upload: Upload = { id: opened as string, key, name, version: '', parts: [] }
    // Others may give it up while its parts are sent.
    this.#uploads.push(upload)
    const sent: Content[] = []
    for (let partNumber = 1; partNumber <= 1 + world.rng.below(3); partNumber += 1) {
      const content = this.#content(`${name}.${partNumber}`)
      const outcome = await this.#sendPart(upload, partNumber, content)
      if (!outcome.isDone) return
      const isOverwritten = world.rng.chance(0.15)
      // What may yet come could come after what overwrites it: then nobody knows which counts.
      const counting =
        isOverwritten && !outcome.mayCome
          ? await this.#overwritePart(upload, partNumber, content)
          : content
      if (counting === undefined) return
      sent.push(counting)
    }
    const whole = joined(sent)
    contents.set(whole.etag, whole)
    upload.parts = sent.map(({ etag }, index) => ({ partNumber: index + 1, etag }))
    upload.version = `${whole.etag}|${name}`
  }

  /** Now and then twice at once, as a client does that is tired of waiting. */
  async #sendPart(
    upload: Upload,
    partNumber: number,
    content: Content,
    isTwice = this.#run.world.rng.chance(0.2),
  ): Promise<{ readonly isDone: boolean; readonly mayCome: boolean }> {
    const { key, id } = upload
    const send = async (): Promise<unknown> => {
      const { world, history } = this.#run
      const request: Request = { kind: 'part', upload: upload.name }
      const call = world.now
      const result = await this.#at(async (store) => {
        const bucket = this.#run.bucket()
        await uploadPart(store, { bucket, key, uploadId: id, partNumber, body: bodyOf(content) })
        return true as const
      })
      if (result === undefined) return result
      const answer: Answer =
        result === true ? { kind: 'done' } : { kind: 'refused', code: result.code }
      history.push({ key, request, call, end: world.now, answer })
      return result
    }
    const done = await Promise.all(isTwice ? [send(), send()] : [send()])
    return { isDone: done.includes(true), mayCome: done.includes(undefined) }
  }

  /** @returns what counts from then on; undefined where nobody can know, for it may yet come */
  async #overwritePart(
    upload: Upload,
    partNumber: number,
    before: Content,
  ): Promise<Content | undefined> {
    const { world } = this.#run
    const call = world.now
    const content = this.#content(`${upload.name}.${partNumber}.again`)
    if ((await this.#sendPart(upload, partNumber, content, false)).isDone) return content
    // One that has failed changes nothing: what was acknowledged before is there.
    return world.now - call < CLIENT_DEADLINE_MS * 1000 ? before : undefined
  }

  async #end(key: string, kind: 'complete' | 'abort'): Promise<void> {
    const { rng } = this.#run.world
    const known = this.#uploads.filter(
      (each) => each.key === key && (kind === 'abort' || each.version !== ''),
    )
    // Mostly a young one; an old one is a late retry.
    const upload = rng.chance(0.7) ? known.at(-1) : known[rng.below(known.length || 1)]
    if (upload === undefined) return this.#upload(key)
    const { name } = upload
    const request: Request =
      kind === 'abort'
        ? { kind, upload: name }
        : { kind, upload: name, version: upload.version, operation: this.#name() }
    const done = await this.#ask(key, request, upload)
    const last = this.#run.history.at(-1)
    const isUnknown = last?.request === request && last.answer === undefined
    if (isUnknown && kind === 'complete') await this.#ask(key, { ...request }, upload)
    // A part that comes too late. Where the upload may still be open it could take another's place.
    if (kind === 'abort' && done !== undefined)
      await this.#sendPart(upload, 1, this.#content(`${name}.1`))
    return undefined
  }

  /** A listing in pages: whole, in order, each key once. */
  async #page(): Promise<void> {
    const { world, history, faults } = this.#run
    const call = world.now
    const recorded = KEYS.map((key): Recorded => ({
      answer: undefined,
      ...{ key, request: { kind: 'listed' }, call, end: Infinity },
    }))
    const limit = 1 + world.rng.below(4)
    const listed = await this.#at(async (store) => {
      const shown: (readonly [key: string, etag: string])[] = []
      let from: { readonly after?: string | undefined; readonly from?: string | undefined } = {}
      for (;;) {
        const bucket = this.#run.bucket()
        const { entries, truncated, next } = await listObjects(store, { bucket, limit, ...from })
        for (const { key, etag } of entries) shown.push([key, etag])
        if (!truncated) return shown
        from = next!
      }
    })
    history.push(...recorded)
    if (!Array.isArray(listed)) return
    faults.push(...listingFaults(listed.map(([key]) => key)))
    const etags = new Map(listed)
    for (const entry of recorded) {
      entry.end = world.now
      entry.answer = { kind: 'shows', version: etags.get(entry.key) ?? '' }
    }
  }

  /** Runs a request at some node and writes down what became of it. @returns what it brought */
  async #ask(key: string, request: Request, detail?: unknown): Promise<unknown> {
    const { world, history } = this.#run
    const recorded: Recorded = { key, request, call: world.now, end: Infinity, answer: undefined }
    const isRepeated = this.#run.repeatsWrites && isWrite(request) && world.rng.chance(0.3)
    const operation = isRepeated ? this.#name() : undefined
    const work = (store: Store): Promise<Performed> =>
      this.#perform(store, { key, request, detail, operation })
    const result = await (isRepeated ? this.#atSeveral(work) : this.#at(work))
    history.push(recorded)
    if (result === undefined) return undefined
    if (result instanceof StoreError) {
      recorded.answer = { kind: 'refused', code: result.code }
      recorded.end = world.now
      return undefined
    }
    recorded.answer = result.answer
    recorded.end = world.now
    if (result.answer.kind === 'shows' && result.answer.version !== '') {
      this.#seen.set(key, result.answer.version)
    }
    if (request.kind === 'put') this.#seen.set(key, request.version)
    return result.brought ?? true
  }

  async #perform(
    store: Store,
    wish: {
      readonly key: string
      readonly request: Request
      readonly detail: unknown
      readonly operation: string | undefined
    },
  ): Promise<Performed> {
    const { key, request, detail, operation } = wish
    const bucket = this.#run.bucket()
    switch (request.kind) {
      case 'get':
        return { answer: await readVersion(this.#run, store, key) }
      case 'put': {
        const { version, ifNone, ifMatch } = request
        const conditions = { ...(ifNone ? { ifNoneMatch: '*' as const } : {}), ifMatch }
        const metadata = [[VERSION_HEADER, version.split('|')[1]!]] as const
        const body = bodyOf(detail as Content, this.#goneAfter(operation))
        await putObject(store, { bucket, key, metadata, conditions, body, operation })
        return { answer: { kind: 'done' } }
      }
      case 'delete': {
        const isThere = await deleteObject(store, { bucket, key, operation })
        return { answer: { kind: 'was there', isThere } }
      }
      case 'create': {
        const metadata = detail as readonly (readonly [string, string])[]
        const { uploadId } = await createUpload(store, { bucket, key, metadata })
        return { answer: { kind: 'done' }, brought: uploadId }
      }
      case 'abort':
        await abortUpload(store, { bucket, key, uploadId: (detail as Upload).id })
        return { answer: { kind: 'done' } }
      case 'complete': {
        const { id, parts, version } = detail as Upload
        const named = { uploadId: id, parts, operation: request.operation }
        const done = await completeUpload(store, { bucket, key, ...named })
        if (done.etag !== etagOf(version)) {
          this.#run.faults.push(`parts: "${key}" completed as ${done.etag}, wanted ${version}`)
        }
        return { answer: { kind: 'done' } }
      }
      case 'part':
      case 'listed':
        throw new Error('parts and pages are asked for otherwise')
    }
  }

  /** Whoever sends a request again has ended the connection of the attempt before it. */
  #goneAfter(operation: string | undefined): () => boolean {
    const { world } = this.#run
    const until = operation === undefined ? Infinity : world.now + ATTEMPT_MS * 1000
    return () => world.now >= until
  }

  /** As SDKs do: what brings nothing certain is sent again. It is one operation all the same. */
  async #atSeveral<Result>(
    work: (store: Store) => Promise<Result>,
  ): Promise<Result | StoreError | undefined> {
    const { world } = this.#run
    const until = world.now + (REPEATED_MS - ATTEMPT_MS) * 1000
    for (;;) {
      const result = await this.#at(work, ATTEMPT_MS)
      if (result !== undefined || world.now > until) return result
      await new Promise<void>((resolve) => void world.after(BURST_PAUSE_MS, resolve))
    }
  }

  /**
   * Works at some node that is up. Undefined when the client gave up, or was told that nothing is
   * known; the error when it was told that nothing was done.
   */
  #at<Result>(
    work: (store: Store) => Promise<Result>,
    deadlineMs = CLIENT_DEADLINE_MS,
  ): Promise<Result | StoreError | undefined> {
    const { world, nodes, faults } = this.#run
    const up = nodes.filter(({ product }) => product !== undefined)
    if (up.length === 0) return Promise.resolve(undefined)
    const { store } = world.rng.pick(up).product!
    return new Promise((resolve) => {
      const cancel = world.after(deadlineMs, () => resolve(undefined))
      work(store).then(
        (result) => {
          cancel()
          resolve(result)
        },
        (error: unknown) => {
          cancel()
          if (error instanceof StoreError && REFUSALS.has(error.code)) return resolve(error)
          if (!(error instanceof DomainError)) faults.push(`client: ${stackOf(error)}`)
          resolve(undefined)
        },
      )
    })
  }
}

interface Performed {
  readonly answer: Answer
  readonly brought?: unknown
}

function isWrite({ kind }: Request): boolean {
  return kind === 'put' || kind === 'delete'
}
