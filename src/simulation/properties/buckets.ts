/** A bucket is deleted only while it holds nothing; from then on nobody writes into it or sees it. */

import type { BucketId } from '../../base/ids.ts'
import { createBucket, findBucketByName } from '../../store/bucket/bucket.ts'
import { deleteBucket } from '../../store/bucket/delete-bucket.ts'
import { deleteObject } from '../../store/object/delete-object.ts'
import { StoreError } from '../../store/errors.ts'
import { getObject } from '../../store/object/get-object.ts'
import { abortUpload, createUpload } from '../../store/upload/multipart.ts'
import { putObject } from '../../store/object/put-object.ts'
import type { Store } from '../../store/store.ts'
import { bodyOf, contentOf } from '../contents.ts'
import { linearizationFault, type HistoryEntry } from '../linearizability.ts'
import type { SimulatedNode } from '../node.ts'
import type { World } from '../world.ts'
import { asked, outcomeOf } from './race.ts'

/** `put` and `take` something, `get` it, `find` the bucket, `delete` it. */
export interface BucketRequest {
  readonly kind: 'put' | 'take' | 'get' | 'find' | 'delete'
  readonly what?: string
}

/** `there` and `absent` are what a get or a find was shown. */
export type BucketAnswer =
  'done' | 'there' | 'absent' | 'NoSuchBucket' | 'BucketNotEmpty' | undefined

export interface BucketRecord {
  readonly request: BucketRequest
  readonly call: number
  /** Infinity, and no answer, when nobody ever learned what became of it. */
  readonly end: number
  readonly answer: BucketAnswer
}

const ANSWERS: ReadonlySet<string> = new Set(['NoSuchBucket', 'BucketNotEmpty'])
const EMPTY = 'live'
const GONE = 'deleted'
const OBJECTS = ['x', 'y'] as const
const SPAN_MS = 600

/** @returns what is wrong with the story of a bucket that was made before it, a sentence each */
export function bucketFaults(name: string, records: readonly BucketRecord[]): string[] {
  const entries = records.filter(({ request, answer }) => {
    return request.kind !== 'find' && (request.kind !== 'get' || answer !== undefined)
  })
  const fault = linearizationFault(
    entries.map((record) => entryOf(record, records)),
    EMPTY,
  )
  return [
    ...(fault === undefined ? [] : [`bucket "${name}" is not linearizable: ${fault}`]),
    ...sightFaults(name, records),
  ]
}

/** Nodes show copies, so who sees it may differ until the delete is acknowledged. */
function sightFaults(name: string, records: readonly BucketRecord[]): string[] {
  const deletes = records.filter(({ request }) => request.kind === 'delete')
  const begun = Math.min(...deletes.map(({ call }) => call))
  const done = deletes.filter(({ answer }) => answer === 'done')
  const deleted = Math.min(...done.map(({ end }) => end))
  return records.flatMap(({ request, call, end, answer }) => {
    if (request.kind !== 'find') return []
    if (answer === 'there' && call >= deleted) return [`bucket "${name}" is deleted and seen`]
    return answer === 'absent' && end < begun ? [`bucket "${name}" was made and is not found`] : []
  })
}

function entryOf(record: BucketRecord, all: readonly BucketRecord[]): HistoryEntry {
  const { request, call, end, answer } = record
  // An unsettled row behind a closed gate counts as something, whatever becomes of it.
  const mayHold = all.some((other) => {
    return other.request.kind === 'put' && other.answer === undefined && other.call < end
  })
  const label = `[${call}..${end}] ${JSON.stringify(request)} ${answer ?? 'unknown'}`
  const mayWait = request.kind === 'take' || request.kind === 'delete'
  return { call, end, label, mayWait, apply: (state) => applied(state, record, mayHold) }
}

function applied(
  state: string,
  { request, answer }: BucketRecord,
  mayHold: boolean,
): string | undefined {
  const isGone = state === GONE
  if (answer === 'NoSuchBucket') return isGone ? state : undefined
  if (request.kind === 'delete') return deleted(state, answer, mayHold)
  const what = ` ${request.what}`
  switch (request.kind) {
    case 'put':
      if (isGone) return answer === undefined ? state : undefined
      return state.includes(what) ? state : state + what
    case 'take':
      return state.replace(what, '')
    case 'get':
      return state.includes(what) === (answer === 'there') ? state : undefined
    case 'find':
      return state
  }
}

function deleted(state: string, answer: BucketAnswer, mayHold: boolean): string | undefined {
  if (answer === 'BucketNotEmpty') {
    return state !== GONE && (state !== EMPTY || mayHold) ? state : undefined
  }
  if (state === GONE || state === EMPTY) return GONE
  return answer === undefined ? state : undefined
}

interface Race {
  readonly name: string
  readonly bucket: BucketId
  readonly records: BucketRecord[]
  isRead: boolean
}

