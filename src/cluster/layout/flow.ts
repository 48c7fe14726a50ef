/**
 * The cheapest of the largest flows through a network, in whole units. Pure.
 *
 * Successive shortest paths (Ahuja, Magnanti, Orlin: Network Flows, 9.7); a path is found by
 * label correcting with a queue, as edges that are taken back have negative costs.
 */

import { assert } from '../../base/assert.ts'

/** An edge and its way back lie beside one another: `edge ^ 1` is the other. */
export class FlowNetwork {
  readonly #edgesOf: number[][]
  readonly #to: number[] = []
  readonly #room: number[] = []
  readonly #cost: number[] = []
  /** Of the search that runs, by vertex: a search is made for each path. */
  readonly #distance: number[]
  readonly #via: number[]
  readonly #isQueued: boolean[]
  /** As long as the longest search so far. */
  readonly #queue: number[] = []

  constructor(vertexCount: number) {
    this.#edgesOf = Array.from({ length: vertexCount }, () => [])
    this.#distance = new Array<number>(vertexCount).fill(Infinity)
    this.#via = new Array<number>(vertexCount).fill(-1)
    this.#isQueued = new Array<boolean>(vertexCount).fill(false)
  }

  /**
   * @param capacity units, a whole number
   * @param cost of each unit, a whole number not below 0
   * @returns the edge's number, for `flowOf`
   */
  connect(
    from: number,
    to: number,
    { capacity, cost }: { capacity: number; cost: number },
  ): number {
    const edge = this.#to.length
    this.#to.push(to, from)
    this.#room.push(capacity, 0)
    this.#cost.push(cost, -cost)
    this.#edgesOf[from]!.push(edge)
    this.#edgesOf[to]!.push(edge + 1)
    return edge
  }

  /** Units that go through an edge. */
  flowOf(edge: number): number {
    return this.#room[edge ^ 1]!
  }

  /** Sends as much as goes from `source` to `sink` at the lowest cost. */
  run(source: number, sink: number): { readonly units: number; readonly cost: number } {
    let units = 0
    let cost = 0
    for (;;) {
      const path = this.#cheapestPath(source, sink)
      if (path === undefined) return { units, cost }
      let room = Infinity
      for (const edge of path) room = Math.min(room, this.#room[edge]!)
      for (const edge of path) {
        this.#room[edge]! -= room
        this.#room[edge ^ 1]! += room
        cost += room * this.#cost[edge]!
      }
      units += room
    }
  }

  #cheapestPath(source: number, sink: number): number[] | undefined {
    const distance = this.#distance.fill(Infinity)
    const via = this.#via.fill(-1)
    const isQueued = this.#isQueued
    const queue = this.#queue
    queue[0] = source
    let queuedCount = 1
    distance[source] = 0
    for (let at = 0; at < queuedCount; at += 1) {
      const from = queue[at]!
      isQueued[from] = false
      for (const edge of this.#edgesOf[from]!) {
        const to = this.#to[edge]!
        const reached = distance[from]! + this.#cost[edge]!
        if (this.#room[edge] === 0 || reached >= distance[to]!) continue
        distance[to] = reached
        via[to] = edge
        if (isQueued[to]) continue
        isQueued[to] = true
        queue[queuedCount] = to
        queuedCount += 1
      }
    }
    if (distance[sink] === Infinity) return undefined
    const path: number[] = []
    for (let vertex = sink; vertex !== source; vertex = this.#to[path.at(-1)! ^ 1]!) {
      const edge = via[vertex]!
      assert(edge >= 0, 'every vertex that was reached knows by which edge')
      path.push(edge)
    }
    return path
  }
}
