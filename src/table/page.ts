/** Settled pages of an index: unfiltered rows merged, cut, settled, and only then filtered. */

import { compareUtf8, equalBytes } from '../base/bytes.ts'
import { CALL_DEADLINE_MS, SCAN_SLICE_ROWS } from '../base/limits.ts'
import { TableError } from './errors.ts'
import { digestOfPage, type LocalTable } from './owner/local.ts'
import type { PageAnswer, PageDigest, PageMessage } from './messages.ts'
import type { RegisterReader } from './read.ts'
import type { Place, Replication } from './replication.ts'
import type { Rpc } from './rpc.ts'
import { ballotOfIndex, lineOf } from './row.ts'
import type { IndexEntry, IndexPage } from './table.ts'

/** How long a page is tried again while the layout changes. */
const PASSING_MS = 3000
/** Registers settled at the same time for one page. */
const SETTLING_MAX = 16
/** What lives behind a fence without having been chosen cannot be settled while it stands. */
const FENCED_SETTLE_MS = 2000

export interface PageQuestion {
  readonly local: LocalTable
  readonly place: Place
  readonly index: string
  readonly from: string
  readonly inclusive: boolean
  readonly limit: number
  readonly fence?: string | undefined
}

/** A stretch of an index as a quorum holds it; `text` undefined where that does not settle it. */
interface Stretch {
  readonly keys: readonly string[]
  readonly texts: readonly (string | undefined)[]
  readonly done: boolean
}

export class PageReader {
  readonly #rpc: Rpc
  readonly #replication: Pick<Replication, 'vouchedTo'>
  readonly #registers: RegisterReader

  constructor(rpc: Rpc, replication: Pick<Replication, 'vouchedTo'>, registers: RegisterReader) {
    this.#rpc = rpc
    this.#replication = replication
    this.#registers = registers
  }

  async page(question: PageQuestion): Promise<IndexPage> {
    const entries: IndexEntry[] = []
    let { from, inclusive } = question
    let rowsEach = 1
    for (;;) {
      // One more than wanted, so that the caller knows whether anything follows.
      const missing = question.limit + 1 - entries.length
      const limit = Math.min(Math.ceil(missing * rowsEach), SCAN_SLICE_ROWS)
      const stretch = await this.#stretch(question, { from, inclusive, limit })
      const before = entries.length
      await this.#append(question, stretch, entries)
      rowsEach = rowsForEach(limit, entries.length - before)
      if (entries.length > question.limit) {
        entries.length = question.limit
        return { entries, done: false }
      }
      const last = stretch.keys.at(-1)
      if (stretch.done || last === undefined) return { entries, done: true }
      from = last
      inclusive = false
    }
  }