/** Clients who write into a bucket while others delete it. */
export class BucketRaces {
  readonly #world: World
  readonly #nodes: readonly SimulatedNode[]
  readonly #races: Race[] = []
  /** Errors without a code. */
  readonly #errors: string[] = []

  constructor(world: World, nodes: readonly SimulatedNode[]) {
    this.#world = world
    this.#nodes = nodes
  }

  begin(name: string): void {
    const made = asked(this.#world, this.#nodes, async (store) => {
      const { id } = await createBucket(store, { name })
      return id
    })
    made?.then(
      (bucket) => this.#play({ name, bucket, records: [], isRead: false }),
      () => undefined,
    )
  }

  #play(race: Race): void {
    this.#races.push(race)
    const { rng } = this.#world
    const at = (ms: number, action: () => Promise<unknown>): void => {
      this.#world.after(ms, () => void action())
    }
    const [x, y] = OBJECTS
    at(rng.unit() * SPAN_MS, () => this.#putAndTake(race, x))
    at(rng.unit() * SPAN_MS, () => this.#openAndAbort(race))
    at(rng.unit() * SPAN_MS, () => this.#delete(race))
    at((1 + rng.unit()) * SPAN_MS, () => this.#delete(race))
    at(2 * rng.unit() * SPAN_MS, () => this.#put(race, y))
  }

  async #putAndTake(race: Race, key: string): Promise<void> {
    await this.#put(race, key)
    const { bucket } = race
    await this.#tell(race, { kind: 'take', what: key }, async (store) => {
      await deleteObject(store, { bucket, key })
      return 'done'
    })
  }

  #put(race: Race, key: string): Promise<BucketAnswer> {
    const { bucket, name } = race
    const body = bodyOf(contentOf(name, 20))
    return this.#tell(race, { kind: 'put', what: key }, async (store) => {
      await putObject(store, { bucket, key, metadata: [], conditions: {}, body })
      return 'done'
    })
  }

  /** An open upload is something too. */
  async #openAndAbort(race: Race): Promise<void> {
    const { bucket } = race
    const [key, what] = ['u', 'upload']
    let uploadId = ''
    const opened = await this.#tell(race, { kind: 'put', what }, async (store) => {
      uploadId = (await createUpload(store, { bucket, key, metadata: [] })).uploadId
      return 'done'
    })
    if (opened !== 'done') return
    await this.#tell(race, { kind: 'take', what }, async (store) => {
      await abortUpload(store, { bucket, key, uploadId })
      return 'done'
    })
  }

  async #delete(race: Race): Promise<void> {
    const { bucket } = race
    const answer = await this.#tell(race, { kind: 'delete' }, async (store) => {
      await deleteBucket(store, { bucket })
      return 'done'
    })
    if (answer !== 'done') return
    for (const node of this.#nodes) void this.#find(race, node)
    await this.#put(race, 'late')
  }

  #find(race: Race, node: SimulatedNode): Promise<BucketAnswer> {
    const { name, bucket } = race
    const work = async (store: Store): Promise<BucketAnswer> =>
      (await findBucketByName(store, name))?.id === bucket ? 'there' : 'absent'
    return this.#tell(race, { kind: 'find' }, work, [node])
  }

  async #tell(
    { records }: Race,
    request: BucketRequest,
    work: (store: Store) => Promise<BucketAnswer>,
    nodes = this.#nodes,
  ): Promise<BucketAnswer> {
    const call = this.#world.now
    const record = { request, call, end: Infinity, answer: undefined as BucketAnswer }
    const working = asked(this.#world, nodes, work)
    if (working === undefined) return undefined
    records.push(record)
    const outcome = await outcomeOf(working, ANSWERS)
    if (outcome.error !== undefined) this.#errors.push(`bucket: ${outcome.error}`)
    record.answer = outcome.value ?? (outcome.code as BucketAnswer)
    if (record.answer !== undefined) record.end = this.#world.now
    return record.answer
  }

  /** Once all nodes are up and nothing goes wrong any more. */
  async faults(): Promise<string[]> {
    for (const race of this.#races) {
      if (race.isRead) continue
      for (const node of this.#nodes) await this.#find(race, node)
      const reads = OBJECTS.map((key) => this.#get(race, key))
      race.isRead = (await Promise.all(reads)).every((answer) => answer !== undefined)
    }
    const unread = this.#races.filter(({ isRead }) => !isRead)
    return [
      ...this.#errors,
      ...unread.map(({ name }) => `bucket "${name}" cannot be read`),
      ...this.#races.flatMap(({ name, records }) => bucketFaults(name, records)),
    ]
  }

  #get(race: Race, key: string): Promise<BucketAnswer> {
    const { bucket } = race
    return this.#tell(race, { kind: 'get', what: key }, async (store) => {
      try {
        await getObject(store, { bucket, key })
        return 'there'
      } catch (error) {
        if (error instanceof StoreError && error.code === 'NoSuchKey') return 'absent'
        throw error
      }
    })
  }
}
