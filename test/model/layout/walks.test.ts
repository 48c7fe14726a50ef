import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareEpochs, type Epoch } from '../../../src/base/ballot.ts'
import { encodeHistory } from '../../../src/cluster/layout/stored.ts'
import {
  applyLayoutCommand,
  revertLayoutCommand,
  skipNodesCommand,
  stageLayoutCommand,
} from '../../../src/model/commands/layout.ts'
import { nothingStaged, type LayoutHistory } from '../../../src/cluster/layout/history.ts'
import { nodeOf, storing, wishes } from '../../cluster/layout/members.ts'
import { runSeed } from '../../support/seeded.ts'
import { calm, LayoutWorld, rough, type FollowingNode } from './world.ts'

/** A cluster whose operators are restless and whose nodes crash, freeze and lose one another. */
class Walk extends LayoutWorld {
  /** What was ever adopted under a cluster id and a revision, and under a version. */
  readonly #adopted = new Map<string, string>()
  readonly #layouts = new Map<string, string>()
  readonly #epochs = new Map<string, Epoch>()
  readonly #seen = new WeakSet<LayoutHistory>()
  #frozen: FollowingNode | undefined
  adoptions = 0

  constructor(seed: number) {
    super(seed, 5, seed % 2 === 0 ? calm : rough)
  }

  /** Looks at every node; what is durable or told must agree with all that ever was. */
  look(): void {
    for (const node of this.nodes) {
      const history = node.history()
      if (history === undefined || this.#seen.has(history)) continue
      this.#seen.add(history)
      const { clusterId, revision, active } = history
      this.#same(this.#adopted, `${clusterId} ${revision}`, encodeHistory(history))
      for (const [index, layout] of active.entries()) {
        const stored = encodeHistory(history).active[index]
        this.#same(this.#layouts, `${clusterId} ${layout.version}`, stored)
      }
      const name = `${node.id} ${node.lives}`
      const epoch = node.now.members.epoch()
      const before = this.#epochs.get(name) ?? epoch
      assert.ok(compareEpochs(epoch, before) >= 0, 'an epoch went back')
      this.#epochs.set(name, epoch)
    }
    const ids = new Set([...this.#adopted.keys()].map((key) => key.split(' ')[0]))
    assert.ok(ids.size <= 1, 'two clusters')
  }

  #same(known: Map<string, string>, key: string, value: unknown): void {
    const text = JSON.stringify(value)
    const before = known.get(key)
    if (before === undefined) {
      known.set(key, text)
      this.adoptions += 1
    } else assert.equal(text, before, key)
  }

  step(): void {
    const node = this.rng.pick(this.nodes)
    const drawn = this.rng.below(100)
    if (drawn < 40) this.operate(node)
    else if (drawn < 55) this.crash(node)
    else if (drawn < 65) this.freeze(node)
    else if (drawn < 80) this.cut(node)
    else this.world.cuts.clear()
    for (const other of this.nodes) if (!other.isUp && this.rng.chance(0.5)) other.start()
  }

  operate(node: FollowingNode): void {
    if (!node.isUp) return
    const { follower, members } = node.now
    const ignore = (): void => undefined
    const version = members.history()?.active.at(-1)?.version
    if (version === undefined) {
      node.propose(3 + this.rng.below(2), 1 + this.rng.below(3)).catch(ignore)
      return
    }
    const other = nodeOf(this.rng.below(5))
    const role = this.rng.chance(0.7) ? storing(`z${this.rng.below(3)}`) : undefined
    const commands = [
      stageLayoutCommand(wishes([other, role])),
      stageLayoutCommand({ ...nothingStaged, factor: 1 + this.rng.below(3), zoneSpread: 1 }),
      applyLayoutCommand(version + 1),
      applyLayoutCommand(version + 1),
      revertLayoutCommand(),
      skipNodesCommand({ version, nodes: [other], allowMissingData: false }),
    ]
    follower.change(this.rng.pick(commands)).catch(ignore)
  }

  crash(node: FollowingNode): void {
    if (this.#frozen === node) this.#frozen = undefined
    node.crash()
  }

  freeze(node: FollowingNode): void {
    this.#frozen?.now.life.thaw()
    this.#frozen = node.isUp ? node : undefined
    this.#frozen?.now.life.freeze()
  }

  cut(node: FollowingNode): void {
    const other = this.rng.pick(this.nodes)
    this.world.cuts.add(`${node.id} ${other.id}`)
  }

  async heal(): Promise<void> {
    this.world.cuts.clear()
    this.#frozen?.now.life.thaw()
    for (const node of this.nodes) if (!node.isUp) node.start()
    await this.until(() => {
      this.look()
      return this.agree() && this.nodes[0]!.history()!.active.length === 1
    }, 180_000)
  }
}

const rounds = Number(process.env['WALKS'] ?? 8)

test('no walk of restless operators and failing nodes makes two histories of one', async (t) => {
  const seed = runSeed()
  t.diagnostic(`seed ${seed}`)
  let adoptions = 0
  let versions = 0
  for (let round = 0; round < rounds; round += 1) {
    const walk = new Walk(seed + round)
    walk.start()
    try {
      await walk.over(walk.nodes[0]!.propose(3, 2)).catch(() => undefined)
      for (let step = 0; step < 60; step += 1) {
        walk.step()
        await walk.pass(700, () => walk.look())
      }
      await walk.heal()
    } catch (error) {
      throw new Error(`seed ${seed + round}: ${walk.describe()}`, { cause: error })
    }
    adoptions += walk.adoptions
    versions += walk.nodes[0]!.history()!.active[0]!.version
  }
  t.diagnostic(`${adoptions} histories, ${versions} layouts`)
  assert.ok(versions > 2 * rounds, 'too little happened to tell')
})