  async #stretch(
    question: PageQuestion,
    part: { readonly from: string; readonly inclusive: boolean; readonly limit: number },
  ): Promise<Stretch> {
    const { table } = question.local
    const { partition, partitionKey } = question.place
    const { index, fence } = question
    const behind = fence === undefined ? {} : { fence }
    const body = { table: table.name, index, partitionKey, ...part, ...behind }
    const vouchedTo = this.#replication.vouchedTo(partition)
    const alike = await this.#alike(partition, body)
    if (alike !== undefined) return proved(alike, vouchedTo)
    return this.#rpc.patiently(PASSING_MS, async () => {
      const readTo = this.#replication.vouchedTo(partition)
      const answers = await this.#rpc.askQuorum<PageAnswer>({
        partition,
        endpoint: 'table/page',
        body: { full: true, ...body },
        deadlineMs: CALL_DEADLINE_MS,
      })
      return proved(mergeAnswers(answers.map(({ answer }) => answer)), readTo)
    })
  }

  /** One owner's entries, the digests of the others: what all hold, where they hold the same. */
  async #alike(partition: number, part: Omit<PageMessage, 'full'>): Promise<Stretch | undefined> {
    const { first, spare, votes } = this.#rpc.readersOf(partition)
    const [full, digest] = [true, false].map((isFull): PageMessage => ({ full: isFull, ...part }))
    const others = first.slice(1)
    const answers: PageAnswer[] = []
    const digests: Uint8Array[] = []
    await this.#rpc.ask<PageAnswer | PageDigest>({
      nodes: first.slice(0, 1),
      body: full,
      endpoint: 'table/page',
      also: others.length === 0 ? undefined : { nodes: others, body: digest },
      spare: spare.length === 0 ? undefined : { nodes: spare, body: full },
      deadlineMs: CALL_DEADLINE_MS,
      answered: (node, answer) => {
        if ('digest' in answer) digests.push(answer.digest)
        else answers.push(answer)
        votes.add(node, true)
        return votes.isDecided
      },
      failed: (node) => {
        votes.add(node, false)
        return votes.isDecided
      },
    })
    const [answer] = answers
    if (!votes.isWon || answer === undefined) return undefined
    const own = digests.length === 0 ? undefined : digestOfPage(answer)
    if (own !== undefined && !digests.every((other) => equalBytes(other, own))) return undefined
    return answers.length === 1 ? answer : mergeAnswers(answers)
  }

  /** Adds the live entries of a stretch, settling those that the owners differ on. */
  async #append(question: PageQuestion, stretch: Stretch, entries: IndexEntry[]): Promise<void> {
    const { keys, texts } = stretch
    const settled = await this.#settleDiffering(question, stretch)
    for (let index = 0; index < keys.length; index += 1) {
      const key = keys[index]!
      const text = texts[index]
      const line = text === undefined ? settled.get(key) : lineOf(text)
      if (line !== undefined) entries.push({ key, line })
    }
  }

  async #settleDiffering(
    question: PageQuestion,
    stretch: Stretch,
  ): Promise<ReadonlyMap<string, string | undefined>> {
    const settled = new Map<string, string | undefined>()
    const differing = stretch.keys.filter((_, index) => stretch.texts[index] === undefined)
    for (let start = 0; start < differing.length; start += SETTLING_MAX) {
      const group = differing.slice(start, start + SETTLING_MAX)
      const lines = await Promise.all(group.map((key) => this.#settledLine(question, key)))
      group.forEach((key, index) => settled.set(key, lines[index]))
    }
    return settled
  }

  async #settledLine(question: PageQuestion, key: string): Promise<string | undefined> {
    const { local, place, index, fence } = question
    const found = local.indexes.get(index)
    if (found === undefined) throw new TableError('BadMessage', `Cannot find index "${index}"`)
    const at = { local, place, key }
    const lineOf = (value: unknown): string | undefined =>
      value === undefined ? undefined : found.definition.line(value, key)
    const line = lineOf(await this.#registers.value(at))
    if (line !== undefined || fence === undefined) return line
    // An owner where the fence does not stand may yet take what makes a quorum with one that has it.
    return lineOf(await this.#registers.byBallot(at, FENCED_SETTLE_MS))
  }
}

/** Of rows that were deleted many follow one another: without it a small page would creep over them. Pure. */
function rowsForEach(rows: number, entries: number): number {
  return rows / Math.max(entries, 0.5)
}

/** Leaves open what those that are read cannot say alone: a read of the register asks the others. */
function proved(stretch: Stretch, vouchedTo: number): Stretch {
  if (vouchedTo === Infinity) return stretch
  const texts = stretch.texts.map((text) =>
    text === undefined || ballotOfIndex(text).layout > vouchedTo ? undefined : text,
  )
  return { ...stretch, texts }
}

/** Merges owners' answers and cuts where the first of them ends. Pure. */
export function mergeAnswers(answers: readonly PageAnswer[]): Stretch {
  const boundary = boundaryOf(answers)
  const positions = answers.map(() => 0)
  const keys: string[] = []
  const texts: (string | undefined)[] = []
  for (;;) {
    const key = lowestKey(answers, positions)
    if (key === undefined || (boundary !== undefined && compareUtf8(key, boundary) > 0)) break
    const own = answers.map((answer, index) => {
      const position = positions[index]!
      if (answer.keys[position] !== key) return undefined
      positions[index] = position + 1
      return answer.texts[position]
    })
    keys.push(key)
    texts.push(own.every((text) => text === own[0]) ? own[0] : undefined)
  }
  return { keys, texts, done: boundary === undefined }
}

function lowestKey(
  answers: readonly PageAnswer[],
  positions: readonly number[],
): string | undefined {
  let lowest: string | undefined
  answers.forEach(({ keys }, index) => {
    const key = keys[positions[index]!]
    if (key !== undefined && (lowest === undefined || compareUtf8(key, lowest) < 0)) lowest = key
  })
  return lowest
}

/** The last key that every answer covered; undefined when all went to the end. */
function boundaryOf(answers: readonly PageAnswer[]): string | undefined {
  let boundary: string | undefined
  for (const { keys, done } of answers) {
    const last = keys.at(-1)
    if (done || last === undefined) continue
    if (boundary === undefined || compareUtf8(last, boundary) < 0) boundary = last
  }
  return boundary
}
